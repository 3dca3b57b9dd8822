"""A socket that asks edges how they are (OPTIONS), in IPv4 and IPv6, as large as one likes."""

import asyncio
import secrets
import socket
import time

from .dns import Address
from .fragments import Cut, packets_send, pieces_write, tagged_send, udp_write
from .netns import Space
from .transaction import T1_S

PATIENCE_S = 2.0
REQUEST = """\
OPTIONS sip:{name} SIP/2.0\r
Via: SIP/2.0/UDP {via};branch={branch};rport\r
Max-Forwards: 70\r
From: <sip:asker@asker.test>;tag={branch};pad={pad}\r
To: <sip:{name}>\r
Call-ID: {branch}\r
CSeq: 1 OPTIONS\r
Content-Length: 0\r
\r
"""


class Asker:
    """The answer repeats the From of a request, so it is as large as that."""

    def __init__(self, space: Space, address: Address) -> None:
        self.space = space
        self.address = address
        self._socket = space.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.setblocking(False)
        self._socket.bind(address)

    def close(self) -> None:
        self._socket.close()

    async def ask(self, to: Address, name: str, octets: int = 0) -> tuple[list[str], float]:
        """A request of so many octets, sent again after half a second (RFC 3261, Timer E); what was wrong, and how long it took."""
        request, branch = request_write(self.address, name, octets)
        begin, answer = time.monotonic(), None
        for patience_s in (T1_S, PATIENCE_S - T1_S):
            if answer is None:
                self._send(request, to)
                answer = await self._hear(branch, patience_s)
        return complain(answer, to, request), time.monotonic() - begin

    async def ask_once(self, to: Address, name: str, patience_s: float) -> bool:
        """True if there was an answer."""
        request, branch = request_write(self.address, name, 0)
        self._send(request, to)
        return await self._hear(branch, patience_s) is not None

    async def ask_in_pieces(self, to: Address, name: str, octets: int, cuts: list[Cut], patience_s: float) -> bool:
        """A request in IP fragments of one's own making; True if there was an answer."""
        request, branch = request_write(self.address, name, octets)
        packets_send(self.space, pieces_write(self.address, to, udp_write(self.address, to, request), cuts))
        return await self._hear(branch, patience_s) is not None

    async def ask_tagged(self, device: str, to: Address, to_mac: str, name: str, vlan: int) -> bool:
        """A request in a tagged frame; True if there was an answer, tagged or not."""
        request, branch = request_write(self.address, name, 0)
        datagram = udp_write(self.address, to, request)
        tagged_send(self.space, device, to_mac, vlan, pieces_write(self.address, to, datagram, [(0, len(datagram))])[0])
        return await self._hear(branch, T1_S) is not None

    def _send(self, request: bytes, to: Address) -> None:
        try:
            self._socket.sendto(request, to)
        except OSError:
            pass  # a pending ICMP error, or no way at present: as if lost

    async def _hear(self, branch: str, patience_s: float) -> tuple[bytes, Address] | None:
        """The answer to that request; older ones are passed over."""
        end = time.monotonic() + patience_s
        while (left := end - time.monotonic()) > 0:
            try:
                octets, source = await asyncio.wait_for(asyncio.get_running_loop().sock_recvfrom(self._socket, 65535), left)
            except asyncio.TimeoutError:
                return None
            except OSError:
                continue
            if branch.encode() in octets:
                return octets, source[:2]
        return None


def request_write(address: Address, name: str, octets: int) -> tuple[bytes, str]:
    """At least so many octets, and its branch."""
    branch = "z9hG4bK" + secrets.token_hex(8)
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    words = {"name": name, "via": f"{host}:{address[1]}", "branch": branch}
    pad = max(octets - len(REQUEST.format(**words, pad="")), 1)
    return REQUEST.format(**words, pad=secrets.token_hex(pad // 2 + 1)[:pad]).encode("ascii"), branch


def complain(answer: tuple[bytes, Address] | None, to: Address, request: bytes) -> list[str]:
    if answer is None:
        return [f"no answer to {len(request)} octets from {to[0]}"]
    octets, source = answer
    line = octets.split(b"\r\n", 1)[0]
    sender = next(line for line in request.split(b"\r\n") if line.startswith(b"From:"))
    complaints = [] if line == b"SIP/2.0 200 OK" else [f"answered {line.decode('ascii', 'replace')}"]
    if source != to:
        complaints.append(f"answered from {source}")
    if sender not in octets.split(b"\r\n"):
        complaints.append("the answer has another From")
    return complaints
