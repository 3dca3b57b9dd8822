"""UDP sockets on the event loop that hear of ICMP errors, and who they were about."""

import asyncio
import socket
from collections.abc import Callable

from .dns import Address
from .transport import UDP

# linux/in.h and asm/socket.h; Python has no names for them.
IP_RECVERR = 11
IPV6_RECVERR = 25
MSG_ERRQUEUE = 0x2000
DATAGRAM_MAX = 65535


class Port:
    """One bound socket. Datagrams and unreachable peers go to whoever owns it."""

    transport = UDP

    def __init__(self, sock: socket.socket, address: str, port: int = 0) -> None:
        self._socket = sock
        family6 = sock.family == socket.AF_INET6
        sock.setsockopt(*((socket.IPPROTO_IPV6, IPV6_RECVERR) if family6 else (socket.IPPROTO_IP, IP_RECVERR)), 1)
        sock.setblocking(False)
        sock.bind((address, port))
        self.address: Address = sock.getsockname()[:2]
        self.host, self.number = f"[{self.address[0]}]" if family6 else self.address[0], self.address[1]
        self.on_datagram: Callable[[bytes, Address, "Port"], None] = lambda octets, source, port: None
        self.on_unreachable: Callable[[Address], None] = lambda target: None
        asyncio.get_running_loop().add_reader(sock, self._read)

    def __str__(self) -> str:
        return f"{self.host}:{self.number}"

    def send(self, octets: bytes, to: Address) -> None:
        """Loss is UDP's: an error of this datagram is as if it had been lost, and ICMP comes back by the error queue."""
        for _ in range(3):
            try:
                self._socket.sendto(octets, to)
                return
            except OSError:
                # An error that was pending is reported by the next call, which then has not sent.
                self._read_errors()

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _read(self) -> None:
        for _ in range(64):
            try:
                octets, source = self._socket.recvfrom(DATAGRAM_MAX)
            except BlockingIOError:
                break
            except OSError:
                continue
            self.on_datagram(octets, source[:2], self)
            if self._socket.fileno() < 0:
                return
        self._read_errors()

    def _read_errors(self) -> None:
        for _ in range(64):
            try:
                # The name of an error is the address that the failed datagram was sent to.
                target = self._socket.recvmsg(512, 512, MSG_ERRQUEUE)[3]
            except OSError:
                return
            self.on_unreachable(target[:2])
