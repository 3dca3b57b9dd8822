"""IP packets and fragments by hand: datagrams cut where nobody would cut them, and sent as they are."""

import ipaddress
import secrets
import socket
import struct

from .dns import Address
from .netns import Space

UDP = socket.IPPROTO_UDP
FRAGMENT = socket.IPPROTO_FRAGMENT
MORE = 1
UNIT = 8  # octets that fragment offsets count in (RFC 791 section 3.1)
HOPS = 64
ETHERTYPE_VLAN, ETHERTYPE_IPV4, ETHERTYPE_IPV6 = 0x8100, 0x0800, 0x86DD
PRIORITY = 5

Cut = tuple[int, int]  # offset and length of a piece, in octets of the UDP datagram


def udp_write(source: Address, destination: Address, payload: bytes) -> bytes:
    """A UDP datagram with its checksum (RFC 768, RFC 8200 section 8.1)."""
    addresses = packed(source[0]) + packed(destination[0])
    length = 8 + len(payload)
    header = struct.pack("!4H", source[1], destination[1], length, 0)
    total = checksum(addresses + struct.pack("!2I", length, UDP) + header + payload) or 0xFFFF
    return header[:6] + struct.pack("!H", total) + payload


def pieces_write(source: Address, destination: Address, datagram: bytes, cuts: list[Cut],
                 identification: int | None = None) -> list[bytes]:
    """An IP packet for each piece; the last octets of the datagram make the last piece of it, wherever it is in the list."""
    number = secrets.randbelow(1 << 16) if identification is None else identification
    write = piece_write_v6 if ":" in source[0] else piece_write_v4
    return [write(source[0], destination[0], datagram[offset:offset + length], offset, offset + length < len(datagram), number)
            for offset, length in cuts]


def piece_write_v4(source: str, destination: str, piece: bytes, offset: int, more: bool, identification: int) -> bytes:
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(piece), identification, more << 13 | offset // UNIT, HOPS, UDP, 0,
                         packed(source), packed(destination))
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + piece


def piece_write_v6(source: str, destination: str, piece: bytes, offset: int, more: bool, identification: int) -> bytes:
    header = struct.pack("!IHBB16s16s", 6 << 28, 8 + len(piece), FRAGMENT, HOPS, packed(source), packed(destination))
    return header + struct.pack("!BBHI", UDP, 0, offset // UNIT << 3 | more, identification) + piece


def cuts_of(length: int, piece: int) -> list[Cut]:
    """As a kernel would cut: pieces of that many octets (a multiple of 8) and a rest."""
    return [(offset, min(piece, length - offset)) for offset in range(0, length, piece)]


def overlapping(length: int, piece: int) -> list[Cut]:
    """Each piece begins with the last 8 octets of the one before (RFC 5722: the whole datagram is to be dropped)."""
    return [(max(offset - UNIT, 0), min(piece + UNIT, length - max(offset - UNIT, 0))) for offset in range(0, length, piece)]


def tiny_first(length: int, piece: int) -> list[Cut]:
    """A first piece of 8 octets, which hides from filters what the datagram is (RFC 1858 section 3)."""
    return [(0, UNIT)] + [(UNIT + offset, size) for offset, size in cuts_of(length - UNIT, piece)]


def packets_send(space: Space, packets: list[bytes]) -> None:
    """As they are; to which neighbour is the kernel's business."""
    family = socket.AF_INET6 if packets[0][0] >> 4 == 6 else socket.AF_INET
    with space.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        for packet in packets:
            sock.sendto(packet, (destination_of(packet), 0))


def tagged_send(space: Space, device: str, to_mac: str, vlan: int, packet: bytes) -> None:
    """In a frame with an IEEE 802.1Q tag; vlan 0: a priority and no VLAN."""
    kind = ETHERTYPE_IPV6 if packet[0] >> 4 == 6 else ETHERTYPE_IPV4
    macs = bytes.fromhex((to_mac + space.mac(device)).replace(":", ""))
    with space.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock, space.inside():
        sock.bind((device, 0))
        sock.send(macs + struct.pack("!HHH", ETHERTYPE_VLAN, PRIORITY << 13 | vlan, kind) + packet)


def destination_of(packet: bytes) -> str:
    return str(ipaddress.ip_address(packet[24:40] if packet[0] >> 4 == 6 else packet[16:20]))


def packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def checksum(octets: bytes) -> int:
    """RFC 1071."""
    words = struct.unpack(f"!{(len(octets) + 1) // 2}H", octets + b"\0" * (len(octets) % 2))
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
