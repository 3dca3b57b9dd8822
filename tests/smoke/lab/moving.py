"""Access addresses that move between edges, as keepalived moves them: taken from one host's interface, put on another's, and told to
the network by gratuitous ARP."""

import asyncio
import socket
import struct

from .cluster import Cluster
from .edge import wait_until
from .house import ACCESS, SIP_PORT, access_name
from .netns import Space

FIXED_HOST = 200  # of the address that stays: edge N has ACCESS 200 + N
TAKEN_ID = 20  # of the listener for edge N's address: 20 + N
ANNOUNCE_S = 0.1
ANNOUNCEMENTS = 15  # neighbours take no news of an address for a second after they have heard of it
MOVED_S = 5.0
ETH_P_ARP = 0x0806
BROADCAST = b"\xff" * 6


def announcement_write(mac: bytes, address: bytes) -> bytes:
    """RFC 5227 section 3: an ARP request that asks for its sender's own address."""
    arp = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, mac, address, bytes(6), address)
    return BROADCAST + mac + struct.pack("!H", ETH_P_ARP) + arp


class MovingCluster(Cluster):
    """Every edge takes every other edge's access address when it comes."""

    def __init__(self, *words: object, **named: object) -> None:
        super().__init__(*words, **named)
        self.holders = {edge: edge for edge in self.edges}
        self._announcing: set[asyncio.Task] = set()
        for edge, space in self.edge_spaces.items():
            space.ip("address", "del", f"{ACCESS}{edge}/24", "dev", "access")
            space.ip("address", "add", f"{ACCESS}{FIXED_HOST + edge}/24", "dev", "access")
            space.ip("address", "add", f"{ACCESS}{edge}/32", "dev", "access")

    def edge_configuration(self, edge: int, peers: list[int], cluster: str, keys: str) -> dict:
        settings = super().edge_configuration(edge, peers, cluster, keys)
        settings["cluster"]["takeover"] = "address"
        for peer in settings["cluster"]["peers"]:
            peer["name"] = access_name(peer["id"])
        settings["listeners"] += [
            {**settings["listeners"][0], "name": f"access-of-{peer}", "id": TAKEN_ID + peer, "owner": peer,
             "address": f"{ACCESS}{peer}:{SIP_PORT}"} for peer in peers]
        return settings

    def move(self, owner: int, to: int) -> None:
        """An edge's address leaves where it is and comes to another host. The lab goes on; the network hears of it again and again."""
        self.leave(owner, self.holders[owner])
        self.hold(owner, to)

    def leave(self, owner: int, host: int) -> None:
        for address in self.addresses(owner):
            self.edge_spaces[host].ip("address", "del", address, "dev", "access")

    def addresses(self, owner: int) -> list[str]:
        """What moves with an edge's phones."""
        return [f"{ACCESS}{owner}/32"]

    def announcing(self, space: Space, owner: int) -> list:
        """What tells the network where an edge's addresses are."""
        return [announce(space, "access", f"{ACCESS}{owner}")]

    def hold(self, owner: int, to: int) -> None:
        """The address comes to a host, whoever else has it."""
        space = self.edge_spaces[to]
        for address in self.addresses(owner):
            space.ip("address", "add", address, "dev", "access", *(["nodad"] if ":" in address else []))
        self.holders[owner] = to
        for work in self.announcing(space, owner):
            task = asyncio.get_running_loop().create_task(work)
            self._announcing.add(task)
            task.add_done_callback(self._announcing.discard)

    async def move_and_wait(self, owner: int, to: int) -> None:
        """Until the edge there says that it has it, and the network has been told."""
        self.move(owner, to)
        await wait_until(lambda: self.has_address(to, owner), MOVED_S, f"edge{to} to see the address of edge{owner}", self.weir[to])
        await self.announced()

    async def announced(self) -> None:
        """Until the network has been told."""
        await asyncio.gather(*self._announcing)

    def has_address(self, edge: int, owner: int) -> bool:
        """Whether an edge says that it has that address."""
        wanted = [address.split("/")[0] for address in self.addresses(owner)]
        here = [item["address"] for item in self.weir[edge].ask("status").get("addresses", []) if item["owner"] == owner and item["here"]]
        return all(f"[{address}]:{SIP_PORT}" in here or f"{address}:{SIP_PORT}" in here for address in wanted)


async def announce(space: Space, device: str, address: str) -> None:
    mac = bytes.fromhex(space.mac(device).replace(":", ""))
    frame = announcement_write(mac, socket.inet_aton(address))
    with space.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((device, 0))
        for _ in range(ANNOUNCEMENTS):
            raw.send(frame)
            await asyncio.sleep(ANNOUNCE_S)
