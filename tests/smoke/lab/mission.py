"""A call outlives its edge, whatever its phones are like: the cells of the mission labs.

Every kind of phone has calls through edge1. edge1 is killed once. Then every request must be answered 200 by the right phone, over
a flow of its own, and edge2 must not have to be asked twice.
"""

import asyncio
import dataclasses
import itertools

from .cluster import Cluster
from .edge import rules_of
from .house import ACCESS, CORE, DOMAIN, SIP_PORT, access_name, core_side_name
from .nat import NatBox, NatMode
from .phone import Account, Phone
from .report import Report
from .resident import judge_streams
from .scenario import Call, End, SetupError, exchange, forget_tokens, make_call, route_hosts, tokens
from .transport import ALL, Transport

DRAWING = r"""
                                    +--------- edge1 ---------+
   phones -- NAT (keeps ports) --+  |  owner of every call;   |  +-- core: registrar and proxy
                                 +--+  kill -9                +--+
   phones -- NAT (random ports) -+  |                         |  +-- the outside party, which has no edge
                                    +--------- edge2 ---------+
                                       gets the next request
                                       of every call
"""

OWNER, SURVIVOR = 1, 2
NATS = {"keeps ports": NatMode.PRESERVING, "random ports": NatMode.RANDOM}
FLOWS = {"two flows": {1: OWNER, 2: SURVIVOR}, "re-registers": {1: OWNER}}
ACCOUNTS = {"one AOR": 0, "two AORs one contact": 1, "two AORs two contacts": 2}
SIDES = ("caller", "callee", "both")
ENDS = ("caller", "callee")
EDGE_NAMES = [name(edge) for edge in (OWNER, SURVIVOR) for name in (access_name, core_side_name)]
SURVIVORS = [(f"{CORE}{SURVIVOR}", SIP_PORT), *((f"{ACCESS}{SURVIVOR}", transport.port) for transport in ALL)]
GAP_S = 0.2  # between a request to a phone that is away and its return
RETURN_S = 10.0

Kind = tuple[Transport, str, str, str, str]  # transport, nat, flows, accounts, side
Party = tuple[Phone, Account]


@dataclasses.dataclass
class Cell:
    kind: Kind
    sender: str
    calls: list[Call]

    def __str__(self) -> str:
        transport, nat, flows, accounts, side = self.kind
        return (f"{transport.name:<4} {nat:<12} {flows:<12} {accounts:<21} {side + ' behind':<13} "
                f"{self.sender + ' sends':<12}")

    @property
    def methods(self) -> tuple[str, ...]:
        """BYE everywhere; a whole dialog in one column."""
        return ("INVITE", "INFO", "BYE") if self.kind[3] == "one AOR" else ("BYE",)


@dataclasses.dataclass
class UseCase:
    name: str
    call: Call
    sender: str
    rule: str


@dataclasses.dataclass
class Gap:
    """A request to a phone that has lost its only flow and not come back yet: it waits (R8), or is answered 430 and sent again."""

    name: str
    call: Call
    sender: str
    told: bool = False


def users_of(name: str, accounts: str) -> list[list[str]]:
    """The AORs of each contact."""
    return [[[name]], [[name, f"{name}-b"]], [[name], [f"{name}-b"]]][ACCOUNTS[accounts]]


class Mission:
    # The NATs that phones are behind, and which of them phones stand behind that the use cases and gaps are about.
    nat_modes: dict[str, NatMode | None] = NATS
    changing, keeping = "random ports", "keeps ports"
    survivors = SURVIVORS

    def __init__(self, cluster: Cluster, report: Report) -> None:
        self.cluster = cluster
        self.report = report
        self.phones: dict[tuple, Phone] = {}  # by kind of cell, and the end of the call
        self.outside: Party | None = None
        self.nats: dict[str, NatBox] = {}

    @property
    def transports(self) -> tuple[Transport, ...]:
        return self.cluster.transports

    async def run(self) -> None:
        await self.build()
        cases = [case for transport in self.transports for case in await self.make_use_cases(transport)]
        gaps = [gap for transport in self.transports for gap in await self.make_gaps(transport)]
        cells = [Cell(kind, sender, await self.make_calls(kind))
                 for kind in itertools.product(self.transports, self.nat_modes, FLOWS, ACCOUNTS, SIDES) for sender in ENDS]
        complaints = self.cluster.failures()
        if complaints:
            raise SetupError("\n".join(complaints))
        self.report.note(f"{sum(len(cell.calls) for cell in cells)} calls of {len(self.phones)} phones stand")
        await self.kill_owner()
        await self.wait_returned()
        for case in cases:
            await self.judge(case.name, [case.call], case.sender, "BYE", case.rule)
        await self.judge_gaps(gaps)
        for cell in cells:
            for method in cell.methods:
                await self.judge(str(cell), cell.calls, cell.sender, method, wanted_rule(cell.calls[0].ends(cell.sender)[1]))
        self.report.note(f"edge{SURVIVOR} takes edge{OWNER} for {self.cluster.weir[SURVIVOR].peer_state(OWNER)}")
        if self.cluster.driver.is_dpdk:
            await judge_streams(self.cluster, SURVIVOR, self.report)

    async def build(self) -> None:
        kinds = [(*kind, end) for kind in itertools.product(self.transports, self.nat_modes, FLOWS, ACCOUNTS, SIDES) for end in ENDS
                 if kind[4] in (end, "both")]
        self.cluster.make_edges([OWNER, SURVIVOR])
        names = {kind: f"p{index}" for index, kind in enumerate(kinds)}
        users = [user for kind, name in names.items() for contact in users_of(name, kind[3]) for user in contact]
        extra = [f"{name}-{transport.name}" for transport in self.transports for name in ("shared", "alone", "second", "away")]
        self.cluster.make_core([*users, *extra, "outside"])
        self.nats = {name: self.cluster.add_nat(f"nat{number}", mode) for number, (name, mode) in enumerate(self.nat_modes.items(), 1)}
        await self.cluster.start()
        self.outside = self.cluster.outside("outside")
        await self.cluster.register_outside(*self.outside)
        for kind, name in names.items():
            self.phones[kind] = await self.add_phone(kind[0], self.nats[kind[1]], name, users_of(name, kind[3]), kind[2])

    async def add_phone(self, transport: Transport, nat: NatBox, name: str, users: list[list[str]], flows: str,
                        one_port: bool = False) -> Phone:
        phone = self.cluster.add_phone(name, nat, users, FLOWS[flows], one_port, transport)
        await self.cluster.settle(phone)
        # Who has another flow may be slow to replace the lost one: that flow must do.
        phone.returns = transport.stream and flows == "re-registers"
        return phone

    async def make_calls(self, kind: Kind) -> list[Call]:
        """A call for every AOR of the cell's phones, through the owner."""
        count = 1 if kind[3] == "one AOR" else 2
        callers, callees = ((list(zip(itertools.repeat(self.phones[*kind, end]), self.phones[*kind, end].accounts))
                             if (*kind, end) in self.phones else [self.outside] * count) for end in ENDS)
        return [await self.call(caller, callee) for caller, callee in zip(callers, callees)]

    async def call(self, caller: Party, callee: Party) -> Call:
        made = await make_call(*caller, callee[0], callee[1].user, DOMAIN)
        for end in (made.caller, made.callee):
            if not route_hosts(end.dialog) & {access_name(OWNER), core_side_name(OWNER)} or not tokens(end.dialog, EDGE_NAMES):
                raise SetupError(f"{caller[1].user} to {callee[1].user}: not through the owner: {end.dialog.route_set}")
        return made

    async def make_use_cases(self, transport: Transport) -> list[UseCase]:
        """The two that the product exists for, by name. Use case 1 needs the contact that was registered at the survivor too, so
        both flows of that phone share a port."""
        nat, name = self.nats[self.changing], transport.name
        shared = await self.add_phone(transport, nat, f"shared-{name}", [[f"shared-{name}"]], "two flows", one_port=True)
        alone = await self.add_phone(transport, nat, f"alone-{name}", [[f"alone-{name}"]], "re-registers")
        second = await self.add_phone(transport, nat, f"second-{name}", [[f"second-{name}"]], "two flows")
        self.phones["use case", transport, "re-registers"] = alone
        contact, cases = f"r6-contact@{SURVIVOR}", []
        for who, phone in (("two flows", shared), ("re-registers", alone)):
            plain = await self.call(self.outside, (phone, phone.accounts[0]))
            cases.append(UseCase(f"{name:<4} use case 1: no token in the Route, from the core, {who}", plain, "caller", contact))
        between = await self.call((shared, shared.accounts[0]), (alone, alone.accounts[0]))
        cases.append(UseCase(f"{name:<4} use case 1: no token in the Route, from a phone to a phone", between, "caller", contact))
        for case in cases:
            forget_tokens(case.call.caller.dialog, EDGE_NAMES)
        token = await self.call(self.outside, (second, second.accounts[0]))
        return [*cases, UseCase(f"{name:<4} use case 2: edge{OWNER}'s token in the Route, at edge{SURVIVOR}", token, "caller",
                                f"r3-here@{SURVIVOR}")]

    async def make_gaps(self, transport: Transport) -> list[Gap]:
        """Calls to a phone that comes back late, from who repeats a request and from who does not."""
        name = transport.name
        away = await self.add_phone(transport, self.nats[self.keeping], f"away-{name}", [[f"away-{name}"]], "re-registers")
        away.returns = False
        self.phones["gap", transport, "away"] = away
        party = away, away.accounts[0]
        found = [Gap(f"{name:<4} phone away, asked over UDP: served when it is back", await self.call(self.outside, party), "caller")]
        if transport.stream:
            other = self.phones[transport, "keeps ports", "two flows", "one AOR", "caller", "caller"]
            found.append(Gap(f"{name:<4} phone away, asked over a stream: served when it is back",
                             await self.call((other, other.accounts[0]), party), "caller"))
        return found

    async def kill_owner(self) -> None:
        self.cluster.served.since()
        await self.cluster.weir[OWNER].kill()
        self.report.note(f"edge{OWNER} killed (SIGKILL, both processes)")
        survivor = self.cluster.weir[SURVIVOR]
        await survivor.wait_peer(OWNER, "suspect", "dead")
        self.report.note(f"edge{SURVIVOR} takes edge{OWNER} for {survivor.peer_state(OWNER)}")

    async def wait_returned(self) -> None:
        """Phones over UDP hear of nothing and are told; those with a stream have lost it and come back by themselves."""
        for key, phone in self.phones.items():
            if phone.returns:
                if not await phone.returned(RETURN_S):
                    raise SetupError(f"{phone.name} did not come back: {phone.lost} {phone.failures}")
            elif "re-registers" in key:
                await self.register(phone)
        self.report.note(f"phones with one flow have registered at edge{SURVIVOR}")
        self.cluster.served.since()

    async def register(self, phone: Phone) -> None:
        complaints = await self.cluster.register_all(phone)
        if complaints:
            raise SetupError("\n".join(complaints))

    async def judge_gaps(self, gaps: list[Gap]) -> None:
        """All requests at once, then all phones come back. A suspect edge would still be tried (R2), a dead one is not."""
        await self.cluster.weir[SURVIVOR].wait_peer(OWNER, "dead")
        self.cluster.served.since()
        asking = [asyncio.create_task(self.ask_in_gap(gap)) for gap in gaps]
        await asyncio.sleep(GAP_S)
        for key, phone in self.phones.items():
            if key[0] == "gap":
                await self.register(phone)
        for gap, (complaints, elapsed_s) in zip(gaps, await asyncio.gather(*asking)):
            self.report.case(gap.name, complaints, f"{'r9-gone' if gap.told else 'r8-parked'}@{SURVIVOR}", elapsed_s)
        counted = self.cluster.served.since()
        waiting, told = sum(not gap.told for gap in gaps), sum(gap.told for gap in gaps)
        complaints = [f"{verdict} {counted.get((SURVIVOR, verdict), 0)} times, not {wanted}"
                      for verdict, wanted in (("r8-parked", waiting), ("r9-gone", told), ("r3-here", waiting + told))
                      if counted.get((SURVIVOR, verdict), 0) < wanted]
        self.report.case(f"phones away: {waiting} requests waited, {told} were answered 430",
                         complaints + self.cluster.failures(), rules_of(counted))

    async def ask_in_gap(self, gap: Gap) -> tuple[list[str], float]:
        one, other = gap.call.ends(gap.sender)
        done = await exchange(one, other, "INFO", by=self.survivors, patient=True)
        if done.answer.status == 430 and one.phone.outbound:
            gap.told = True
            if not await other.phone.returned(RETURN_S):
                return ["it did not come back"], done.elapsed_s
            done = await exchange(one, other, "INFO", by=self.survivors)
        elif done.elapsed_s < GAP_S:
            done.complaints.append("INFO: did not wait")
        return done.complaints, done.elapsed_s

    async def judge(self, name: str, calls: list[Call], sender: str, method: str, wanted: str) -> None:
        """One line a method; a cell with two AORs holds a call for each."""
        complaints, elapsed_s = [], 0.0
        for call in calls:
            done = await exchange(*call.ends(sender), method, by=self.survivors)
            complaints += done.complaints
            elapsed_s = max(elapsed_s, done.elapsed_s)
        rules = rules_of(await self.cluster.served.until(lambda delta: rules_of(delta) == wanted))
        if rules != wanted:
            complaints.append(f"served by {rules}, not by {wanted}")
        self.report.case(f"{name:<79} {method:<6}", complaints + self.cluster.failures(), rules, elapsed_s)


def wanted_rule(receiver: End) -> str:
    """Toward a phone another flow of its own at the survivor; toward the outside party the core."""
    return f"r3-here@{SURVIVOR}" if receiver.phone.outbound else f"upstream@{SURVIVOR}"


async def lab(cluster: Cluster, report: Report) -> None:
    await Mission(cluster, report).run()
