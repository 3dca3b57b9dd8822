"""The house with phones on IPv6: no NAT between them and the edges, whose core stays on IPv4."""

import socket

from .cluster import Cluster
from .dns import Address, Resolver
from .house import ACCESS, DNS_HOST, SIP_PORT, access_name
from .nat import NatMode
from .netns import Network, Space
from .phone import Phone
from .stream import AnyPort
from .transport import Transport
from .udp import Port

ACCESS6 = "2001:db8:a::"
PHONES_HOST = 0x100
RESOLVING_HOST = 90


def address6(edge: int) -> str:
    return f"{ACCESS6}{edge}"


class Network6:
    """Stands where a NAT would: phones have public addresses. Of IPv4 they have one, to ask the name server."""

    def __init__(self, network: Network, name: str, number: int) -> None:
        self.phones: Space = network.space(name)
        self.box = self.phones
        network.cable(self.phones, "eth0", "access", f"{ACCESS}{RESOLVING_HOST + number}/24")

    def add_phone(self, index: int) -> str:
        address = f"{ACCESS6}{PHONES_HOST + index:x}"
        self.phones.ip("address", "add", f"{address}/64", "dev", "eth0", "nodad")
        return address


class Cluster6(Cluster):
    def __init__(self, **more: object) -> None:
        super().__init__(**more)
        for edge, space in self.edge_spaces.items():
            space.ip("address", "add", f"{address6(edge)}/64", "dev", "access", "nodad")
            self.zone.add_host6(f"access{edge}.test", address6(edge))
            self.zone.add_host6(access_name(edge), address6(edge))

    def edge_configuration(self, edge: int, peers: list[int], cluster: str, keys: str) -> dict:
        settings = super().edge_configuration(edge, peers, cluster, keys)
        # On the device of the other access listener, if that is on one.
        device = {name: value for name, value in settings["listeners"][0].items() if name in ("driver", "port")}
        settings["listeners"].append({"name": "access6", "side": "access", "transport": "udp",
                                      "address": f"'[{address6(edge)}]:{SIP_PORT}'", "advertise": access_name(edge), **device})
        return settings

    def add_nat(self, name: str, mode: NatMode | None) -> object:
        """`mode` None: IPv6, which needs none."""
        if mode is not None:
            return super().add_nat(name, mode)
        return Network6(self.network, name, len(self.nats) + 1)

    def phone(self, name: str, nat: object) -> Phone:
        if isinstance(nat, Network6):
            self._resolvers.setdefault(nat.phones.name, Resolver((f"{ACCESS}{DNS_HOST}", DNS_HOST), nat.phones.socket, family6=True))
        return super().phone(name, nat)

    def is_edge_access(self, source: Address) -> bool:
        return super().is_edge_access(source) or source in [(address6(edge), SIP_PORT) for edge in self.edges]

    def new_port(self, nat: object, address: str, transport: Transport, edge: str) -> AnyPort:
        if isinstance(nat, Network6):
            return Port(nat.phones.socket(socket.AF_INET6), address)
        return super().new_port(nat, address, transport, edge)
