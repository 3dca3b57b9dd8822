"""lab silence: an edge falls silent without a word (no ICMP), three times in three ways; its calls end well all the same.

Nobody waits for the edges to notice: each phone finds out for itself, after a second without an answer.
"""

import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable

from lab import runner
from lab.cluster import Cluster
from lab.edge import Served, rules_of
from lab.house import ACCESS, CORE, DOMAIN, SIP_PORT
from lab.nat import NatBox, NatMode
from lab.phone import Account, Phone
from lab.report import Report
from lab.scenario import Call, SetupError, attempts_write, exchange, make_call
from lab.transaction import SILENCE_S, Answer

DRAWING = r"""
                            +-- edge1: drops all; is stopped; is unplugged --+
   phones -- NAT (random) --+                                                +-- core
                            +-- edge2 ---------------------------------------+-- the outside party
"""

OWNER, SURVIVOR = 1, 2
FLOWS = {"two": {1: OWNER, 2: SURVIVOR}, "one": {1: OWNER}}
ENDS = ("caller", "callee")
NETWORKS = ("access", "core", "peer")
BY = [(f"{ACCESS}{SURVIVOR}", SIP_PORT), (f"{CORE}{SURVIVOR}", SIP_PORT)]
LATE_S = 0.5  # what the way to the next target may take beyond the second of silence
DROP_ALL = """
table inet silence {
    chain in { type filter hook input priority filter; policy drop; }
    chain out { type filter hook output priority filter; policy drop; }
}
"""


@dataclasses.dataclass
class Case:
    kind: str
    sender: str
    phone: Phone
    call: Call

    def __str__(self) -> str:
        return f"phone with {self.kind} flow{'s' if self.kind == 'two' else ''}, {self.sender} ends"


class Scene:
    def __init__(self, cluster: Cluster, report: Report) -> None:
        self.cluster = cluster
        self.report = report
        self.count = 0
        self.nat: NatBox | None = None

    async def run(self) -> None:
        self.cluster.make_edges([OWNER, SURVIVOR])
        self.cluster.make_core([f"{what}{index}" for what in ("outside", "phone") for index in range(1, 13)])
        self.nat = self.cluster.add_nat("nat", NatMode.RANDOM)
        await self.cluster.start()
        for name, cut in (("drops all", self.drops_all), ("stopped", self.stopped), ("unplugged", self.unplugged)):
            await self.act(name, cut)

    async def act(self, name: str, cut: Callable[[], contextlib.AbstractAsyncContextManager]) -> None:
        """Set up calls, cut the owner off, end them, and let it come back."""
        cases = [await self.make_case(kind, sender) for kind in FLOWS for sender in ENDS]
        complaints = self.cluster.failures()
        if complaints:
            raise SetupError("\n".join(complaints))
        async with cut():
            served = Served([self.cluster.weir[SURVIVOR]])
            for case in cases:
                await self.judge(name, case, served)
            self.report.note(f"edge{SURVIVOR} takes edge{OWNER} for {self.cluster.weir[SURVIVOR].peer_state(OWNER)}")
            # What the silent edge still has in its queues is for them alone.
            self.leave(cases)
        await self.return_of_the_owner(name)

    async def make_case(self, kind: str, sender: str) -> Case:
        """A call from an outside party of its own, which nobody has told about dead edges."""
        self.count += 1
        outside: tuple[Phone, Account] = self.cluster.outside(f"outside{self.count}")
        await self.cluster.register_outside(*outside)
        phone = self.cluster.add_phone(f"phone{self.count}", self.nat, [[f"phone{self.count}"]], FLOWS[kind])
        await self.cluster.settle(phone)
        return Case(kind, sender, phone, await make_call(*outside, phone, f"phone{self.count}", DOMAIN))

    async def judge(self, name: str, case: Case, served: Served) -> None:
        complaints = []
        if case.kind == "one":
            answer = await case.phone.register(case.phone.accounts[0], case.phone.flows()[0])
            complaints += complain(answer, "REGISTER", "401", "200")
        served.since()
        one, other = case.call.ends(case.sender)
        done = await exchange(one, other, "BYE", by=BY)
        complaints += done.complaints
        # A phone that had to register again knows by now.
        if case.sender == "caller" or case.kind == "two":
            complaints += complain(done.answer, "BYE", "200")
        wanted = f"r3-here@{SURVIVOR}" if other.phone.outbound else f"upstream@{SURVIVOR}"
        rules = rules_of(await served.until(lambda delta: rules_of(delta) == wanted))
        if rules != wanted:
            complaints.append(f"served by {rules}, not by {wanted}")
        self.report.case(f"{name}: {case}: BYE", complaints + self.cluster.failures(), rules, done.elapsed_s)

    def leave(self, cases: list[Case]) -> None:
        for case in cases:
            for end in (case.call.caller, case.call.callee):
                end.phone.close()
                self.cluster.phones.remove(end.phone)

    async def return_of_the_owner(self, name: str) -> None:
        complaints = []
        try:
            await self.cluster.weir[SURVIVOR].wait_peer(OWNER, "up")
            await self.cluster.weir[OWNER].wait_peer(SURVIVOR, "up")
            await self.cluster.weir[OWNER].wait_ready()
        except RuntimeError as error:
            complaints.append(str(error))
        self.report.case(f"{name}: it comes back, and both edges see each other", complaints)

    # Three ways to fall silent

    @contextlib.asynccontextmanager
    async def drops_all(self) -> AsyncIterator[None]:
        """In its kernel, or in the switch if it reads frames before its kernel does."""
        space, switch = self.cluster.edge_spaces[OWNER], self.cluster.network.switch
        ports = {network: self.cluster.switch_port(OWNER, network) for network in NETWORKS}
        if not self.cluster.driver.is_dpdk:
            space.run("nft", DROP_ALL)
            yield
            space.run("nft", "delete table inet silence")
            return
        for port in ports.values():
            switch.ip("link", "set", port, "nomaster")
        yield
        for network, port in ports.items():
            switch.ip("link", "set", port, "master", network)

    @contextlib.asynccontextmanager
    async def stopped(self) -> AsyncIterator[None]:
        edge = self.cluster.weir[OWNER]
        for process in (edge.dataplane, edge.control):
            await process.suspend()
        yield
        for process in (edge.dataplane, edge.control):
            process.resume()

    @contextlib.asynccontextmanager
    async def unplugged(self) -> AsyncIterator[None]:
        space = self.cluster.edge_spaces[OWNER]
        for device in NETWORKS:
            space.ip("link", "set", device, "down")
        yield
        for device in NETWORKS:
            space.ip("link", "set", device, "up")


def complain(answer: Answer, method: str, *wanted: str) -> list[str]:
    """What is wrong unless the owner was silent for a second, and the next target answered that at once."""
    outcomes = [attempt.outcome for attempt in answer.attempts]
    if outcomes != ["silence", *wanted]:
        return [f"{method}: not silence, then {', '.join(wanted)}: {attempts_write(answer)}"]
    if not SILENCE_S <= answer.elapsed_s <= SILENCE_S + LATE_S:
        return [f"{method}: answered after {answer.elapsed_s:.3f} s"]
    return []


async def lab(cluster: Cluster, report: Report) -> None:
    await Scene(cluster, report).run()


if __name__ == "__main__":
    runner.run("silence", DRAWING, Cluster, lab)
