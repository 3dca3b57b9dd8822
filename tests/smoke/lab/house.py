"""The house that most labs live in: two edges between phones behind NATs and a core, and a name server that all can reach."""

import asyncio
import os
import shutil
import tempfile

from .dns import Address, Resolver, Zone
from .drivers import Driver
from .janitor import Janitor
from .nat import NatBox, NatMode
from .netns import Network, Process, Space
from .phone import Account, Contact, Flow, Phone
from .transport import UDP, Transport
from .udp import Port

DOMAIN = "weir.test"
CLUSTER = "edge.test"
CORE_NAME = "core.test"
ACCESS = "203.0.113."
CORE = "10.9.0."
PEER = "10.8.0."
PASSWORD = "secret"
SIP_PORT = 5060
CORE_HOST = 10
OUTSIDE_HOST = 20
DNS_HOST = 53
NAT_HOST = 100


def access_name(edge: int) -> str:
    return f"edge{edge}.test"


def core_side_name(edge: int) -> str:
    return f"edge{edge}.core.test"


def zone_write(edges: list[int], access: dict[int, str], core_side: dict[int, str], core: str,
               transports: tuple[Transport, ...] = (UDP,)) -> Zone:
    """One name an edge and side, whose SRV set is itself first, the other edges second; a name for all of them. The access names
    have addresses too, for WebSocket."""
    zone = Zone()
    zone.add_host(DOMAIN, core)
    zone.add_host(CORE_NAME, core)
    for edge in edges:
        zone.add_host(f"access{edge}.test", access[edge])
        zone.add_host(f"inner{edge}.test", core_side[edge])
        zone.add_host(access_name(edge), access[edge])
        others = [other for other in edges if other != edge]
        zone.add_service(core_side_name(edge), (10, f"inner{edge}.test"), *((20, f"inner{other}.test") for other in others))
        for transport in (item for item in transports if item.service):
            zone.add_service(access_name(edge), (10, f"access{edge}.test"), *((20, f"access{other}.test") for other in others),
                             transport=transport)
    for transport in (item for item in transports if item.service):
        zone.add_service(CLUSTER, *((10, f"access{edge}.test") for edge in edges), transport=transport)
    return zone


class House:
    """Namespaces, cables, names; who lives in them is started by the lab."""

    def __init__(self, edges: tuple[int, ...] = (1, 2), transports: tuple[Transport, ...] = (UDP,),
                 driver: Driver = Driver.SOCKET) -> None:
        """`transports`: what the edges speak with phones; `driver`: how they are on the network."""
        self.driver = driver
        self.janitor = Janitor()
        self.transports = transports
        self.folder = tempfile.mkdtemp(prefix=f"weir-lab-{os.getpid()}-")
        self.janitor.watch_folder(self.folder)
        self.network = Network(self.janitor)
        self.edges = list(edges)
        self.phones: list[Phone] = []
        self.nats: dict[str, NatBox] = {}
        self._resolvers: dict[str, Resolver] = {}
        self._switch_ports: dict[tuple[int, str], str] = {}
        self.network.bridge("access", f"{ACCESS}{DNS_HOST}/24")
        self.network.bridge("core", f"{CORE}{DNS_HOST}/24")
        self.network.bridge("peer")
        self.edge_spaces = {edge: self._edge_space(edge) for edge in edges}
        self.core_space = self._core_space("core", CORE_HOST)
        self.outside_space = self._core_space("outside", OUTSIDE_HOST)
        self.zone = zone_write(self.edges, {edge: f"{ACCESS}{edge}" for edge in edges},
                               {edge: f"{CORE}{edge}" for edge in edges}, f"{CORE}{CORE_HOST}", transports)

    def _edge_space(self, edge: int) -> Space:
        space = self.network.space(f"edge{edge}")
        for network, prefix in (("access", ACCESS), ("core", CORE), ("peer", PEER)):
            port = self.network.cable(space, network, network, f"{prefix}{edge}/24", plain=self.driver_at(edge).is_dpdk)
            self._switch_ports[edge, network] = port
        return space

    def driver_at(self, _edge: int) -> Driver:
        """What an edge runs on: all the same, unless a lab wants it otherwise."""
        return self.driver

    def switch_port(self, edge: int, network: str) -> str:
        """The switch's end of an edge's cable."""
        return self._switch_ports[edge, network]

    def _core_space(self, name: str, host: int) -> Space:
        space = self.network.space(name)
        self.network.cable(space, "core", "core", f"{CORE}{host}/24")
        return space

    def add_nat(self, name: str, mode: NatMode) -> NatBox:
        number = len(self.nats) + 1
        self.nats[name] = NatBox(self.network, name, number, "access", f"{ACCESS}{NAT_HOST + number}/24", mode)
        return self.nats[name]

    async def start_names(self) -> Process:
        """One server, listening on the switch's own address in either network."""
        path = f"{self.folder}/dnsmasq.conf"
        self.zone.write(path, f"{ACCESS}{DNS_HOST},{CORE}{DNS_HOST}", DNS_HOST)
        server = await self.network.switch.spawn("dnsmasq", "-C", path, log=f"{self.folder}/dnsmasq.log")
        resolver = self.resolver(self.outside_space, CORE)
        for _ in range(50):
            try:
                await resolver.ask(DOMAIN, 1)
                return server
            except Exception:  # pylint: disable=broad-except
                await asyncio.sleep(0.05)
        raise RuntimeError("the name server does not answer: " + server.log_tail())

    def resolver(self, space: Space, network: str) -> Resolver:
        if space.name not in self._resolvers:
            self._resolvers[space.name] = Resolver((f"{network}{DNS_HOST}", DNS_HOST), space.socket)
        return self._resolvers[space.name]

    def is_edge_access(self, source: Address) -> bool:
        return source in [(f"{ACCESS}{edge}", transport.port) for edge in self.edges for transport in self.transports]

    def is_core_side(self, source: Address) -> bool:
        return source in [(f"{CORE}{host}", SIP_PORT) for host in [*self.edges, CORE_HOST]]

    def phone(self, name: str, nat: NatBox) -> Phone:
        """An outbound phone behind a NAT; it has no account yet."""
        phone = Phone(name, self.resolver(nat.phones, ACCESS), self.is_edge_access)
        phone.web_hosts = [access_name(edge) for edge in self.edges]
        self.phones.append(phone)
        return phone

    def outside(self, name: str) -> tuple[Phone, Account]:
        """A plain user agent in the core network: no edge, no outbound, registered straight at the core."""
        phone = Phone(name, self.resolver(self.outside_space, CORE), self.is_core_side, outbound=False)
        flow = Flow(Port(self.outside_space.socket(), f"{CORE}{OUTSIDE_HOST}"), 0, None)
        account = phone.add_account(Account(name, DOMAIN, Contact([flow], name), PASSWORD))
        self.phones.append(phone)
        return phone, account

    def failures(self) -> list[str]:
        """What phones complained of since the last time somebody asked."""
        found = [failure for phone in self.phones for failure in phone.failures]
        for phone in self.phones:
            phone.failures.clear()
        return found

    def logs(self) -> list[str]:
        """The ends of all logs."""
        found = []
        for folder, _, files in os.walk(self.folder):
            for name in sorted(files):
                if name.endswith(".log"):
                    with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                        found.append(f"--- {os.path.basename(folder)}/{name}\n" + "".join(file.readlines()[-15:]))
        return found

    def copy_logs(self, folder: str) -> None:
        """Logs and configurations, for somebody who wants to know more; never keys."""
        for source, _, files in os.walk(self.folder):
            for name in files:
                if name.endswith((".log", ".yaml", ".cfg", ".conf")):
                    target = os.path.join(folder, os.path.relpath(source, self.folder))
                    os.makedirs(target, exist_ok=True)
                    shutil.copy(os.path.join(source, name), target)

    def close(self) -> None:
        for phone in self.phones:
            phone.close()
        self.janitor.sweep()

