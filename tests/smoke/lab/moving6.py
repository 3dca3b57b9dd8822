"""Access addresses of both families that move together; phones on IPv6 hear of theirs by an unsolicited neighbour advertisement."""

import asyncio
import socket
import struct

from .cluster6 import ACCESS6, Cluster6, address6
from .house import SIP_PORT, access_name
from .moving import ANNOUNCE_S, ANNOUNCEMENTS, FIXED_HOST, MovingCluster
from .netns import Space

TAKEN6_ID = 40  # of the listener for edge N's address: 40 + N
ETH_P_IPV6 = 0x86DD
ALL_NODES = "ff02::1"
ALL_NODES_MAC = bytes.fromhex("333300000001")
ICMP6 = 58
ADVERTISEMENT = 136
OVERRIDE = 0x20000000
TARGET_LINK_ADDRESS = 2


def checksum_write(octets: bytes) -> int:
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def advertisement_write(mac: bytes, address: bytes) -> bytes:
    """RFC 4861 section 7.2.6: to all, with the override flag, about its sender's own address."""
    everybody = socket.inet_pton(socket.AF_INET6, ALL_NODES)
    body = struct.pack("!I", OVERRIDE) + address + bytes([TARGET_LINK_ADDRESS, 1]) + mac
    message = struct.pack("!BBH", ADVERTISEMENT, 0, 0) + body
    pseudo = address + everybody + struct.pack("!II", len(message), ICMP6)
    message = struct.pack("!BBH", ADVERTISEMENT, 0, checksum_write(pseudo + message)) + body
    header = struct.pack("!IHBB", 6 << 28, len(message), ICMP6, 255) + address + everybody
    return ALL_NODES_MAC + mac + struct.pack("!H", ETH_P_IPV6) + header + message


class MovingCluster6(MovingCluster, Cluster6):
    def __init__(self, **more: object) -> None:
        super().__init__(**more)
        for edge, space in self.edge_spaces.items():
            space.ip("address", "del", f"{address6(edge)}/64", "dev", "access")
            space.ip("address", "add", f"{ACCESS6}{FIXED_HOST + edge}/64", "dev", "access", "nodad")
            space.ip("address", "add", f"{address6(edge)}/128", "dev", "access", "nodad")

    def edge_configuration(self, edge: int, peers: list[int], cluster: str, keys: str) -> dict:
        settings = super().edge_configuration(edge, peers, cluster, keys)
        own = next(item for item in settings["listeners"] if item["name"] == "access6")
        settings["listeners"] += [
            {**own, "name": f"access6-of-{peer}", "id": TAKEN6_ID + peer, "owner": peer, "advertise": access_name(peer),
             "address": f"'[{address6(peer)}]:{SIP_PORT}'"} for peer in peers]
        return settings

    def addresses(self, owner: int) -> list[str]:
        return [*super().addresses(owner), f"{address6(owner)}/128"]

    def announcing(self, space: Space, owner: int) -> list:
        return [*super().announcing(space, owner), advertise(space, "access", address6(owner))]


async def advertise(space: Space, device: str, address: str) -> None:
    mac = bytes.fromhex(space.mac(device).replace(":", ""))
    frame = advertisement_write(mac, socket.inet_pton(socket.AF_INET6, address))
    with space.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((device, 0))
        for _ in range(ANNOUNCEMENTS):
            raw.send(frame)
            await asyncio.sleep(ANNOUNCE_S)
