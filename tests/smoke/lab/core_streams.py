"""The labs core-tcp and core-tls: Kamailio is the core, and edges speak to it by connections."""

import asyncio
import os
import socket
import time

from . import kamailio
from .certificates import Authority
from .cluster import Cluster
from .core import CorePlace, KamailioCore
from .edge import endpoint, rules_of, wait_until
from .house import (ACCESS, CORE, CORE_HOST, CORE_NAME, DNS_HOST, DOMAIN, SIP_PORT, access_name, core_side_name)
from .nat import NatMode
from .phone import Account, Phone
from .report import Report
from .scenario import Call, SetupError, exchange, make_call, route_hosts
from .transport import TCP, UDP, Transport

DRAWING = r"""
                             +-- edge1: killed --+
   phones -- NAT (random) ---+                   +== Kamailio 5.6: restarted ==+-- the outside party
                             +-- edge2 ----------+== another one, in reserve   |
                                         one connection each
"""

OWNER, SURVIVOR = 1, 2
SPARE_HOST = 11
FLOWS = {"two": (UDP, {1: OWNER, 2: SURVIVOR}), "one": (UDP, {1: OWNER}), "tcp": (TCP, {1: OWNER, 2: SURVIVOR})}
DOWN_S = 3.0
UP_S = 15.0


class CoreCluster(Cluster):
    """Edges that reach their core by one transport, and are reached by it."""

    def __init__(self, transport: Transport, **more: object) -> None:
        super().__init__(transports=(UDP, TCP), **more)
        self.transport = transport
        self.authority = Authority(f"{self.folder}/authority") if transport.secure else None
        self.spare_space = self._core_space("spare", SPARE_HOST)
        self.spare: KamailioCore | None = None
        for edge in self.edges:
            others = [other for other in self.edges if other != edge]
            self.zone.add_service(core_side_name(edge), (10, f"inner{edge}.test"), *((20, f"inner{other}.test") for other in others),
                                  transport=transport)
        self.zone.add_host("first.test", f"{CORE}{CORE_HOST}")
        self.zone.add_host("spare.test", f"{CORE}{SPARE_HOST}")
        self.zone.add_service(CORE_NAME, (10, "first.test"), (20, "spare.test"), transport=transport)

    def edge_configuration(self, edge: int, peers: list[int], cluster: str, keys: str) -> dict:
        settings = super().edge_configuration(edge, peers, cluster, keys)
        name = self.transport.name
        settings["listeners"].append({"name": f"core-{name}", "side": "core", "transport": name, "advertise": core_side_name(edge),
                                      "address": f"{CORE}{edge}:{self.transport.port}", "allow": [f"{CORE}0/24"],
                                      "tls": "core" if self.transport.secure else None})
        settings["upstream"]["targets"] = [f"sip:{CORE_NAME};transport={name}"]
        if self.transport.secure:
            certificate, key = self.authority.issue(f"core-side{edge}", [core_side_name(item) for item in self.edges])
            settings["tls"] = [*settings.get("tls", []), {"name": "core", "certificate": certificate, "key": key,
                                                          "ca": self.authority.certificate, "client-auth": "required"}]
        return settings

    def make_cores(self) -> None:
        self.core = self._kamailio(self.core_space, CORE_HOST, "first")
        self.spare = self._kamailio(self.spare_space, SPARE_HOST, "spare")

    def _kamailio(self, space: object, host: int, name: str) -> KamailioCore:
        space.name_server_set(f"{CORE}{DNS_HOST}")
        place = CorePlace(space, (f"{CORE}{host}", SIP_PORT))
        certificate = None
        if self.transport.secure:
            certificate = (*self.authority.issue(name, [CORE_NAME]), self.authority.certificate)
        folder = f"{self.folder}/{name}"
        os.makedirs(folder)
        return KamailioCore(place, folder, kamailio.core_write(place.address[0], DOMAIN, CORE_NAME, "", self.transport, certificate))

    async def start_core(self) -> None:
        """Both are there before edges look for them: one that comes later has come back, and waits for its share."""
        for core in (self.core, self.spare):
            await core.start()
            await wait_until(lambda: self._listens(core.place), UP_S, "Kamailio to listen")  # pylint: disable=cell-var-from-loop

    def _listens(self, place: CorePlace) -> bool:
        with place.host.socket(kind=socket.SOCK_STREAM) as sock:
            return sock.connect_ex((place.address[0], self.transport.port)) == 0

    def targets(self, edge: int) -> dict[str, dict]:
        """By address."""
        return {target["address"]: target for target in self.weir[edge].ask("upstream", "show")["targets"]}

    def state(self, edge: int, host: int) -> str:
        return self.targets(edge).get(endpoint((f"{CORE}{host}", self.transport.port)), {}).get("state", "unknown")


class Scene:
    def __init__(self, cluster: CoreCluster, report: Report) -> None:
        self.cluster = cluster
        self.report = report
        self.phones: dict[str, Phone] = {}
        self.outside: tuple[Phone, Account] | None = None
        self.calls: list[tuple[str, Call, str]] = []

    async def run(self) -> None:
        self.cluster.make_edges([OWNER, SURVIVOR])
        self.cluster.make_cores()
        nat = self.cluster.add_nat("nat", NatMode.RANDOM)
        await self.cluster.start()
        await self.connections_stand()
        self.outside = self.cluster.outside("outside")
        await self.cluster.register_outside(*self.outside)
        for name, (transport, flows) in FLOWS.items():
            self.phones[name] = self.cluster.add_phone(name, nat, [[name]], flows, transport=transport)
            complaints = await self.cluster.register_all(self.phones[name])
            self.report.case(f"REGISTER of {name} on {transport.via}", complaints + self.cluster.failures(), "register")
        await self.make_calls()
        await self.kill_owner()
        for what, call, sender in self.calls:
            await self.end(what, call, sender)
        await self.restart_core()

    async def connections_stand(self) -> None:
        for edge in (OWNER, SURVIVOR):
            for host in (CORE_HOST, SPARE_HOST):
                await self.wait_state(edge, host, "up", UP_S)
            transports = {target["transport"] for target in self.cluster.targets(edge).values()}
            complaints = [] if transports == {self.cluster.transport.name} else [f"targets are reached by {transports}"]
            self.report.case(f"edge{edge} has a connection to each core", complaints, "-")

    def member(self, name: str) -> tuple[Phone, Account]:
        return self.phones[name], self.phones[name].accounts[0]

    async def make_calls(self) -> None:
        for name in self.phones:
            for sender in ("caller", "callee"):
                await self.make(f"outside calls {name}", self.outside, self.member(name), sender)
                await self.make(f"{name} calls outside", self.member(name), self.outside, sender)
        await self.make("two calls tcp", self.member("two"), self.member("tcp"), "caller")
        await self.make("tcp calls one", self.member("tcp"), self.member("one"), "callee")

    async def make(self, what: str, caller: tuple[Phone, Account], callee: tuple[Phone, Account], sender: str) -> None:
        call = await make_call(*caller, callee[0], callee[1].user, DOMAIN)
        hosts = route_hosts(call.caller.dialog)
        if core_side_name(OWNER) not in hosts and access_name(OWNER) not in hosts:
            raise SetupError(f"{what}: not through edge{OWNER}: {call.caller.dialog.route_set}")
        if CORE_NAME not in hosts:
            raise SetupError(f"{what}: the core is not in the path")
        self.calls.append((f"{what}, {sender} ends", call, sender))

    async def kill_owner(self) -> None:
        await self.cluster.weir[OWNER].kill()
        await self.cluster.weir[SURVIVOR].wait_peer(OWNER, "suspect", "dead")
        self.report.note(f"edge{OWNER} killed; edge{SURVIVOR} takes it for {self.cluster.weir[SURVIVOR].peer_state(OWNER)}")
        complaints = await self.cluster.register_all(self.phones["one"])
        self.report.case(f"REGISTER of one, now at edge{SURVIVOR}", complaints + self.cluster.failures(), "register")
        self.cluster.served.since()

    async def end(self, what: str, call: Call, sender: str) -> None:
        one, other = call.ends(sender)
        by = [(f"{ACCESS}{SURVIVOR}", SIP_PORT), (f"{CORE}{CORE_HOST}", SIP_PORT)]
        # Kamailio finds the next edge of the name by its own timer.
        done = await exchange(one, other, "BYE", by=by, patient=True)
        self.report.case(f"{what}: BYE", done.complaints + self.cluster.failures(), rules_of(self.cluster.served.since()),
                         done.elapsed_s)

    async def wait_state(self, edge: int, host: int, state: str, patience_s: float) -> float:
        begun = time.monotonic()
        await wait_until(lambda: self.cluster.state(edge, host) == state, patience_s, f"edge{edge} to find the core {host} {state}",
                         self.cluster.weir[edge])
        return time.monotonic() - begun

    async def restart_core(self) -> None:
        """The first core ends: the spare one has all at once; the first comes back, and is connected to again."""
        await self.cluster.core.process.terminate()  # which ends its children, too
        down_s = await self.wait_state(SURVIVOR, CORE_HOST, "down", DOWN_S)
        self.report.case("the core ends: its target is down", [], "-", down_s)
        for name in ("two", "tcp"):
            complaints = await self.cluster.register_all(self.phones[name], [2])
            self.report.case(f"REGISTER of {name}, by the spare core", complaints + self.cluster.failures(), "register")
        await self.call_again("by the spare core")
        await asyncio.sleep(1.0)
        await self.cluster.core.start()
        up_s = await self.wait_state(SURVIVOR, CORE_HOST, "up", UP_S)
        self.report.case("the core is started again: its target is up", [], "-", up_s)
        # It has no share before its time: what goes on goes on where it is.
        await self.call_again("still by the spare core")

    async def call_again(self, how: str) -> None:
        call = await make_call(*self.member("two"), self.phones["tcp"], "tcp", DOMAIN)
        self.cluster.served.since()
        done = await exchange(call.caller, call.callee, "BYE")
        self.report.case(f"two calls tcp {how}: BYE", done.complaints + self.cluster.failures(), rules_of(self.cluster.served.since()),
                         done.elapsed_s)


async def lab(cluster: CoreCluster, report: Report) -> None:
    await Scene(cluster, report).run()
