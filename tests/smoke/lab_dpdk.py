"""lab dpdk: edges that read frames themselves, and a kernel that still is a host: each case for both drivers."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable

from lab import fragments, runner
from lab.asker import Asker
from lab.callee import Account, Contact, Flow
from lab.capture import Capture, packet_read
from lab.cluster import Cluster
from lab.dns import Address
from lab.drivers import Driver
from lab.house import ACCESS, DOMAIN, SIP_PORT, access_name
from lab.netns import Space
from lab.phone import Phone
from lab.report import Report
from lab.scenario import Call, End, make_call
from lab.sip import Uri
from lab.udp import Port

DRAWING = r"""
                                  +-- edge1: DPDK on af_xdp -----+-- core
   phone, by IPv4, IPv6, VLAN 7 --+                              |
   far host -- two routers -------+-- edge2: DPDK on af_packet --+-- the outside party
"""

DRIVERS = {1: Driver.AF_XDP, 2: Driver.AF_PACKET}
ACCESS_V6 = "2001:db8:acce::"
VLAN, VLAN_NET = 7, "192.0.2."
FAR = "198.51.100."
PHONE, FAR_HOST, ROUTERS = 30, 10, (201, 202)
SIZES = (1400, 4000, 60000)
PIECE = 1400
OFTEN = 300
COUNTED_S = 0.25  # by when counters are those of after a case
BACK_S = 2.5  # what of a datagram never came is given up by then
STEADY = 3
AT_ONCE_S = 1.0
CARRIED_S = 2.0
SILENT_S = 8.0  # a neighbour that changed its address and tells nobody: the kernel must begin to doubt it first
PATIENCE_S = 0.2  # of a sender that asks again and again
REFUSED_S = 0.5  # how long no answer must come to what is refused
NEIGHBOUR_TIMERS = {"base_reachable_time_ms": 1000, "delay_first_probe_time": 1, "retrans_time_ms": 200}


class Bypass(Cluster):
    """The house with an edge a driver, and a phone's host that has no NAT before it."""

    def driver_at(self, edge: int) -> Driver:
        return DRIVERS[edge]


class Scene:
    def __init__(self, cluster: Bypass, report: Report) -> None:
        self.cluster = cluster
        self.report = report
        self.edge = 1  # whose turn it is
        self.hosts: dict[str, Space] = {}
        self.phone: Phone | None = None
        self.outside: tuple[Phone, Account] | None = None
        self.capture: Capture | None = None
        self.has_vlans = True
        self.baseline: dict[str, int] = {}  # packets out of each device's pool
        self.v4: Asker | None = None
        self.v6: Asker | None = None

    async def run(self) -> None:
        await self.build()
        for edge in DRIVERS:
            self.edge = edge
            await self.warm_up()
            await self.resident()
            await self.gateways()
            await self.neighbours()
            await self.vlan()
            await self.sizes()
            await self.refused()
            await self.link()
        self.report.case("no ICMP unreachable came to the phone", [f"from {source}" for source in self.capture.unreachables()])

    # The scene

    async def build(self) -> None:
        self.cluster.make_edges(list(DRIVERS))
        self.cluster.make_core(["phone1", "phone2", "outside"])
        network = self.cluster.network
        network.bridge("far")
        self.hosts["phone"] = self.host("phone", PHONE)
        for index, host in enumerate(ROUTERS, 1):
            self.hosts[f"router{index}"] = self.host(f"router{index}", host)
            network.cable(self.hosts[f"router{index}"], "far", "far", f"{FAR}{index}/24")
            self.hosts[f"router{index}"].sysctl(net__ipv4__ip_forward=1)
        self.hosts["far"] = network.space("far")
        network.cable(self.hosts["far"], "far", "far", f"{FAR}{FAR_HOST}/24")
        self.hosts["far"].ip("route", "add", "default", "via", f"{FAR}1")
        self.has_vlans = self.vlan_add(self.hosts["phone"], PHONE)
        for edge in DRIVERS:
            self.edge_extend(edge)
        await self.cluster.start()
        self.capture = Capture(self.hosts["phone"], "access")
        self.v4 = Asker(self.hosts["phone"], (f"{ACCESS}{PHONE}", SIP_PORT))
        self.v6 = Asker(self.hosts["phone"], (f"{ACCESS_V6}{PHONE}", SIP_PORT))

    def host(self, name: str, number: int) -> Space:
        """A host in the access network, by both families."""
        space = self.cluster.network.space(name)
        space.sysctl(net__ipv6__conf__default__accept_dad=0)
        self.cluster.network.cable(space, "access", "access", f"{ACCESS}{number}/24", f"{ACCESS_V6}{number}/64")
        return space

    @staticmethod
    def vlan_add(space: Space, host: int) -> bool:
        """False: this kernel has no VLANs."""
        try:
            space.ip("link", "add", "link", "access", "name", "vlan", "type", "vlan", "id", str(VLAN))
        except RuntimeError:
            return False
        space.ip("address", "add", f"{VLAN_NET}{host}/24", "dev", "vlan")
        space.ip("link", "set", "vlan", "up")
        return True

    def edge_extend(self, edge: int) -> None:
        """More listeners on the access device, a way to the far network, and a kernel that doubts its neighbours soon."""
        space = self.cluster.edge_spaces[edge]
        space.sysctl(net__ipv6__conf__access__accept_dad=0)
        space.ip("address", "add", f"{ACCESS_V6}{edge}/64", "dev", "access", "nodad")
        space.ip("route", "add", f"{FAR}0/24", "via", f"{ACCESS}{ROUTERS[0]}")
        space.sysctl(**{f"net__ipv4__neigh__access__{name}": value for name, value in NEIGHBOUR_TIMERS.items()})
        settings = self.cluster.weir[edge].settings
        more = {"access6": f"\"[{ACCESS_V6}{edge}]:{SIP_PORT}\""}
        if self.has_vlans and self.vlan_add(space, edge):
            more["vlan"] = f"{VLAN_NET}{edge}:{SIP_PORT}"
        settings["listeners"] += [{**settings["listeners"][0], "name": name, "address": address} for name, address in more.items()]
        settings["limits"] = {"message": 65535}

    # Cases

    @property
    def address(self) -> tuple[str, int]:
        return f"{ACCESS}{self.edge}", SIP_PORT

    @property
    def address_v6(self) -> tuple[str, int]:
        return f"{ACCESS_V6}{self.edge}", SIP_PORT

    @property
    def space(self) -> Space:
        return self.cluster.edge_spaces[self.edge]

    async def case(self, what: str, complaints: list[str], elapsed_s: float | None = None) -> None:
        """Whatever the case was, all packets must be back after it."""
        self.report.case(f"{DRIVERS[self.edge]}: {what}", complaints + await self.leak(), "", elapsed_s)

    async def answered(self, what: str, asking: Awaitable[tuple[list[str], float]]) -> None:
        complaints, elapsed_s = await asking
        if not complaints and elapsed_s > AT_ONCE_S:
            complaints = [f"answered after {elapsed_s:.1f} s"]
        await self.case(what, complaints, elapsed_s)

    async def leak(self) -> list[str]:
        """What is wrong if there are more packets out than before all cases; the edge counts them five times a second."""
        begin = time.monotonic()
        while True:
            await asyncio.sleep(COUNTED_S)
            out = self.packets_out()
            if out == self.baseline:
                return []
            if time.monotonic() > begin + BACK_S:
                return [f"packets out: {out}, not {self.baseline} as before"]

    def ports(self, counter: str) -> dict[str, int]:
        return {port["port"]: port[counter] for port in self.cluster.weir[self.edge].ask("ports", "show")["ports"]}

    def packets_out(self) -> dict[str, int]:
        return self.ports("packets_out_count")

    async def warm_up(self) -> None:
        """Until packets are where they stay: a device that has sent waits for its last frame's return until it sends again."""
        steady = 0
        while not all(self.ports("sent_count").values()):
            await self.ask()
            await self.ask_v6()
            await asyncio.sleep(COUNTED_S)
        while steady < STEADY:
            await asyncio.sleep(COUNTED_S)
            out = self.packets_out()
            steady = steady + 1 if out == self.baseline else 0
            self.baseline = out

    def ask(self, octets: int = 0) -> Awaitable[tuple[list[str], float]]:
        return self.v4.ask(self.address, access_name(self.edge), octets)

    def ask_v6(self, octets: int = 0) -> Awaitable[tuple[list[str], float]]:
        return self.v6.ask(self.address_v6, access_name(self.edge), octets)

    async def resident(self) -> None:
        """The kernel is at home at the same address."""
        phone = self.hosts["phone"]
        for what, address in (("ping", self.address[0]), ("ping6", self.address_v6[0])):
            phone.ip("neigh", "flush", "dev", "access")
            await self.case(f"{what} to its address, and {'ARP' if what == 'ping' else 'ND'} before it", await ping(phone, address))
        await self.answered("OPTIONS by IPv4", self.ask())
        await self.answered("OPTIONS by IPv6", self.ask_v6())

    async def gateways(self) -> None:
        far = Asker(self.hosts["far"], (f"{FAR}{FAR_HOST}", SIP_PORT + self.edge))
        for index, host in enumerate(ROUTERS, 1):
            self.space.ip("route", "replace", f"{FAR}0/24", "via", f"{ACCESS}{host}")
            await self.answered(f"gateway changed to router{index}: OPTIONS from the far host", self.ask_from(far, index))
        await self.silent_gateway(far)
        far.close()

    async def ask_from(self, far: Asker, index: int) -> tuple[list[str], float]:
        """Until an answer comes by that router."""
        capture, begin = Capture(self.hosts[f"router{index}"], "access"), time.monotonic()
        complaints = [f"no answer left by router{index}"]
        while complaints and time.monotonic() < begin + AT_ONCE_S:
            wrong, _ = await far.ask(self.address, access_name(self.edge))
            packets = [packet for packet in map(packet_read, capture.frames) if packet and packet.source == self.address[0]]
            complaints = wrong if packets else complaints
        capture.close()
        return complaints, time.monotonic() - begin

    async def silent_gateway(self, far: Asker) -> None:
        """A router whose MAC address changes, and which asks nobody for ours: it must be found out."""
        router, device = self.hosts["router2"], "access"
        mac = self.space.mac(device)
        self.hosts["far"].ip("route", "replace", "default", "via", f"{FAR}2")
        router.ip("link", "set", device, "address", f"02:00:00:00:02:{self.edge:02x}")
        router.ip("neigh", "replace", self.address[0], "lladdr", mac, "dev", device, "nud", "permanent")
        begin, answered = time.monotonic(), False
        while not answered and time.monotonic() < begin + SILENT_S:
            answered = await far.ask_once(self.address, access_name(self.edge), PATIENCE_S)
        await self.case("the gateway changed its MAC address without a word", [] if answered else ["never found out"],
                  time.monotonic() - begin)
        router.ip("neigh", "delete", self.address[0], "dev", device)
        self.hosts["far"].ip("route", "replace", "default", "via", f"{FAR}1")

    async def neighbours(self) -> None:
        self.hosts["phone"].ip("link", "set", "access", "address", f"02:00:00:00:01:{self.edge:02x}")
        await self.answered("a neighbour changed its MAC address: IPv4", self.ask())
        await self.answered("a neighbour changed its MAC address: IPv6", self.ask_v6())

    async def vlan(self) -> None:
        answered = await self.v4.ask_tagged("access", self.address, self.space.mac("access"), access_name(self.edge), 0)
        await self.case("a frame with a priority tag: OPTIONS", [] if answered else ["no answer"])
        if not self.has_vlans:
            self.report.skip(f"{DRIVERS[self.edge]}: VLAN {VLAN}", "this kernel has no VLANs")
            return
        asker = Asker(self.hosts["phone"], (f"{VLAN_NET}{PHONE}", SIP_PORT + self.edge))
        await self.case(f"ping in VLAN {VLAN}", await ping(self.hosts["phone"], f"{VLAN_NET}{self.edge}"))
        for octets in (0, SIZES[1]):
            await self.answered(f"OPTIONS in VLAN {VLAN}, {octets or 'few'} octets",
                                asker.ask((f"{VLAN_NET}{self.edge}", SIP_PORT), access_name(self.edge), octets))
        asker.close()

    async def sizes(self) -> None:
        for octets in SIZES:
            await self.answered(f"OPTIONS of {octets} octets by IPv4, and an answer as large", self.ask(octets))
            await self.answered(f"OPTIONS of {octets} octets by IPv6, and an answer as large", self.ask_v6(octets))
        await self.answered(f"the same by IPv6 {OFTEN} times", self.ask_often(SIZES[-1]))
        call = await self.make_call()
        for octets in SIZES:
            for sender in ("caller", "callee"):
                way = "core to phone" if sender == "caller" else "phone to core"
                complaints = await self.carry(*call.ends(sender), secrets.token_hex(octets // 2).encode())
                await self.case(f"INFO with {octets} octets, {way}", complaints + self.cluster.failures())

    async def ask_often(self, octets: int) -> tuple[list[str], float]:
        """More often than there are places for datagrams in pieces: none may be kept. The slowest counts."""
        slowest_s = 0.0
        for _ in range(OFTEN):
            complaints, elapsed_s = await self.ask_v6(octets)
            if complaints:
                return complaints, elapsed_s
            slowest_s = max(slowest_s, elapsed_s)
        return [], slowest_s

    @staticmethod
    async def carry(sender: End, receiver: End, body: bytes) -> list[str]:
        """A request with that body, through the edge."""
        seen = len(receiver.phone.arrivals)
        try:
            answer = await asyncio.wait_for(sender.phone.request(sender.dialog, "INFO", body), CARRIED_S)
        except asyncio.TimeoutError:
            return ["no answer"]
        got = [arrival.request.body for arrival in receiver.phone.arrivals[seen:]]
        return [] if answer.status == 200 and got == [body] else [f"{answer.status}, arrived: {list(map(len, got))}"]

    async def make_call(self) -> Call:
        """The outside party calls the phone, through this edge."""
        space, name = self.hosts["phone"], f"phone{self.edge}"
        phone = Phone(name, self.cluster.resolver(space, ACCESS), self.cluster.is_edge_access)
        proxy = Uri("sip", None, access_name(self.edge), None, {"lr": None})
        flow = Flow(Port(space.socket(), f"{ACCESS}{PHONE}"), 1, proxy)
        phone.add_account(Account(name, DOMAIN, Contact([flow], name), "secret"))
        self.cluster.phones.append(phone)
        await self.cluster.settle(phone)
        if self.outside is None:
            self.outside = self.cluster.outside("outside")
            await self.cluster.register_outside(*self.outside)
        return await make_call(*self.outside, phone, name, DOMAIN)

    async def refused(self) -> None:
        # DPDK's af_packet has the kernel join IPv4 fragments before it sees them: those that overlap it refuses, tiny ones it takes.
        joined = DRIVERS[self.edge] is Driver.AF_PACKET
        overlap, tiny = "fragments that overlap", "fragments that hide behind a tiny first one"
        await self.refuse(f"{overlap}, IPv4: refused", self.v4, self.address, fragments.overlapping, counted=not joined)
        await self.refuse(f"{overlap}, IPv6: refused", self.v6, self.address_v6, fragments.overlapping)
        if joined:
            self.report.skip(f"{DRIVERS[self.edge]}: {tiny}, IPv4", "the kernel joins them")
        else:
            await self.refuse(f"{tiny}, IPv4: refused", self.v4, self.address, fragments.tiny_first)
        await self.refuse(f"{tiny}, IPv6: refused", self.v6, self.address_v6, fragments.tiny_first)
        await self.answered("IPv4 fragments as they should be, after that", self.ask(SIZES[1]))
        await self.answered("IPv6 fragments as they should be, after that", self.ask_v6(SIZES[1]))

    async def refuse(self, what: str, asker: Asker, address: Address, cut: Callable[[int, int], list[fragments.Cut]],
                     counted: bool = True) -> None:
        """No answer; `counted`: and the edge must have said why."""
        before = self.refused_count()
        answered = await asker.ask_in_pieces(address, access_name(self.edge), SIZES[1], cut(SIZES[1] + 8, PIECE), REFUSED_S)
        complaints = ["answered"] if answered else []
        if counted and self.refused_count() == before:
            complaints.append("no fragment was counted as refused")
        await self.case(what, complaints)

    def refused_count(self) -> int:
        return sum(queue["fragments_refused_count"] for queue in self.cluster.weir[self.edge].ask("ports", "queues")["queues"])

    async def link(self) -> None:
        for what, space, device in (("the switch's end", self.cluster.network.switch, self.cluster.switch_port(self.edge, "access")),
                                    ("the edge's end", self.space, "access")):
            space.ip("link", "set", device, "down")
            await asyncio.sleep(0.3)
            space.ip("link", "set", device, "up")
            if space is self.space:
                # The kernel forgets what was on a link that goes down.
                self.space.ip("address", "replace", f"{ACCESS_V6}{self.edge}/64", "dev", "access", "nodad")
            await self.answered(f"link down and up at {what}: IPv4", self.ask())
            await self.answered(f"link down and up at {what}: IPv6", self.ask_v6())


async def ping(space: Space, address: str) -> list[str]:
    """Three times; nothing may be lost."""
    process = await asyncio.create_subprocess_exec(*space.command("ping", "-c", "3", "-i", "0.1", "-W", "1", address),
                                                   stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    said, _ = await process.communicate()
    return [] if process.returncode == 0 and b" 3 received" in said else [said.decode().strip()]


async def lab(cluster: Bypass, report: Report) -> None:
    await Scene(cluster, report).run()


if __name__ == "__main__":
    runner.run("dpdk", DRAWING, lambda driver: Bypass(), lab)
