"""Somebody who sends what they should not: requests by hand, with one thing wrong, and a wire to listen on."""

import asyncio
import base64
import secrets
import socket
import struct

from .dialog import Dialog
from .dns import Address
from .netns import Space
from .sip import Message, Via, message_read, name_address_read
from .udp import Port

ANSWER_S = 1.0
SILENCE_S = 0.4  # how long nothing must come for it to count as nothing
ETH_P_ALL = 3
ETH_P_IP = 0x0800


class Forger:
    """One socket, and the answer to what was last sent from it."""

    def __init__(self, sock: socket.socket, address: str, port: int = 0) -> None:
        self.port = Port(sock, address, port)
        self.port.on_datagram = self._hear
        self._answers: dict[str, asyncio.Queue[Message]] = {}
        self.requests: list[str] = []  # that somebody sent here: nobody should

    def close(self) -> None:
        self.port.close()

    def _hear(self, octets: bytes, source: Address, port: Port) -> None:
        message = message_read(octets)
        if message.is_request:
            self.requests.append(message.start)
        elif message.via.branch in self._answers:
            self._answers[message.via.branch].put_nowait(message)

    async def send(self, request: Message, to: Address, patience_s: float = ANSWER_S) -> Message | None:
        """A copy of the request under a Via of its own; the first answer, or None."""
        sent = request.copy()
        branch = "z9hG4bK" + secrets.token_hex(10)
        sent.headers.insert(0, ("Via", str(Via("UDP", str(self.port), {"branch": branch, "rport": None}))))
        return await self.send_octets(sent.encode(), branch, to, patience_s)

    async def send_octets(self, octets: bytes, branch: str, to: Address, patience_s: float = ANSWER_S) -> Message | None:
        self._answers[branch] = asyncio.Queue()
        self.port.send(octets, to)
        try:
            return await asyncio.wait_for(self._answers[branch].get(), patience_s)
        except asyncio.TimeoutError:
            return None


class Wire:
    """Listens to the UDP datagrams that a device sends and gets; a switch's end of a cable, too."""

    def __init__(self, space: Space, device: str) -> None:
        self._socket = space.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        with space.inside():
            self._socket.bind((device, ETH_P_ALL))
        self._socket.setblocking(False)
        self.heard: list[bytes] = []
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _read(self) -> None:
        try:
            packet, origin = self._socket.recvfrom(65535)
        except OSError:
            return
        header = (packet[0] & 15) * 4
        if origin[1] == ETH_P_IP and packet[9] == socket.IPPROTO_UDP:
            length = struct.unpack_from("!H", packet, header + 4)[0]
            self.heard.append(packet[header + 8:header + length])


def token_octets(text: str) -> bytes:
    return base64.urlsafe_b64decode(text)


def token_text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode("ascii")


def flips(text: str) -> list[str]:
    """The token with each of its bits turned, one at a time."""
    octets = token_octets(text)
    found = []
    for bit in range(len(octets) * 8):
        changed = bytearray(octets)
        changed[bit // 8] ^= 1 << bit % 8
        found.append(token_text(bytes(changed)))
    return found


def truncations(text: str) -> list[str]:
    return [text[:length] for length in range(1, len(text))]


def extensions(text: str) -> list[str]:
    return [text + "A" * more for more in (1, 2, 3, 4, 16, 17)]


def encodings(text: str) -> list[str]:
    """The same octets, written otherwise: padding, escapes, another alphabet, another case."""
    escaped = [f"{text[:at]}%{ord(text[at]):02X}{text[at + 1:]}" for at in (0, 29, 59)]
    standard = base64.b64encode(token_octets(text)).decode("ascii")
    return [text + "=", text + "==", *escaped, text.swapcase(), text.lower(), text.upper(), f"{text}:", f"{text}:x",
            *([standard] if standard != text else [])]


def replace_token(dialog: Dialog, names: list[str], token: str) -> list[str]:
    """The dialog's route set with another token in place of its first."""
    routes, done = [], False
    for text in dialog.route_set:
        route = name_address_read(text)
        if not done and route.uri.host in names and route.uri.user:
            route.uri.user, done = token, True
        routes.append(str(route))
    return routes
