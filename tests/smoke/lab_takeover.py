"""lab takeover: an edge dies, its address moves to the other one, and its calls go on there, over the flows they have; it comes back, the
address returns to it, and they go on again."""

import asyncio
import dataclasses

from lab import runner
from lab.callee import Account
from lab.edge import Served, rules_of, wait_until
from lab.house import ACCESS, CORE, DOMAIN, SIP_PORT
from lab.moving import MOVED_S, MovingCluster
from lab.nat import NatBox, NatMode
from lab.phone import Phone
from lab.report import Report
from lab.scenario import Call, SetupError, exchange, find_dialog, make_call
from lab.transaction import Server

DRAWING = r"""
                                      +-- edge1: killed; its address 203.0.113.1 --+
   phones -- NAT (keeps ports) --+    |           |  moves to edge2  ^             |
   phones -- NAT (random ports) -+----+           v  and back again  |             +-- core
   phones -- NAT (full cone) ----+    +-- edge2 -----------------------------------+-- the outside party
"""

OWNER, TAKER = 1, 2
NATS = {"keeps ports": NatMode.PRESERVING, "random ports": NatMode.RANDOM, "full cone": NatMode.FULL_CONE}
BOTH = {1: OWNER, 2: TAKER}
ONE = {1: OWNER}
ENDS = ("caller", "callee")
BY = [(f"{ACCESS}{edge}", SIP_PORT) for edge in (OWNER, TAKER)] + [(f"{CORE}{edge}", SIP_PORT) for edge in (OWNER, TAKER)]
RINGING_S = 10.0


@dataclasses.dataclass
class Case:
    """A call of a phone behind a NAT with the outside party, or with another such phone."""

    name: str
    call: Call
    end: str  # the phone's


class Takeover:
    def __init__(self, cluster: MovingCluster, report: Report) -> None:
        self.cluster = cluster
        self.report = report
        self.nats: dict[str, NatBox] = {}
        self.outside: tuple[Phone, Account] | None = None
        self.served: Served | None = None

    async def run(self) -> None:
        await self.build()
        calls = [await self.make_case(f"phone{index}{end}", name, ONE, end)
                 for index, name in enumerate(NATS) for end in ENDS]
        two_flows = await self.make_case("twoflows", "random ports", BOTH, "callee")
        late = await self.register("late", "keeps ports", ONE)
        ringing = await self.ring("ringing", "random ports")
        self.complain_of_setup()

        await self.address_moves_away()
        await self.judge_ringing(ringing)
        await self.judge(two_flows, "INFO", "to", f"r3-here@{TAKER}")
        for case in calls:
            await self.judge(case, "INFO", "to", f"r4-address@{TAKER}")
            await self.judge(case, "INFO", "from", f"upstream@{TAKER}")
            await self.judge(case, "INVITE", "to", f"r1-own@{TAKER}")
            await self.judge(case, "INVITE", "from", f"upstream@{TAKER}")
        registered = await self.judge_registration(late)

        await self.address_returns()
        # The core's side has taken to the edge that lived.
        for case in calls:
            await self.judge(case, "INFO", "to", f"r1-own@{OWNER} r2-owner@{TAKER}")
            await self.judge(case, "INFO", "from", f"upstream@{OWNER}")
        await self.judge(registered, "INFO", "to", f"r4-address@{OWNER} r5-there@{TAKER}")
        await self.judge(registered, "INFO", "from", f"upstream@{OWNER}")
        for case in [*calls, two_flows, registered]:
            await self.end(case)
        self.report.case("nothing reached a phone that it was not for", self.cluster.failures())

    async def build(self) -> None:
        users = [f"phone{index}{end}" for index in range(len(NATS)) for end in ENDS]
        self.cluster.make_edges([OWNER, TAKER])
        self.cluster.make_core(["outside", "twoflows", "late", "ringing", *users])
        self.nats = {name: self.cluster.add_nat(f"nat{number}", mode) for number, (name, mode) in enumerate(NATS.items(), 1)}
        await self.cluster.start()
        self.outside = self.cluster.outside("outside")
        await self.cluster.register_outside(*self.outside)
        self.served = self.cluster.served

    async def register(self, name: str, nat: str, flows: dict[int, int]) -> Phone:
        phone = self.cluster.add_phone(name, self.nats[nat], [[name]], flows)
        await self.cluster.settle(phone)
        return phone

    async def make_case(self, name: str, nat: str, flows: dict[int, int], end: str) -> Case:
        phone = await self.register(name, nat, flows)
        kind = f"{nat:<12} {'one flow' if flows == ONE else 'two flows'}, phone is {end}"
        return Case(kind, await self.make_call(phone, end), end)

    async def make_call(self, phone: Phone, end: str) -> Call:
        if end == "callee":
            return await make_call(*self.outside, phone, phone.accounts[0].user, DOMAIN)
        return await make_call(phone, phone.accounts[0], self.outside[0], self.outside[1].user, DOMAIN)

    async def ring(self, name: str, nat: str) -> tuple[asyncio.Task, asyncio.Event, Phone]:
        """A call that rings, until the event."""
        phone = await self.register(name, nat, ONE)
        rings, answer = asyncio.Event(), asyncio.Event()

        async def hesitate(server: Server, account: Account) -> None:
            server.answer(180, "Ringing", "ringing")
            rings.set()
            await answer.wait()
            await phone.accept(server, account)

        phone.on_new = hesitate
        calling = asyncio.create_task(self.outside[0].invite(self.outside[1], f"sip:{name}@{DOMAIN}"))
        await asyncio.wait_for(rings.wait(), RINGING_S)
        return calling, answer, phone

    def complain_of_setup(self) -> None:
        complaints = self.cluster.failures()
        if complaints:
            raise SetupError("\n".join(complaints))

    # The address moves

    async def address_moves_away(self) -> None:
        await self.cluster.weir[OWNER].kill()
        await self.cluster.move_and_wait(OWNER, TAKER)
        self.report.note(f"edge{OWNER} killed (SIGKILL, both processes), its address moved to edge{TAKER}")
        await self.cluster.weir[TAKER].wait_peer(OWNER, "dead")
        self.served.since()

    async def address_returns(self) -> None:
        owner, taker = self.cluster.weir[OWNER], self.cluster.weir[TAKER]
        await owner.start_dataplane()
        await owner.start_control()
        await owner.wait_ready()
        await owner.wait_peer(TAKER, "up")
        await taker.wait_peer(OWNER, "up")
        complaints = [] if not self.cluster.has_address(OWNER, OWNER) else ["it says that it has its address"]
        self.report.case(f"edge{OWNER} is back, ready, and without its address", complaints)
        # For a while both hosts have it, as when keepalived changes its mind.
        self.cluster.hold(OWNER, OWNER)
        await self.wait_address(OWNER)
        await self.cluster.announced()
        self.cluster.leave(OWNER, TAKER)
        self.report.note(f"the address is edge{OWNER}'s again")
        await wait_until(lambda: not self.cluster.has_address(TAKER, OWNER), MOVED_S, "the address to leave", taker)
        self.served.since()

    async def wait_address(self, edge: int) -> None:
        await wait_until(lambda: self.cluster.has_address(edge, OWNER), MOVED_S, "the address to come", self.cluster.weir[edge])

    # Judging

    async def judge(self, case: Case, method: str, direction: str, wanted: str) -> None:
        """One request in a call, to the phone or from it."""
        other = {"caller": "callee", "callee": "caller"}[case.end]
        sender, receiver = case.call.ends(other if direction == "to" else case.end)
        done = await exchange(sender, receiver, method, by=BY)
        rules = rules_of(await self.served.until(lambda delta: rules_of(delta) == wanted))
        complaints = done.complaints + self.cluster.failures()
        if rules != wanted:
            complaints.append(f"served by {rules}, not by {wanted}")
        self.report.case(f"{case.name:<42} {method:<6} {direction} the phone", complaints, rules, done.elapsed_s)

    async def end(self, case: Case) -> None:
        sender, receiver = case.call.ends("caller")
        done = await exchange(sender, receiver, "BYE", by=BY)
        rules = rules_of(self.served.since())
        self.report.case(f"{case.name:<42} BYE    ends the call", done.complaints + self.cluster.failures(), rules, done.elapsed_s)

    async def judge_ringing(self, ringing: tuple[asyncio.Task, asyncio.Event, Phone]) -> None:
        """Its answer takes the dead edge's Via back to the core, by the edge that has the address."""
        calling, answer, phone = ringing
        answer.set()
        result = await calling
        complaints = [] if result.dialog is not None else [f"INVITE: {result.status or 'no answer'}"]
        if result.dialog is not None:
            find_dialog(phone, result.dialog)
        counted = self.served.since()
        if not counted.get((TAKER, "response")):
            complaints.append(f"no response passed by edge{TAKER}")
        self.report.case("random ports one flow, rang when the edge died: is answered", complaints + self.cluster.failures(),
                         f"response@{TAKER}")

    async def judge_registration(self, phone: Phone) -> Case:
        """A phone that registers at the address while it is at the other edge has a flow of that edge's from then on."""
        answer = await phone.register(phone.accounts[0], phone.flows()[0])
        complaints = [] if answer.status == 200 else [f"REGISTER: {answer.status or 'no answer'}"]
        if phone.flows()[0].remote != (f"{ACCESS}{OWNER}", SIP_PORT):
            complaints.append(f"answered by {phone.flows()[0].remote}")
        self.served.since()
        self.report.case("keeps ports  one flow registers at the address", complaints + self.cluster.failures(),
                         "", answer.elapsed_s)
        case = Case("keeps ports  one flow, registered there", await self.make_call(phone, "callee"), "callee")
        self.served.since()
        await self.judge(case, "INFO", "to", f"r1-own@{TAKER}")
        await self.judge(case, "INFO", "from", f"upstream@{TAKER}")
        return case


async def lab(cluster: MovingCluster, report: Report) -> None:
    await Takeover(cluster, report).run()


if __name__ == "__main__":
    runner.run("takeover", DRAWING, MovingCluster, lab)
