"""lab owner-dying: the edge that owns a call dies, or stands still for a while, just before its BYE; the call ends all the same.

Until three heartbeats are missed the other edge believes the owner alive, and what it relays there is lost: the sender repeats it. The
table says by which rule each BYE arrived, how often it was sent, and how long it took.

WEIR_STEP_MS: the owner is killed 0, that, twice that ... 500 ms before (50).
"""

import asyncio
import dataclasses
import os
import signal
import time

from lab import runner
from lab.cluster import Cluster
from lab.edge import Edge, rules_of
from lab.house import ACCESS, CORE, DOMAIN, PEER, SIP_PORT, access_name, core_side_name
from lab.nat import NatBox, NatMode
from lab.phone import Phone
from lab.report import Report
from lab.scenario import Call, End, Exchange, SetupError, exchange, is_repetition, make_call
from lab.sip import via_read
from lab.transport import TCP, TLS, UDP, Transport

DRAWING = r"""
                       +-- edge1: owner of every call; kill -9, or SIGSTOP ... SIGCONT --+
   phones -- NAT ------+                                                                 +-- core
   UDP, TCP and TLS    +-- edge2: gets the BYE, and does not know yet -------------------+-- the outside party
"""

OWNER, SURVIVOR = 1, 2
TRANSPORTS = (UDP, TCP, TLS)
LAST_MS = 500
DELAYS_MS = range(0, LAST_MS + 1, int(os.environ.get("WEIR_STEP_MS", "50")))
STOPS_MS = (250, 350, 1000)
RETURN_S = 1.0  # after which a phone that lost its only flow has found out
LATE_S = 0.2  # of what the owner still had in its queues
LIMIT_S = 150.0
SPRAYED = [(f"{CORE}{SURVIVOR}", SIP_PORT)]
# Who sends the BYE, and where to; whether the phone has a second flow at the survivor.
KINDS = {"sprayed to edge2": ("caller", SPRAYED, True), "by its route": ("caller", None, True),
         "from the phone": ("callee", None, True), "one flow, edge2": ("caller", SPRAYED, False)}


@dataclasses.dataclass
class Case:
    kind: str
    transport: Transport
    call: Call

    def __str__(self) -> str:
        return f"{self.transport.name:<4} {self.kind}"

    @property
    def ends(self) -> tuple[End, End]:
        return self.call.ends(KINDS[self.kind][0])


class OwnerDying:
    def __init__(self, cluster: Cluster, report: Report) -> None:
        self.cluster = cluster
        self.report = report
        self.nat: NatBox | None = None
        self.count = 0
        self.lost = 0
        self.ended = 0

    @property
    def owner(self) -> Edge:
        return self.cluster.weir[OWNER]

    async def run(self) -> None:
        self.cluster.make_edges([OWNER, SURVIVOR])
        self.cluster.make_core([])
        self.nat = self.cluster.add_nat("nat", NatMode.PRESERVING)
        await self.cluster.start()
        for delay_ms in DELAYS_MS:
            await self.killed(delay_ms)
        for stop_ms in STOPS_MS:
            await self.stopped(stop_ms)
        self.report.case(f"{self.ended} calls, {self.lost} lost", ["a BYE did not come, or was not answered"] if self.lost else [])

    async def make_cases(self) -> list[Case]:
        """Calls of phones and parties of their own, which nobody has told about dead edges."""
        made = await asyncio.gather(*(self.make_case(kind, transport) for transport in TRANSPORTS for kind in KINDS))
        if complaints := self.cluster.failures():
            raise SetupError("\n".join(complaints))
        self.cluster.served.since()
        return made

    async def make_case(self, kind: str, transport: Transport) -> Case:
        self.count += 1
        name = f"phone{self.count}"
        outside = self.cluster.outside(f"outside{self.count}")
        await self.cluster.register_outside(*outside)
        flows = {1: OWNER, 2: SURVIVOR} if KINDS[kind][2] else {1: OWNER}
        phone = self.cluster.add_phone(name, self.nat, [[name]], flows, transport=transport)
        await self.cluster.settle(phone)
        phone.returns = transport.stream and not KINDS[kind][2]
        return Case(kind, transport, await make_call(*outside, phone, name, DOMAIN))

    async def killed(self, delay_ms: int) -> None:
        cases = await self.make_cases()
        for process in (self.owner.dataplane, self.owner.control):
            process.signal(signal.SIGKILL)
        await asyncio.sleep(delay_ms / 1000)
        ending, returning = self.end(cases), asyncio.create_task(self.come_back(cases))
        await self.judge(f"killed {delay_ms:4} ms before", cases, await ending)
        await returning
        await self.owner.kill()
        self.leave(cases)
        await self.owner.start_dataplane()
        await self.owner.start_control()
        await self.wait_whole()

    async def stopped(self, stop_ms: int) -> None:
        """What was relayed meanwhile lies in the owner's queues, and is late."""
        cases = await self.make_cases()
        begin = time.monotonic()
        await asyncio.gather(self.owner.dataplane.suspend(), self.owner.control.suspend())
        ending = self.end(cases)
        await asyncio.sleep(begin + stop_ms / 1000 - time.monotonic())
        self.owner.dataplane.resume()
        self.owner.control.resume()
        done = await ending
        await asyncio.sleep(LATE_S)
        await self.judge(f"stopped for {stop_ms:4} ms", cases, done)
        self.leave(cases)
        await self.wait_whole()

    def end(self, cases: list[Case]) -> asyncio.Task:
        async def all_of_them() -> list[Exchange]:
            return await asyncio.gather(*(exchange(*case.ends, "BYE", targets=KINDS[case.kind][1], patient=True) for case in cases))
        return asyncio.create_task(all_of_them())

    async def come_back(self, cases: list[Case]) -> None:
        """Over UDP nothing tells a phone that its flow is lost but its own next request; a connection that ended does."""
        await asyncio.sleep(RETURN_S)
        for case in cases:
            if not KINDS[case.kind][2] and not case.transport.stream:
                await self.cluster.register_all(case.call.callee.phone)

    async def judge(self, what: str, cases: list[Case], done: list[Exchange]) -> None:
        failures = self.cluster.failures()
        for case, one in zip(cases, done):
            self.ended += 1
            self.lost += not has_ended(case, one)
            mine = [text for text in failures if text.startswith((f"{case.call.callee.phone.name}:", f"{case.call.caller.phone.name}:"))]
            late = [text for text in mine if is_repetition(text)]
            complaints = [text for text in mine if text not in late] + ([] if has_ended(case, one) else one.complaints)
            name = f"{what}, {str(case)}"
            count = f"{sum(attempt.sends for attempt in one.answer.attempts)} x" + (f" +{len(late)} late" if late else "")
            self.report.case(f"{name:<55} {count:<10} {one.answer.status}", complaints, self.way(case), one.elapsed_s)
        self.report.note(f"{what}: the edges counted {rules_of(self.cluster.served.since())}")

    def way(self, case: Case) -> str:
        """By which edges the BYE came; of the phone that is the last one's rule, for it alone has flows."""
        receiver = case.ends[1]
        arrival = next((item for item in receiver.phone.arrivals if item.method == "BYE"), None)
        if arrival is None:
            return "-"
        hosts = [via_read(value).sent_by.partition(":")[0] for value in arrival.request.all("Via")]
        edges = [edge for host in reversed(hosts) for edge in (OWNER, SURVIVOR) if host in (access_name(edge), core_side_name(edge))
                 or host in (f"{ACCESS}{edge}", f"{CORE}{edge}", f"{PEER}{edge}")]
        last = "upstream" if not receiver.phone.outbound else "r1-own" if edges[-1:] == [OWNER] else "r3-here"
        relays = [f"r2-owner@{edge}" for edge in edges[:-1]]
        return " ".join([*relays, f"{last}@{edges[-1]}" if edges else last])

    def leave(self, cases: list[Case]) -> None:
        for case in cases:
            for end in (case.call.caller, case.call.callee):
                end.phone.close()
                self.cluster.phones.remove(end.phone)

    async def wait_whole(self) -> None:
        for edge, peer in ((OWNER, SURVIVOR), (SURVIVOR, OWNER)):
            await self.cluster.weir[edge].wait_ready()
            await self.cluster.weir[edge].wait_peer(peer, "up")
        self.cluster.failures()


def has_ended(case: Case, done: Exchange) -> bool:
    """The other end knows, and the sender has heard so. Who gave an edge up and asked the other one is answered 481 when both delivered,
    and has ended his dialog, too (RFC 3261 section 15.1.1)."""
    came = any(item.method == "BYE" for item in case.ends[1].phone.arrivals)
    return came and (done.answer.status == 200 or done.answer.status == 481 and len(done.answer.attempts) > 1)


async def lab(cluster: Cluster, report: Report) -> None:
    await OwnerDying(cluster, report).run()


if __name__ == "__main__":
    runner.run("owner-dying", DRAWING, lambda driver: Cluster(transports=TRANSPORTS, driver=driver), lab, limit_s=LIMIT_S)
