"""A phone's port for TCP, TLS and WebSocket: one connection a target, opened by the first message for it.

It has the face of udp.Port. What is sent before the connection stands waits for it. Whoever owns the port hears of a target that
cannot be connected to (unreachable), and of a connection that ends (lost).
"""

import asyncio
import re
import secrets
import socket
import ssl
import struct
import time
from collections.abc import Callable

from .dns import Address
from .transport import Transport
from .udp import Port
from .websocket import PING, WebSocket, WebSocketError

OPENING_S = 5.0
READ_AHEAD = 1 << 20
PING_OCTETS, PONG_OCTETS = b"\r\n\r\n", b"\r\n"
LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*(\d+)[ \t]*(?=\r\n)", re.IGNORECASE)


class FramingError(Exception):
    """Octets that no message can be made of."""


class StreamPort:
    def __init__(self, new_socket: Callable[[], socket.socket], address: str, transport: Transport,
                 context: ssl.SSLContext | None = None, server_name: str = "") -> None:
        """`server_name`: whom every edge that this port connects to must prove to be (TLS), and the host of WebSocket requests."""
        self.transport = transport
        self.context = context
        self.server_name = server_name
        self._new_socket = new_socket
        self._connections: dict[Address, Connection] = {}
        self._reserved = None if transport.web else reserve(new_socket(), address, self._refuse_caller)
        self.address: Address = self._reserved.getsockname() if self._reserved else (address, 0)
        # A browser cannot know its address (RFC 7118 section 5.2.1).
        self.host, self.number = (f"{secrets.token_hex(6)}.invalid", None) if transport.web else self.address
        self.on_datagram: Callable[[bytes, Address, "StreamPort"], None] = lambda octets, source, port: None
        self.on_unreachable: Callable[[Address], None] = lambda target: None
        self.on_fault: Callable[[str], None] = lambda text: None
        self.on_lost: Callable[[Address, str], None] = lambda target, why: None

    def __str__(self) -> str:
        return self.host if self.number is None else f"{self.host}:{self.number}"

    def new_socket(self) -> socket.socket:
        return self._new_socket()

    def send(self, octets: bytes, to: Address) -> None:
        self.connect(to).send(octets)

    def connect(self, to: Address) -> "Connection":
        """The connection to that target, open or about to be."""
        if to not in self._connections:
            self._connections[to] = Connection(self, to)
        return self._connections[to]

    def connection(self, to: Address) -> "Connection | None":
        return self._connections.get(to)

    def close(self) -> None:
        for connection in list(self._connections.values()):
            connection.close()
        if self._reserved is not None:
            asyncio.get_running_loop().remove_reader(self._reserved)
            self._reserved.close()

    def drop(self, connection: "Connection") -> None:
        """The next message for its target opens another one."""
        if self._connections.get(connection.target) is connection:
            del self._connections[connection.target]

    def forget(self, connection: "Connection", why: str) -> None:
        """The connection has ended by itself."""
        self.drop(connection)
        if connection.opened:
            self.on_lost(connection.target, why)
        else:
            self.on_unreachable(connection.target)

    def _refuse_caller(self) -> None:
        """Behind a NAT nobody can connect to a phone, so nobody may try."""
        caller, source = self._reserved.accept()
        caller.close()
        self.on_fault(f"{source[0]}:{source[1]} connected to {self}: requests come over flows alone")


class Connection:
    def __init__(self, port: StreamPort, target: Address) -> None:
        self._port = port
        self.target = target
        self.opened = False
        self.why = ""  # it ended
        self._waiting: list[bytes] = []
        self._web: WebSocket | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._pongs: asyncio.Queue[float] = asyncio.Queue()
        self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def serial(self) -> str:
        """Of the certificate that the edge has shown."""
        return self._writer.get_extra_info("peercert")["serialNumber"]

    def send(self, octets: bytes) -> None:
        if not self.opened:
            self._waiting.append(octets)
        elif self._web is not None:
            self._web.send(octets)
        else:
            self._writer.write(octets)

    def send_raw(self, octets: bytes) -> None:
        """Octets that need be no message, nor a part of one."""
        self._writer.write(octets)

    async def ping(self, patience_s: float = 10) -> float | None:
        """How long until the pong to a double CRLF (RFC 5626 section 4.4.1); None: it did not come."""
        begin = time.monotonic()
        self.send(PING_OCTETS)
        try:
            return await asyncio.wait_for(self._pongs.get(), patience_s) - begin
        except asyncio.TimeoutError:
            return None

    async def ping_frame(self, patience_s: float = 1) -> bool:
        """Whether a ping of WebSocket itself was answered."""
        before, end = self._web.pongs, time.monotonic() + patience_s
        self._web.send(b"weir", PING)
        while self._web.pongs == before and time.monotonic() < end:
            await asyncio.sleep(0.01)
        return self._web.pongs == before + 1

    async def wait_open(self, patience_s: float = OPENING_S) -> None:
        end = time.monotonic() + patience_s
        while not self.opened:
            if self._task.done() or time.monotonic() > end:
                raise ConnectionError(f"no connection to {self.target[0]} over {self._port.transport.via}: {self.why}")
            await asyncio.sleep(0.002)

    def pause(self) -> None:
        """Read nothing from now on: the window closes when the buffers are full."""
        self._writer.transport.pause_reading()

    async def wait_ended(self, patience_s: float) -> bool:
        """Whether it ended by itself within that time."""
        done, _ = await asyncio.wait([self._task], timeout=patience_s)
        return bool(done)

    def close(self) -> None:
        """End it without a word to the owner, as a phone does that is switched off."""
        self._port.drop(self)
        self._task.cancel()
        if self._writer is not None:
            self._writer.transport.abort()

    def reset(self) -> None:
        """End it as a host that lost its memory does: by RST, never by FIN."""
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    async def _run(self) -> None:
        try:
            reader = await asyncio.wait_for(self._open(), OPENING_S)
            self.opened = True
            for octets in self._waiting:
                self.send(octets)
            while True:
                self._receive(await (self._web.receive() if self._web else message_receive(reader)))
        except asyncio.IncompleteReadError as error:
            self.why = "ended by the edge" + (" in mid-message" if error.partial else "")
        except asyncio.TimeoutError:
            self.why = "nobody answers"
        except (FramingError, ValueError, asyncio.LimitOverrunError) as error:
            self.why = str(error)
            self._port.on_fault(f"{self.target[0]} over {self._port.transport.via}: {error}")
        except (OSError, WebSocketError) as error:
            self.why = str(error)
        if self._writer is not None:
            self._writer.transport.abort()
        self._port.forget(self, self.why)

    async def _open(self) -> asyncio.StreamReader:
        port, sock = self._port, self._port.new_socket()
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(sock, self.target)
            name = port.server_name if port.transport.secure else None
            reader, self._writer = await asyncio.open_connection(
                sock=sock, ssl=port.context if port.transport.secure else None, server_hostname=name, limit=READ_AHEAD)
        except BaseException:
            sock.close()
            raise
        if port.transport.web:
            self._web = WebSocket(reader, self._writer)
            await self._web.open(port.server_name or self.target[0])
        return reader

    def _receive(self, octets: bytes) -> None:
        if octets == PONG_OCTETS:
            self._pongs.put_nowait(time.monotonic())
            return
        if self._web is None and LENGTH.search(octets) is None:
            raise FramingError("a message without Content-Length")
        self._port.on_datagram(octets, self.target, self._port)


AnyPort = Port | StreamPort


async def message_receive(reader: asyncio.StreamReader) -> bytes:
    """A message, or a CRLF that stands between two of them."""
    head = await reader.readexactly(2)
    if head == PONG_OCTETS:
        return head
    head += await reader.readuntil(b"\r\n\r\n")
    length = LENGTH.search(head)
    # RFC 3261 section 20.14: without it nobody can say where the message ends.
    return head + (await reader.readexactly(int(length[1])) if length else b"")


def reserve(sock: socket.socket, address: str, on_caller: Callable[[], None]) -> socket.socket:
    """A port number of one's own, as a phone's Contact names it; whoever connects to it is reported."""
    sock.setblocking(False)
    sock.bind((address, 0))
    sock.listen(8)
    asyncio.get_running_loop().add_reader(sock, on_caller)
    return sock
