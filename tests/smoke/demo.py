"""The story that tools/demo tells: two phones, two edges and a core; an edge is killed in mid-call, and the call ends well."""

import asyncio
import os
import signal
import sys
import time

from lab import programs
from lab.core import Core, CorePlace, core_settings
from lab.dns import Resolver, Zone
from lab.drivers import Driver
from lab.edge import Edge, EdgePlace, Served, edge_settings, keys_init, rules_of
from lab.house import CLUSTER, CORE_NAME, DOMAIN, PASSWORD, SIP_PORT, access_name, core_side_name, zone_write
from lab.janitor import Janitor
from lab.loopback import Loopback
from lab.phone import Account, Contact, Flow, Phone
from lab.scenario import End, SetupError, exchange, make_call, tokens
from lab.sip import Uri
from lab.udp import Port
from lab.village import INTERFACE, Village

OWNER, SURVIVOR = 1, 2
EDGES = (OWNER, SURVIVOR)
CORE_SIDE, PEER, CORE, DNS, ALICE, BOB = 10, 20, 30, 53, 101, 102  # last octets; edges add their number
DNS_PORT, MESH_PORT = 5353, 7060
TALK_S = 1.0
LIMIT_S = 50.0
TRIAL_S = 5.0  # for the first edge to be ready on a driver, when there is another to try
EDGE_NAMES = [name(edge) for edge in EDGES for name in (access_name, core_side_name)]


class Demo:
    """`dpdk`: in network namespaces, the edges on DPDK devices; else on loopback addresses of this machine."""

    def __init__(self, folder: str, janitor: Janitor, dpdk: bool) -> None:
        self.folder = folder
        others = [CORE, DNS, ALICE, BOB]
        addresses = {edge: [edge, CORE_SIDE + edge, PEER + edge] for edge in EDGES}
        self.host = Village(janitor, addresses, others) if dpdk else Loopback(janitor)
        # The first that works is taken.
        self.drivers = [Driver.AF_XDP, Driver.AF_PACKET] if dpdk else [Driver.SOCKET]
        self.edges: dict[int, Edge] = {}
        self.resolver = Resolver(self.host.at(DNS, DNS_PORT), self.host.socket)
        self.phones: list[Phone] = []
        self.token = ""

    # The scene

    async def start(self) -> None:
        await self._start_names()
        place = CorePlace(self.host, self.host.at(CORE, SIP_PORT))
        core = Core(place, self.folder, core_settings(place, self.folder, CORE_NAME, DOMAIN, ["alice", "bob"],
                                                      self.host.at(DNS, DNS_PORT)))
        await core.start()
        keys_init(f"{self.folder}/keys", CLUSTER, {edge: access_name(edge) for edge in EDGES})
        await core.wait_ready()
        await self._start_edges()
        for edge in self.edges.values():
            await edge.wait_ready()
        for edge in EDGES:
            await self.edges[edge].wait_peer(OWNER + SURVIVOR - edge, "up")

    async def _start_edges(self) -> None:
        """All on the first driver that the first of them can run on."""
        for edge in EDGES:
            os.makedirs(f"{self.folder}/edge{edge}")
        while True:
            self.edges = {edge: self._edge(edge) for edge in EDGES}
            for edge in self.edges.values():
                await edge.start()
            if len(self.drivers) == 1 or await self._runs(self.edges[OWNER]):
                return
            say(f"DPDK on {self.drivers.pop(0)} does not run here", f"next: {self.drivers[0]}")
            for edge in self.edges.values():
                await edge.kill()

    @staticmethod
    async def _runs(edge: Edge) -> bool:
        try:
            await edge.wait_ready(TRIAL_S)
            return True
        except RuntimeError:
            return False

    async def _start_names(self) -> None:
        zone: Zone = zone_write(list(EDGES), {edge: self.host.address(edge) for edge in EDGES},
                                {edge: self.host.address(CORE_SIDE + edge) for edge in EDGES}, self.host.address(CORE))
        zone.write(f"{self.folder}/dnsmasq.conf", self.host.address(DNS), DNS_PORT)
        server = await self.host.spawn("dnsmasq", "-C", f"{self.folder}/dnsmasq.conf", log=f"{self.folder}/dnsmasq.log")
        for _ in range(100):
            if await self._names_answer():
                return
            await asyncio.sleep(0.02)
        raise SetupError("dnsmasq does not answer: " + server.log_tail())

    async def _names_answer(self) -> bool:
        try:
            return bool(await self.resolver.ask(DOMAIN, 1))
        except Exception:  # pylint: disable=broad-except
            return False

    def _place(self, edge: int) -> EdgePlace:
        return EdgePlace(self.host.edge_host(edge), self.host.at(edge, SIP_PORT), self.host.at(CORE_SIDE + edge, SIP_PORT),
                         self.host.at(PEER + edge, SIP_PORT), self.host.at(PEER + edge, MESH_PORT))

    def _edge(self, edge: int) -> Edge:
        folder = f"{self.folder}/edge{edge}"
        names = {"access": access_name(edge), "core": core_side_name(edge), "cluster": CLUSTER}
        peers = {other: self._place(other).mesh for other in EDGES if other != edge}
        upstream = [f"sip:{self.host.address(CORE)}:{SIP_PORT}"]
        return Edge(edge, self._place(edge), folder,
                    edge_settings(edge, self._place(edge), folder, names, peers, upstream, self.host.at(DNS, DNS_PORT),
                                  f"{self.folder}/keys", self.drivers[0], INTERFACE))

    def _phone(self, name: str, host: int, proxies: dict[int, int]) -> Phone:
        trusted = [self.host.at(edge, SIP_PORT) for edge in EDGES]
        phone = Phone(name, self.resolver, lambda source: source in trusted)
        flows = [Flow(Port(self.host.socket(), self.host.address(host)), reg_id,
                      Uri("sip", None, access_name(edge), None, {"lr": None})) for reg_id, edge in proxies.items()]
        phone.add_account(Account(name, DOMAIN, Contact(flows, name), PASSWORD))
        phone.keep_alive()
        self.phones.append(phone)
        return phone

    # The story

    async def tell(self) -> bool:
        device = f", on DPDK's {self.drivers[0]}" if self.drivers[0].is_dpdk else ""
        say(f"edge{OWNER}, edge{SURVIVOR} and a core run, each edge weir-dataplane and weir-control{device}")
        alice = await self._register("alice", ALICE, {2: SURVIVOR, 1: OWNER})
        bob = await self._register("bob", BOB, {1: SURVIVOR})
        call = await make_call(alice, alice.accounts[0], bob, "bob", DOMAIN, alice.accounts[0].contact.flows[1])
        self.token = next(iter(tokens(call.callee.dialog, [access_name(OWNER)])), "")
        if not self.token:
            raise SetupError(f"no token of edge{OWNER} in bob's route set: {call.callee.dialog.route_set}")
        say(f"alice  -> edge{OWNER} -> core -> edge{SURVIVOR} -> bob", "INVITE / 200 / ACK")
        say("bob    keeps in his route set", f"<sip:{self.token[:12]}...@{access_name(OWNER)}>, a token of edge{OWNER}")
        await asyncio.sleep(TALK_S)
        await self.edges[OWNER].kill()
        say(f"edge{OWNER} killed", "SIGKILL, both processes")
        await self.edges[SURVIVOR].wait_peer(OWNER, "suspect", "dead")
        say(f"edge{SURVIVOR}  has missed its heartbeats", self.edges[SURVIVOR].peer_state(OWNER))
        return await self._end_call(call.callee, call.caller)

    async def _register(self, name: str, host: int, proxies: dict[int, int]) -> Phone:
        phone = self._phone(name, host, proxies)
        for flow in phone.accounts[0].contact.flows:
            answer = await phone.register(phone.accounts[0], flow)
            if answer.status != 200:
                raise SetupError(f"{name} cannot register: {answer.status or 'no answer'}")
            if flow.remote != self.host.at(proxies[flow.reg_id], SIP_PORT):
                raise SetupError(f"{name}: reg-id {flow.reg_id} went to {flow.remote}")
        ways = ", ".join(f"reg-id {reg_id} at edge{edge}" for reg_id, edge in sorted(proxies.items()))
        say(f"{name:<6} registers", ways)
        return phone

    async def _end_call(self, bob: End, alice: End) -> bool:
        served = Served([self.edges[SURVIVOR]])
        say(f"bob    -> edge{SURVIVOR}", "BYE, with the dead edge's token")
        done = await exchange(bob, alice, "BYE", by=[self.host.at(SURVIVOR, SIP_PORT)])
        rules = rules_of(await served.until(lambda delta: rules_of(delta) != "-"))
        complaints = done.complaints + [failure for phone in self.phones for failure in phone.failures]
        if rules != f"r3-here@{SURVIVOR}":
            complaints.append(f"served by {rules}, not by rule R3")
        for complaint in complaints:
            say("wrong:", complaint)
        if not complaints:
            say(f"alice  <- edge{SURVIVOR}", f"BYE by rule R3: another flow of the same phone, here; 200 OK after "
                f"{done.elapsed_s * 1000:.1f} ms")
        return not complaints

    def invite_to_try(self) -> None:
        edge = self.edges[SURVIVOR]
        weirctl = os.path.relpath(programs.WEIRCTL, programs.ROOT)
        print(f"""
It stays up. Three things to try:
    {weirctl} -s {edge.admin} peers show
    {weirctl} -s {edge.admin} flows show
    {weirctl} -s {edge.admin} token explain {self.token}
Configuration and logs: {self.folder}
End it with: kill {os.getpid()}""", flush=True)


def say(what: str, more: str = "") -> None:
    now = time.time()
    clock = time.strftime("%H:%M:%S", time.localtime(now)) + f".{int(now % 1 * 1000):03d}"
    print(f"{clock}  {what:<40} {more}".rstrip(), flush=True)


async def play(folder: str, keep: bool, dpdk: bool, done: "Done") -> int:
    janitor = Janitor()
    janitor.watch_folder(folder)
    demo = Demo(folder, janitor, dpdk)
    try:
        good = await asyncio.wait_for(show(demo), LIMIT_S)
        if keep:
            demo.invite_to_try()
        print("PASS" if good else "FAIL", flush=True)
        if keep:
            done.detach(0 if good else 1)
            await asyncio.Event().wait()
        return 0 if good else 1
    finally:
        janitor.sweep()


async def show(demo: Demo) -> bool:
    try:
        await demo.start()
        return await demo.tell()
    except (SetupError, RuntimeError) as error:
        say("wrong:", str(error))
        return False


class Done:
    """With --keep a child plays, and goes on when the story is told; the parent waits for that and leaves."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()

    def wait(self) -> int:
        os.close(self._writer)
        status = os.read(self._reader, 1)
        return status[0] if status else 1

    def detach(self, status: int) -> None:
        os.setsid()
        null = os.open("/dev/null", os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.write(self._writer, bytes([status]))
        os.close(self._writer)


def main() -> int:
    folder, keep, dpdk = sys.argv[1], "--keep" in sys.argv[2:], "--dpdk" in sys.argv[2:]
    done = Done()
    if keep and os.fork() > 0:
        return done.wait()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    try:
        return asyncio.run(play(folder, keep, dpdk, done))
    except asyncio.TimeoutError:
        print(f"FAIL: the story took more than {LIMIT_S:.0f} s", flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
