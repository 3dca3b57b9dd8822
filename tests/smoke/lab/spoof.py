"""Datagrams under somebody else's address, and what an edge sends, datagram by datagram."""

import dataclasses
import ipaddress
import socket
import struct

from .capture import Capture
from .dns import Address
from .fragments import ETHERTYPE_IPV4
from .netns import Space

UDP_OCTETS = 8
IPV4_OCTETS = 20


class Spoofer:
    """Writes IPv4 headers itself, as nobody hinders it to in a network that does not filter its customers' sources."""

    def __init__(self, space: Space) -> None:
        self._socket = space.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.sent = 0
        self.octets = 0

    def close(self) -> None:
        self._socket.close()

    def send(self, octets: bytes, source: Address, to: Address) -> None:
        datagram = struct.pack("!HHHH", source[1], to[1], UDP_OCTETS + len(octets), 0) + octets
        # The kernel fills in length, identification and checksum; UDP over IPv4 may go without one.
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, socket.IPPROTO_UDP, 0, packed(source[0]), packed(to[0]))
        self._socket.sendto(header + datagram, (to[0], 0))
        self.sent += 1
        self.octets += len(header) + len(datagram)


@dataclasses.dataclass
class Datagram:
    source: Address
    target: Address
    octets: int  # of the IP packet
    payload: bytes


def datagrams(capture: Capture) -> list[Datagram]:
    """The whole UDP datagrams among IPv4 frames that came, which are then forgotten."""
    frames, capture.frames = capture.frames, []
    return [found for found in map(_datagram_read, frames) if found]


def _datagram_read(frame: bytes) -> Datagram | None:
    if struct.unpack_from("!H", frame, 12)[0] != ETHERTYPE_IPV4 or frame[14 + 9] != socket.IPPROTO_UDP:
        return None
    length = struct.unpack_from("!H", frame, 14 + 2)[0]
    udp = 14 + (frame[14] & 15) * 4
    if struct.unpack_from("!H", frame, 14 + 6)[0] & 0x1fff:
        return None
    source, target = struct.unpack_from("!HH", frame, udp)
    return Datagram((text(frame[26:30]), source), (text(frame[30:34]), target), length, frame[udp + UDP_OCTETS:14 + length])


def packed(address: str) -> bytes:
    return ipaddress.IPv4Address(address).packed


def text(address: bytes) -> str:
    return str(ipaddress.IPv4Address(address))
