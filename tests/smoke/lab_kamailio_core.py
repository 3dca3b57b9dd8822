"""lab kamailio-core: the same, with Kamailio as registrar and proxy behind the edges."""

from lab import runner
from lab.cluster import Cluster
from lab.edge import rules_of
from lab.house import ACCESS, CORE, CORE_HOST, CORE_NAME, DOMAIN, SIP_PORT, access_name, core_side_name
from lab.nat import NatMode
from lab.phone import Account, Phone
from lab.report import Report
from lab.scenario import Call, SetupError, exchange, make_call, route_hosts

DRAWING = r"""
                             +-- edge1: killed --+
   phones -- NAT (random) ---+                   +-- Kamailio 5.6: registrar and proxy
                             +-- edge2 ----------+-- the outside party
"""

OWNER, SURVIVOR = 1, 2
TWO_FLOWS, ONE_FLOW = {1: OWNER, 2: SURVIVOR}, {1: OWNER}
# Kamailio record-routes calls to and from users of this prefix.
IN_PATH = "rr"


class Scene:
    def __init__(self, cluster: Cluster, report: Report) -> None:
        self.cluster = cluster
        self.report = report
        self.phones: dict[str, Phone] = {}
        self.outside: tuple[Phone, Account] | None = None
        self.calls: list[tuple[str, Call, str]] = []

    async def run(self) -> None:
        self.cluster.make_edges([OWNER, SURVIVOR])
        self.cluster.make_kamailio_core(IN_PATH)
        nat = self.cluster.add_nat("nat", NatMode.RANDOM)
        await self.cluster.start()
        self.outside = self.cluster.outside("outside")
        await self.cluster.register_outside(*self.outside)
        for name, flows in (("two", TWO_FLOWS), ("one", ONE_FLOW), (f"{IN_PATH}two", TWO_FLOWS), (f"{IN_PATH}one", ONE_FLOW)):
            self.phones[name] = self.cluster.add_phone(name, nat, [[name]], flows)
            complaints = await self.cluster.register_all(self.phones[name])
            self.report.case(f"REGISTER of {name}, flows at {', '.join(f'edge{edge}' for edge in flows.values())}",
                             complaints + self.cluster.failures(), "register")
        await self.make_calls()
        await self.kill_owner()
        for what, call, sender in self.calls:
            await self.end(what, call, sender)
        await self.call_again()

    async def make_calls(self) -> None:
        for name in self.phones:
            for sender in ("caller", "callee"):
                await self.make(f"outside calls {name}", self.outside, self.member(name), sender)
                await self.make(f"{name} calls outside", self.member(name), self.outside, sender)
        for prefix in ("", IN_PATH):
            await self.make(f"{prefix}two calls {prefix}one", self.member(f"{prefix}two"), self.member(f"{prefix}one"), "caller")
            await self.make(f"{prefix}one calls {prefix}two", self.member(f"{prefix}one"), self.member(f"{prefix}two"), "caller")

    def member(self, name: str) -> tuple[Phone, Account]:
        return self.phones[name], self.phones[name].accounts[0]

    async def make(self, what: str, caller: tuple[Phone, Account], callee: tuple[Phone, Account], sender: str) -> None:
        call = await make_call(*caller, callee[0], callee[1].user, DOMAIN)
        hosts = route_hosts(call.caller.dialog)
        if core_side_name(OWNER) not in hosts and access_name(OWNER) not in hosts:
            raise SetupError(f"{what}: not through edge{OWNER}: {call.caller.dialog.route_set}")
        self.calls.append((f"{what}, {sender} ends", call, sender))

    async def kill_owner(self) -> None:
        await self.cluster.weir[OWNER].kill()
        await self.cluster.weir[SURVIVOR].wait_peer(OWNER, "suspect", "dead")
        self.report.note(f"edge{OWNER} killed; edge{SURVIVOR} takes it for {self.cluster.weir[SURVIVOR].peer_state(OWNER)}")
        for name, phone in self.phones.items():
            if name.endswith("one"):
                complaints = await self.cluster.register_all(phone)
                self.report.case(f"REGISTER of {name}, now at edge{SURVIVOR}", complaints + self.cluster.failures(), "register")
        self.cluster.served.since()

    async def end(self, what: str, call: Call, sender: str) -> None:
        one, other = call.ends(sender)
        # A Kamailio in the path finds the next edge by its own timer.
        patient = CORE_NAME in route_hosts(one.dialog)
        by = [(f"{ACCESS}{SURVIVOR}", SIP_PORT), (f"{CORE}{SURVIVOR}", SIP_PORT), (f"{CORE}{CORE_HOST}", SIP_PORT)]
        done = await exchange(one, other, "BYE", by=by, patient=patient)
        self.report.case(f"{what}: BYE", done.complaints + self.cluster.failures(), rules_of(self.cluster.served.since()),
                         done.elapsed_s)

    async def call_again(self) -> None:
        """A new call, which Kamailio sends by Path to the edge that is left."""
        for name in ("two", "one"):
            phone, account = self.member(name)
            result = await self.outside[0].invite(self.outside[1], f"sip:{account.user}@{DOMAIN}")
            complaints = [] if result.status == 200 else [f"INVITE: {result.status or 'no answer'}"]
            self.report.case(f"outside calls {name} again: INVITE", complaints + self.cluster.failures(),
                             rules_of(self.cluster.served.since()), result.answer.elapsed_s)


async def lab(cluster: Cluster, report: Report) -> None:
    await Scene(cluster, report).run()


if __name__ == "__main__":
    runner.run("kamailio-core", DRAWING, Cluster, lab)
