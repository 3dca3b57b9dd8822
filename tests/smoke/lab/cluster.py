"""The house with Weir in it: edges that are peers, a core, and phones with accounts."""

import os
import socket

from . import kamailio
from .certificates import Authority
from .core import Core, CorePlace, KamailioCore, core_settings
from .drivers import Driver
from .edge import Edge, EdgePlace, Served, edge_settings, keys_init
from .house import (ACCESS, CLUSTER, CORE, CORE_HOST, CORE_NAME, DNS_HOST, DOMAIN, PASSWORD, PEER, SIP_PORT, House, access_name,
                    core_side_name)
from .nat import NatBox
from .phone import Account, Contact, Flow, Phone
from .scenario import SetupError
from .sip import Uri
from .stream import AnyPort, StreamPort
from .transport import UDP, Transport
from .udp import Port

MESH_PORT = 7060


class Cluster(House):
    def __init__(self, edges: tuple[int, ...] = (1, 2), transports: tuple[Transport, ...] = (UDP,),
                 driver: Driver = Driver.SOCKET) -> None:
        super().__init__(edges, transports, driver)
        self.authority = Authority(f"{self.folder}/authority") if any(item.secure for item in transports) else None
        self.weir: dict[int, Edge] = {}
        self.core: Core | KamailioCore | None = None
        self.served: Served | None = None
        self.users: list[str] = []
        self._phone_addresses: dict[str, int] = {}

    def edge_place(self, edge: int) -> EdgePlace:
        return EdgePlace(self.edge_spaces[edge], (f"{ACCESS}{edge}", SIP_PORT), (f"{CORE}{edge}", SIP_PORT),
                         (f"{PEER}{edge}", SIP_PORT), (f"{PEER}{edge}", MESH_PORT))

    def core_place(self) -> CorePlace:
        return CorePlace(self.core_space, (f"{CORE}{CORE_HOST}", SIP_PORT))

    def edge_configuration(self, edge: int, peers: list[int], cluster: str, keys: str) -> dict:
        names = {"access": access_name(edge), "core": core_side_name(edge), "cluster": cluster}
        settings = edge_settings(edge, self.edge_place(edge), f"{self.folder}/edge{edge}", names,
                                 {peer: self.edge_place(peer).mesh for peer in peers}, [f"sip:{CORE}{CORE_HOST}:{SIP_PORT}"],
                                 (f"{CORE}{DNS_HOST}", DNS_HOST), keys, self.driver_at(edge))
        # The outside party speaks to edges without the core in between, as its route set tells it to.
        settings["listeners"][1]["allow"] = [f"{CORE}0/24"]
        for transport in (item for item in self.transports if item.stream):
            # SIP has no default port for WebSocket that a Route could leave out.
            settings["listeners"].append({"name": f"access-{transport.name}", "side": "access", "transport": transport.name,
                                          "address": f"{ACCESS}{edge}:{transport.port}",
                                          "advertise": f"{access_name(edge)}:{transport.port}" if transport.web else None,
                                          "tls": "access" if transport.secure else None})
        if self.authority is not None:
            certificate, key = self.issue(edge)
            settings["tls"] = [{"name": "access", "certificate": certificate, "key": key}]
        return settings

    def issue(self, edge: int) -> tuple[str, str]:
        """A certificate that carries every edge's name and the cluster's: a phone that comes to the next edge wants the first one's."""
        return self.authority.issue(f"edge{edge}", [access_name(edge), *(access_name(item) for item in self.edges if item != edge),
                                                    CLUSTER])

    def make_edges(self, numbers: list[int], cluster: str = CLUSTER) -> None:
        """Edges that are each other's peers, with keys of one cluster."""
        keys = f"{self.folder}/keys-{numbers[0]}"
        keys_init(keys, cluster, {number: access_name(number) for number in numbers})
        for number in numbers:
            os.makedirs(f"{self.folder}/edge{number}")
            peers = [peer for peer in numbers if peer != number]
            self.weir[number] = Edge(number, self.edge_place(number), f"{self.folder}/edge{number}",
                                     self.edge_configuration(number, peers, cluster, keys))

    def make_core(self, users: list[str], record_route: bool = False) -> None:
        place = self.core_place()
        self.core = Core(place, self.folder, core_settings(place, self.folder, CORE_NAME, DOMAIN, users,
                                                           (f"{CORE}{DNS_HOST}", DNS_HOST), record_route))

    def make_kamailio_core(self, in_path: str) -> None:
        """Kamailio; it stays in the path of dialogs of users whose names begin with `in_path`."""
        self.core_space.name_server_set(f"{CORE}{DNS_HOST}")
        place = self.core_place()
        self.core = KamailioCore(place, self.folder, kamailio.core_write(place.address[0], DOMAIN, CORE_NAME, in_path))

    async def start_core(self) -> None:
        await self.core.start()

    async def start(self) -> None:
        """Everything, until every edge is ready and sees its peers."""
        await self.start_names()
        await self.start_core()
        for edge in self.weir.values():
            await edge.start()
        await self.core.wait_ready()
        for edge in self.weir.values():
            await edge.wait_ready()
        for edge in self.weir.values():
            for peer in edge.settings["cluster"]["peers"]:
                await edge.wait_peer(peer["id"], "up")
        self.served = Served(list(self.weir.values()))

    def add_phone(self, name: str, nat: NatBox, users: list[list[str]], proxies: dict[int, int], one_port: bool = False,
                  transport: Transport = UDP) -> Phone:
        """A phone on an address of its own. `users`: the AORs of each contact; `proxies`: reg-id to edge; `one_port`: all
        flows of a contact share a port."""
        phone = self.phone(name, nat)
        index = self._phone_addresses.get(nat.box.name, -1) + 1
        self._phone_addresses[nat.box.name] = index
        address = nat.add_phone(index)
        for contact_number, aors in enumerate(users, 1):
            contact = self.make_contact(nat, address, f"{name}-{contact_number}", proxies, one_port, transport)
            for user in aors:
                algorithm = "MD5" if index % 2 else "SHA-256"
                phone.add_account(Account(user, DOMAIN, contact, PASSWORD, algorithm))
        return phone

    async def register_all(self, phone: Phone, reg_ids: list[int] | None = None) -> list[str]:
        """Register every account over its flows, reg-id 1 last, since a registrar prefers the newest; what went wrong."""
        complaints = []
        for account in phone.accounts:
            for flow in sorted(account.contact.flows, key=lambda flow: -flow.reg_id):
                if reg_ids is None or flow.reg_id in reg_ids:
                    answer = await phone.register(account, flow)
                    if answer.status != 200:
                        complaints.append(f"{phone.name}: REGISTER of {account.user}: {answer.status}")
        return complaints

    async def settle(self, phone: Phone) -> None:
        """Register a phone before a case: every flow at the edge that it is meant for."""
        complaints = await self.register_all(phone)
        for flow in phone.flows():
            wanted = (await phone.resolver.locate(flow.proxy.host, flow.proxy.port, flow.port.transport))[0]
            if flow.remote != wanted:
                complaints.append(f"{phone.name}: reg-id {flow.reg_id} is at {flow.remote}, not {wanted}")
        if complaints:
            raise SetupError("\n".join(complaints))

    async def register_outside(self, phone: Phone, account: Account) -> None:
        answer = await phone.register(account, account.contact.flows[0])
        if answer.status != 200:
            raise RuntimeError(f"the outside party cannot register: {answer.status}")

    def make_contact(self, nat: NatBox, address: str, name: str, proxies: dict[int, int], one_port: bool,
                     transport: Transport) -> Contact:
        """A contact with a flow a (reg-id, edge)."""
        shared = self.new_port(nat, address, transport, access_name(self.edges[0])) if one_port else None
        return Contact([Flow(shared or self.new_port(nat, address, transport, access_name(edge)), reg_id,
                             Uri("sip", None, access_name(edge), None, transport.parameters | {"lr": None}))
                        for reg_id, edge in proxies.items()], name)

    def new_port(self, nat: NatBox, address: str, transport: Transport, edge: str) -> AnyPort:
        if not transport.stream:
            return Port(nat.phones.socket(), address)
        context = self.authority.client_context() if transport.secure else None
        return StreamPort(lambda: nat.phones.socket(kind=socket.SOCK_STREAM), address, transport, context, edge)
