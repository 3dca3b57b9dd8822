"""lab sipp: a user agent that nobody here wrote makes and ends its calls through the edges, and its own statistics say so."""

import asyncio
import dataclasses
import itertools
import time

from lab import runner
from lab.cluster import Cluster
from lab.edge import rules_of
from lab.house import ACCESS, CORE, CORE_HOST, CORE_NAME, DOMAIN, OUTSIDE_HOST, SIP_PORT, access_name
from lab.nat import NatBox, NatMode
from lab.report import Report
from lab.scenario import SetupError
from lab.sipp import Agent, Sipp, has_tls
from lab.transport import TCP, UDP

DRAWING = r"""
   sipp -- NAT (keeps ports) ---+-- edge1: killed --+-- Kamailio 5.6: registrar and proxy
   sipp -- NAT (random ports) --+-- edge2 ----------+-- sipp, which has no edge
"""

OWNER, SURVIVOR = 1, 2
CALLS = 10
PORT = 6000
HOLD_MS = 5000  # a call that outlives its edge
BRIEF_MS = 300
STANDING_S = 2.0  # by when all calls stand
CALLERS = ("phone", "outside")
ENDS = ("caller", "callee")


@dataclasses.dataclass
class Case:
    """Calls of one pair; `ends`: who ends them."""

    name: str
    ends: str
    caller: Agent
    callee: Agent
    caller_run: Sipp
    callee_run: Sipp

    async def start(self) -> None:
        await self.callee_run.start()
        await self.caller_run.start(self.caller.proxy[1])

    async def judge(self) -> list[str]:
        return [complaint for run in (self.caller_run, self.callee_run) for complaint in await run.judge()]


class Scene:
    def __init__(self, cluster: Cluster, report: Report) -> None:
        self.cluster = cluster
        self.report = report
        self.count = 0

    async def run(self) -> None:
        self.cluster.make_edges([OWNER, SURVIVOR])
        self.cluster.make_kamailio_core("rr")
        keeps, scatters = (self.cluster.add_nat(name, mode) for name, mode in
                           (("keeps", NatMode.PRESERVING), ("scatters", NatMode.RANDOM)))
        await self.cluster.start()
        live, fatal = ([self.case(kind, ends, keeps, scatters, by, hold) for kind, ends in itertools.product(CALLERS, ENDS)]
                       for by, hold in ((OWNER, BRIEF_MS), (SURVIVOR, HOLD_MS)))
        await self.over_tcp(keeps)
        await self.register(live + fatal)
        await self.end_through_their_edge(live)
        await self.end_without_it(fatal)
        self.report.skip(f"{CALLS} calls of a sipp over TLS", "no scenario for it" if has_tls() else "this sipp has no TLS")

    def case(self, kind: str, ends: str, keeps: NatBox, scatters: NatBox, by: int, hold_ms: int) -> Case:
        """The BYE goes to edge `by`."""
        self.count += 1
        number = self.count
        caller = self.phone(f"caller{number}", keeps) if kind == "phone" else self.outside(f"caller{number}", number)
        callee = self.phone(f"callee{number}", scatters)
        keys = {"domain": DOMAIN, "proxy": caller.proxy[0], "callee": callee.user}
        scenarios = ("caller", "callee-waits") if ends == "caller" else ("caller-waits", "callee")
        # Toward the outside party a phone's BYE goes by the core, as everything that an edge sends on for a phone.
        outside_hop = f"{CORE}{by}" if ends == "caller" else f"{CORE}{CORE_HOST}"
        hops = (f"{ACCESS}{by}" if kind == "phone" else outside_hop, f"{ACCESS}{by}")
        runs = [Sipp(agent, scenario, self.cluster.folder, CALLS, hold_ms, hop=hop, **keys)
                for agent, scenario, hop in zip((caller, callee), scenarios, hops)]
        return Case(f"{CALLS} calls of a sipp {'behind the edges' if kind == 'phone' else 'outside'}, {ends} ends", ends,
                    caller, callee, *runs)

    def phone(self, user: str, nat: NatBox) -> Agent:
        address = nat.add_phone(self.count)
        proxies = {reg_id: (access_name(edge), (f"{ACCESS}{edge}", SIP_PORT)) for reg_id, edge in enumerate((OWNER, SURVIVOR), 1)}
        return Agent(user, nat.phones, (address, PORT), proxies)

    def outside(self, user: str, number: int) -> Agent:
        return Agent(user, self.cluster.outside_space, (f"{CORE}{OUTSIDE_HOST}", PORT + number),
                     {1: (CORE_NAME, (f"{CORE}{CORE_HOST}", SIP_PORT))})

    async def over_tcp(self, nat: NatBox) -> None:
        """All calls of a sipp, and its registrations, over one connection; the other end is outside."""
        for ends in ENDS:
            self.count += 1
            caller, callee = self.phone(f"caller{self.count}", nat), self.outside(f"callee{self.count}", self.count)
            scenarios = ("tcp-caller", "callee-waits") if ends == "caller" else ("tcp-caller-waits", "callee")
            keys = {"domain": DOMAIN, "proxy": caller.proxy[0], "callee": callee.user, "hop": f"{CORE}{CORE_HOST}"}
            registered = Sipp(callee, "register", self.cluster.folder, domain=DOMAIN, edge=CORE_NAME, flow="1", number="1")
            await registered.start(callee.proxy[1])
            complaints = await registered.judge()
            runs = [Sipp(agent, scenario, self.cluster.folder, CALLS, BRIEF_MS, **keys)
                    for agent, scenario in zip((caller, callee), scenarios)]
            case = Case(f"{CALLS} calls of a sipp over TCP, {ends} ends", ends, caller, callee, *runs)
            await case.start()
            self.report.case(case.name, complaints + await case.judge(), rules_of(self.cluster.served.since()))

    async def register(self, cases: list[Case]) -> None:
        """Each phone at both edges; the flow through the owner last, since a registrar prefers the newest."""
        phones = [agent for case in cases for agent in (case.caller, case.callee) if len(agent.proxies) == 2]
        complaints = []
        for number, reg_id in enumerate((SURVIVOR, OWNER), 1):
            runs = [Sipp(agent, "register", self.cluster.folder, domain=DOMAIN, edge=agent.proxies[reg_id][0], flow=str(reg_id),
                         number=str(number)) for agent in phones]
            for run in runs:
                await run.start(run.agent.proxies[reg_id][1])
            complaints += [complaint for run in runs for complaint in await run.judge()]
        self.report.case(f"{len(phones)} sipp phones register, each over a flow at either edge", complaints,
                         rules_of(self.cluster.served.since()))

    async def end_through_their_edge(self, cases: list[Case]) -> None:
        for case in cases:
            await case.start()
        for case in cases:
            complaints = await case.judge()
            self.report.case(f"{case.name}: BYE by its edge", complaints)

    async def end_without_it(self, cases: list[Case]) -> None:
        begin = time.monotonic()
        for case in cases:
            await case.start()
        await asyncio.sleep(STANDING_S)
        self.cluster.served.since()
        await self.cluster.weir[OWNER].kill()
        await self.cluster.weir[SURVIVOR].wait_peer(OWNER, "suspect", "dead")
        if time.monotonic() - begin > HOLD_MS / 1000:
            raise SetupError("this machine is too slow: calls ended before their edge did")
        self.report.note(f"edge{OWNER} killed; edge{SURVIVOR} takes it for {self.cluster.weir[SURVIVOR].peer_state(OWNER)}")
        for case in cases:
            complaints = await case.judge()
            self.report.case(f"{case.name}: BYE by the other edge", complaints)
        self.report.note(f"served by {rules_of(self.cluster.served.since())}")


async def lab(cluster: Cluster, report: Report) -> None:
    await Scene(cluster, report).run()


if __name__ == "__main__":
    runner.run("sipp", DRAWING, lambda driver: Cluster(transports=(UDP, TCP), driver=driver), lab)
