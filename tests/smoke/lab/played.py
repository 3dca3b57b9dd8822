"""Those that a core meets and that nobody ships: an edge over TCP that keeps what it gets, and a strict router of RFC 2543."""

import asyncio
import secrets
import socket
import struct

from .dialog import new_tag
from .house import DOMAIN
from .netns import Space
from .sip import Message, message_read, response_write
from .stream import message_receive
from .udp import Port


class PlayedEdge:
    """Takes one connection, and keeps or answers what comes by it."""

    def __init__(self, space: Space, address: str, status: int | None) -> None:
        self.requests: list[Message] = []
        self.came = asyncio.Event()
        self._status = status
        self._socket = space.socket(kind=socket.SOCK_STREAM)
        self._socket.bind((address, 0))
        self._address = address
        self.number = self._socket.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, sock=self._socket)

    @property
    def path(self) -> str:
        return f"<sip:flow@{self._address}:{self.number};transport=tcp;lr;ob>"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            while True:
                request = message_read(await message_receive(reader))
                self.requests.append(request)
                self.came.set()
                if self._status is not None and request.method != "ACK":
                    answer = response_write(request, self._status, "Played", writer.get_extra_info("peername"), new_tag())
                    writer.write(answer.encode())
        except (asyncio.IncompleteReadError, OSError):
            pass

    def kill(self) -> None:
        """As the kernel ends the connections of a process that is killed with octets unread."""
        self._server.close()
        for writer in self._writers:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class StrictRouter:
    """A port that answers 200 and remembers what it was asked."""

    def __init__(self, space: Space, address: str) -> None:
        self.port = Port(space.socket(), address)
        self.port.on_datagram = self._receive
        self.requests: list[Message] = []

    def _receive(self, octets: bytes, source: tuple[str, int], port: Port) -> None:
        request = message_read(octets)
        self.requests.append(request)
        port.send(response_write(request, 200, "OK", source, new_tag()).encode(), source)


def message_write(target: str, *routes: str) -> Message:
    message = Message(f"MESSAGE {target} SIP/2.0")
    for route in routes:
        message.add("Route", route)
    for name, value in (("Max-Forwards", "70"), ("From", f"<sip:lab@{DOMAIN}>;tag={new_tag()}"), ("To", f"<sip:lab@{DOMAIN}>"),
                        ("Call-ID", secrets.token_hex(8)), ("CSeq", "1 MESSAGE")):
        message.add(name, value)
    return message
