"""Sockets that stand where a phone or a core would, and do nothing by themselves: what they send is written by hand, what they get is
kept as it came."""

import asyncio
import secrets
import socket

from .dns import Address
from .netns import Space
from .sip import Message, message_read, response_write

PATIENCE_S = 1.0
SILENCE_S = 0.15  # how long nothing must come for it to count as nothing
PROBE = b";branch=z9hG4bKc"  # how the branches of an edge's own requests begin; these have but one Via
STUN_BINDING_REQUEST = b"\x00\x01"


class Stand:
    """A UDP socket; `answers_probes`: it says 200 to what edges ask to see whether their upstream lives."""

    def __init__(self, space: Space, address: Address, answers_probes: bool = False) -> None:
        self.host = address[0]
        self._socket = space.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.setblocking(False)
        self._socket.bind(address)
        self.port: int = self._socket.getsockname()[1]
        self.answers_probes = answers_probes
        self.stun_requests = 0  # that somebody sent here: edges never do (RFC 5626 section 8)
        self._came: asyncio.Queue[tuple[bytes, Address]] = asyncio.Queue()
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def __str__(self) -> str:
        """As it stands in a Via."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def address(self) -> Address:
        return self.host, self.port

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def send(self, message: Message | bytes, to: Address) -> None:
        octets = message if isinstance(message, bytes) else message.encode()
        try:
            self._socket.sendto(octets, to)
        except OSError:
            self._socket.sendto(octets, to)  # the first reported what an earlier datagram met

    async def take(self, patience_s: float = PATIENCE_S) -> tuple[bytes, Address] | None:
        """The next datagram, and from where; None: nothing came."""
        try:
            return await asyncio.wait_for(self._came.get(), patience_s)
        except asyncio.TimeoutError:
            return None

    async def message(self, patience_s: float = PATIENCE_S) -> Message | None:
        came = await self.take(patience_s)
        return message_read(came[0]) if came else None

    def taken(self) -> list[bytes]:
        """What has come by now."""
        self._read()
        return [self._came.get_nowait()[0] for _ in range(self._came.qsize())]

    def forget(self) -> None:
        """What came until now is of no interest."""
        self.taken()

    def _read(self) -> None:
        for _ in range(64):
            try:
                octets, source = self._socket.recvfrom(65535)
            except BlockingIOError:
                return
            except OSError:
                continue
            self.stun_requests += octets.startswith(STUN_BINDING_REQUEST)
            if self.answers_probes and octets.startswith(b"OPTIONS ") and PROBE in octets and octets.count(b"\r\nVia:") == 1:
                self.send(response_write(message_read(octets), 200, "OK", source[:2], "probe"), source[:2])
            else:
                self._came.put_nowait((octets, source[:2]))


def branch_new() -> str:
    return "z9hG4bK" + secrets.token_hex(8)


def request_write(stand: Stand, method: str, target: str, *, routes: tuple[str, ...] = (), branch: str = "", call_id: str = "",
                  cseq: int = 1, sender: str = "<sip:a@weir.test>;tag=a", recipient: str = "<sip:b@weir.test>", via: str = "",
                  more: tuple[tuple[str, str], ...] = (), body: bytes = b"", max_forwards: str | None = "70") -> Message:
    """A request of that socket; what is not said is as a phone of today would have it."""
    message = Message(f"{method} {target} SIP/2.0")
    message.add("Via", via or f"SIP/2.0/UDP {stand};branch={branch or branch_new()};rport")
    for route in routes:
        message.add("Route", route)
    if max_forwards is not None:
        message.add("Max-Forwards", max_forwards)
    message.add("From", sender)
    message.add("To", recipient)
    message.add("Call-ID", call_id or secrets.token_hex(8))
    message.add("CSeq", f"{cseq} {method}")
    for name, value in more:
        message.add(name, value)
    message.body = body
    return message


class StreamStand:
    """A TCP connection in the same manner; messages are told apart by Content-Length."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.ended = False  # the other side has closed it
        self.host, self.port = writer.get_extra_info("sockname")[:2]

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @classmethod
    async def connect(cls, space: Space, host: str, to: Address) -> "StreamStand":
        sock = space.socket(kind=socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.bind((host, 0))
        await asyncio.get_running_loop().sock_connect(sock, to)
        return cls(*await asyncio.open_connection(sock=sock))

    def close(self) -> None:
        self._writer.transport.abort()

    def send(self, message: Message | bytes) -> None:
        self._writer.write(message if isinstance(message, bytes) else message.encode())

    async def octets(self, count: int, patience_s: float = PATIENCE_S) -> bytes | None:
        try:
            return await asyncio.wait_for(self._reader.readexactly(count), patience_s)
        except (asyncio.TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            return None

    async def all_octets(self, patience_s: float) -> bytes:
        """What comes until it closes, or that time is over."""
        found, end = b"", asyncio.get_running_loop().time() + patience_s
        while not self.ended and (left := end - asyncio.get_running_loop().time()) > 0:
            try:
                octets = await asyncio.wait_for(self._reader.read(65536), left)
            except (asyncio.TimeoutError, ConnectionError) as error:
                self.ended = isinstance(error, ConnectionError)
                break
            self.ended = not octets
            found += octets
        return found

    async def message(self, patience_s: float = PATIENCE_S) -> Message | None:
        try:
            head = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), patience_s)
        except (asyncio.TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            return None
        message = message_read(head)
        length = message.get("Content-Length")
        if not length:
            raise ValueError(f"no Content-Length on a stream: {message.start}")
        message.body = await self._reader.readexactly(int(length))
        return message
