"""What comes to a network device, frame by frame."""

import asyncio
import dataclasses
import ipaddress
import socket
import struct

from .fragments import ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_VLAN
from .netns import Space

ETH_P_ALL = 3
PACKET_OUTGOING = 4  # linux/if_packet.h
ICMP, ICMPV6 = socket.IPPROTO_ICMP, socket.IPPROTO_ICMPV6
UNREACHABLE = {ICMP: 3, ICMPV6: 1}
BUFFER_OCTETS = 4 << 20


@dataclasses.dataclass
class Packet:
    """The IP packet of a frame."""

    source: str
    protocol: int  # of what follows the IP header; extension headers of IPv6 are not walked
    octets: bytes  # what follows it

    @property
    def is_unreachable(self) -> bool:
        return bool(self.octets) and UNREACHABLE.get(self.protocol) == self.octets[0]


class Capture:
    """Frames that came to the device, not what left by it."""

    def __init__(self, space: Space, device: str) -> None:
        self._socket = space.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_OCTETS)
        with space.inside():
            self._socket.bind((device, ETH_P_ALL))
        self._socket.setblocking(False)
        self.frames: list[bytes] = []
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def unreachables(self) -> list[str]:
        """Who sent ICMP unreachable."""
        packets = [packet for packet in map(packet_read, self.frames) if packet]
        return [packet.source for packet in packets if packet.is_unreachable]

    def _read(self) -> None:
        while True:
            try:
                frame, origin = self._socket.recvfrom(65535)
            except OSError:
                return
            if origin[2] != PACKET_OUTGOING:
                self.frames.append(frame)


def packet_read(frame: bytes) -> Packet | None:
    """None: no IP."""
    kind, at = struct.unpack_from("!H", frame, 12)[0], 14
    if kind == ETHERTYPE_VLAN:
        kind, at = struct.unpack_from("!H", frame, 16)[0], 18
    if kind == ETHERTYPE_IPV4:
        header = (frame[at] & 15) * 4
        return Packet(str(ipaddress.ip_address(frame[at + 12:at + 16])), frame[at + 9], frame[at + header:])
    if kind == ETHERTYPE_IPV6:
        return Packet(str(ipaddress.ip_address(frame[at + 8:at + 24])), frame[at + 6], frame[at + 40:])
    return None
