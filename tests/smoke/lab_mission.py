"""lab mission: a call outlives its edge.

Every kind of phone has calls through edge1. edge1 is killed once. Then every request must be answered 200 by the right phone, over
a flow of its own, and edge2 must not have to be asked twice.
"""

import dataclasses
import itertools

from lab import runner
from lab.cluster import Cluster
from lab.edge import rules_of
from lab.house import ACCESS, CORE, DOMAIN, SIP_PORT, access_name, core_side_name
from lab.nat import NatBox, NatMode
from lab.phone import Account, Phone
from lab.report import Report
from lab.scenario import Call, End, SetupError, exchange, forget_tokens, make_call, route_hosts, tokens

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
SURVIVORS = [(f"{ACCESS}{SURVIVOR}", SIP_PORT), (f"{CORE}{SURVIVOR}", SIP_PORT)]

Kind = tuple[str, str, str, str]  # nat, flows, accounts, side


@dataclasses.dataclass
class Cell:
    kind: Kind
    sender: str
    calls: list[Call]

    def __str__(self) -> str:
        nat, flows, accounts, side = self.kind
        return f"{nat:<12} {flows:<12} {accounts:<21} {side + ' behind':<13} {self.sender + ' sends':<12}"

    @property
    def methods(self) -> tuple[str, ...]:
        """BYE everywhere; a whole dialog in one column."""
        return ("INVITE", "INFO", "BYE") if self.kind[2] == "one AOR" else ("BYE",)


def users_of(name: str, accounts: str) -> list[list[str]]:
    """The AORs of each contact."""
    return [[[name]], [[name, f"{name}-b"]], [[name], [f"{name}-b"]]][ACCOUNTS[accounts]]


def phone_names() -> dict[tuple[str, ...], str]:
    """A phone for every kind of cell and end that is behind the cluster."""
    kinds = [(*kind, end) for kind in itertools.product(NATS, FLOWS, ACCOUNTS, SIDES) for end in ENDS
             if kind[3] in (end, "both")]
    return {kind: f"p{index}" for index, kind in enumerate(kinds)}


class Mission:
    def __init__(self, cluster: Cluster, report: Report) -> None:
        self.cluster = cluster
        self.report = report
        self.phones: dict[tuple[str, ...], Phone] = {}
        self.outside: tuple[Phone, Account] | None = None
        self.nats: dict[str, NatBox] = {}

    async def run(self) -> None:
        await self.build()
        cases = await self.make_use_cases()
        cells = [Cell(kind, sender, await self.make_calls(kind)) for kind in itertools.product(NATS, FLOWS, ACCOUNTS, SIDES)
                 for sender in ENDS]
        complaints = self.cluster.failures()
        if complaints:
            raise SetupError("\n".join(complaints))
        self.report.note(f"{sum(len(cell.calls) for cell in cells)} calls of {len(self.phones)} phones stand")
        await self.kill_owner()
        for name, calls, sender in cases:
            await self.judge(name, calls, sender, ("BYE",))
        for cell in cells:
            await self.judge(str(cell), cell.calls, cell.sender, cell.methods)
        self.report.note(f"edge{SURVIVOR} takes edge{OWNER} for {self.cluster.weir[SURVIVOR].peer_state(OWNER)}")

    async def build(self) -> None:
        names = phone_names()
        users = [user for key, name in names.items() for contact in users_of(name, key[2]) for user in contact]
        self.cluster.make_edges([OWNER, SURVIVOR])
        self.cluster.make_core([*users, "outside", "shared", "alone", "second"])
        self.nats = {name: self.cluster.add_nat(f"nat{number}", mode) for number, (name, mode) in enumerate(NATS.items(), 1)}
        await self.cluster.start()
        self.outside = self.cluster.outside("outside")
        await self.cluster.register_outside(*self.outside)
        for key, name in names.items():
            self.phones[key] = self.cluster.add_phone(name, self.nats[key[0]], users_of(name, key[2]), FLOWS[key[1]])
            await self.cluster.settle(self.phones[key])

    async def register(self, phone: Phone) -> None:
        complaints = await self.cluster.register_all(phone)
        if complaints:
            raise SetupError("\n".join(complaints))

    async def make_calls(self, kind: Kind) -> list[Call]:
        """A call for every AOR of the cell's phones, through the owner."""
        count = 1 if kind[2] == "one AOR" else 2
        callers, callees = ((list(zip(itertools.repeat(self.phones[*kind, end]), self.phones[*kind, end].accounts))
                             if (*kind, end) in self.phones else [self.outside] * count) for end in ENDS)
        return [await self.call(*caller, *callee) for caller, callee in zip(callers, callees)]

    async def call(self, caller: Phone, account: Account, callee: Phone, callee_account: Account) -> Call:
        made = await make_call(caller, account, callee, callee_account.user, DOMAIN)
        for end in (made.caller, made.callee):
            if not route_hosts(end.dialog) & {access_name(OWNER), core_side_name(OWNER)} or not tokens(end.dialog, EDGE_NAMES):
                raise SetupError(f"{account.user} to {callee_account.user}: not through the owner: {end.dialog.route_set}")
        return made

    async def make_use_cases(self) -> list[tuple[str, list[Call], str]]:
        """The two that the product exists for, by name. Use case 1 needs the contact that was registered at the survivor too, so
        both flows of that phone share a port."""
        nat = self.nats["random ports"]
        shared = self.cluster.add_phone("shared", nat, [["shared"]], FLOWS["two flows"], one_port=True)
        alone = self.cluster.add_phone("alone", nat, [["alone"]], FLOWS["re-registers"])
        second = self.cluster.add_phone("second", nat, [["second"]], FLOWS["two flows"])
        for phone in (shared, alone, second):
            await self.cluster.settle(phone)
        self.phones["use case", "re-registers"] = alone
        cases = []
        for who, phone in (("two flows", shared), ("re-registers", alone)):
            plain = await self.call(*self.outside, phone, phone.accounts[0])
            forget_tokens(plain.caller.dialog, EDGE_NAMES)
            cases.append((f"use case 1: no token in the Route, from the core, {who}", [plain], "caller"))
        between = await self.call(shared, shared.accounts[0], alone, alone.accounts[0])
        forget_tokens(between.caller.dialog, EDGE_NAMES)
        cases.append(("use case 1: no token in the Route, from a phone to a phone", [between], "caller"))
        token = await self.call(*self.outside, second, second.accounts[0])
        cases.append(("use case 2: edge1's token in the Route, at edge2", [token], "caller"))
        return cases

    async def kill_owner(self) -> None:
        await self.cluster.weir[OWNER].kill()
        self.report.note(f"edge{OWNER} killed (SIGKILL, both processes)")
        survivor = self.cluster.weir[SURVIVOR]
        await survivor.wait_peer(OWNER, "suspect", "dead")
        self.report.note(f"edge{SURVIVOR} takes edge{OWNER} for {survivor.peer_state(OWNER)}")
        for key, phone in self.phones.items():
            if key[1] == "re-registers":
                await self.register(phone)
        self.report.note(f"phones with one flow have registered at edge{SURVIVOR}")
        self.cluster.served.since()

    async def judge(self, name: str, calls: list[Call], sender: str, methods: tuple[str, ...]) -> None:
        """One line a method; a cell with two AORs holds a call for each."""
        for method in methods:
            complaints, elapsed_s = [], 0.0
            for call in calls:
                complaint, spent_s = await self.exchange(call, sender, method)
                complaints += complaint
                elapsed_s = max(elapsed_s, spent_s)
            wanted = self.wanted_rule(name, calls[0].ends(sender)[1])
            rules = rules_of(await self.cluster.served.until(lambda delta: rules_of(delta) == wanted))
            if rules != wanted:
                complaints.append(f"served by {rules}, not by {wanted}")
            self.report.case(f"{name:<74} {method:<6}", complaints + self.cluster.failures(), rules, elapsed_s)

    @staticmethod
    async def exchange(call: Call, sender: str, method: str) -> tuple[list[str], float]:
        one, other = call.ends(sender)
        done = await exchange(one, other, method, by=SURVIVORS)
        return done.complaints, done.elapsed_s

    @staticmethod
    def wanted_rule(name: str, receiver: End) -> str:
        """Toward a phone another flow of its own at the survivor; toward the outside party the core."""
        if name.startswith("use case 1"):
            return f"r6-contact@{SURVIVOR}"
        return f"r3-here@{SURVIVOR}" if receiver.phone.outbound else f"upstream@{SURVIVOR}"


async def lab(cluster: Cluster, report: Report) -> None:
    await Mission(cluster, report).run()


if __name__ == "__main__":
    runner.run("mission", DRAWING, Cluster, lab)
