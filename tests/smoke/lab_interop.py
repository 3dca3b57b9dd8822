"""lab interop: phones that nobody here wrote keep their calls when their edge dies, and either side can end them.

baresip with two outbound flows (RFC 5626), and JsSIP with one WebSocket that it opens again elsewhere, have calls through edge1
with a party in the core. edge1 is killed; then one side of each call hangs up, and the other one must hear of it.
"""

import asyncio
import dataclasses
import shutil

from lab import jssip, runner
from lab.baresip import Baresip
from lab.cluster import Cluster
from lab.dialog import Dialog
from lab.edge import rules_of
from lab.foreign import Foreign, Place
from lab.house import ACCESS, DNS_HOST, DOMAIN, access_name, core_side_name
from lab.nat import NatBox, NatMode
from lab.phone import Account, Phone
from lab.report import Report
from lab.scenario import SetupError, route_hosts
from lab.transport import ALL, Transport

DRAWING = r"""
   phones --- NAT (keeps ports) --+-- edge1: killed --+-- core: registrar and proxy
                                  +-- edge2 ----------+-- the outside party: our own phone
"""

OWNER, SURVIVOR = 1, 2
TRANSPORTS = ALL
SIDES = ("phone", "outside")
# baresip over UDP hears of no ICMP, and tries the next edge when its Timer F has fired (RFC 3261 section 17.1.2.2); it may choose
# TCP where a Route leaves that open.
TIMER_F_S = 32.0
PATIENCE_S = TIMER_F_S + 6


@dataclasses.dataclass
class Case:
    transport: Transport
    caller: str
    ends: str
    phone: Foreign
    dialog: Dialog | None = None  # of the outside party

    def __str__(self) -> str:
        kind = type(self.phone).__name__.lower()
        caller, ends = (kind if side == "phone" else side for side in (self.caller, self.ends))
        return f"{self.transport.name}: {caller} calls, {ends} hangs up"


class Interop:
    def __init__(self, cluster: Cluster, report: Report) -> None:
        self.cluster = cluster
        self.report = report
        self.cases: list[Case] = []
        self.outside: tuple[Phone, Account] | None = None
        self.nat: NatBox | None = None

    async def run(self) -> None:
        kinds = [(transport, caller, ends) for transport in self.cluster.transports if self.can_try(transport)
                 for caller in SIDES for ends in SIDES]
        if not kinds:
            return
        await self.build(kinds)
        try:
            await self.make_calls()
            await self.cluster.weir[OWNER].kill()
            await self.cluster.weir[SURVIVOR].wait_peer(OWNER, "suspect", "dead")
            self.report.note(f"edge{OWNER} killed; {len(self.cases)} calls stand")
            self.cluster.served.since()
            await asyncio.gather(*(self.hang_up(case) for case in self.cases))
            self.report.note(f"served by {rules_of(self.cluster.served.since())}")
        finally:
            for case in self.cases:
                case.phone.close()

    def can_try(self, transport: Transport) -> bool:
        """Whether the phone for this transport is there; else it is skipped, once for all its cases."""
        name = "jssip" if transport.web else "baresip"
        why = jssip.missing() if transport.web else "" if shutil.which("baresip") else "it is not installed"
        if why:
            self.report.skip(f"{transport.name}: {name}", why)
        return not why

    async def build(self, kinds: list[tuple[Transport, str, str]]) -> None:
        self.cluster.make_edges([OWNER, SURVIVOR])
        # baresip gives up on a challenge with an algorithm that it does not know, even beside one that it does: no users, no challenge.
        self.cluster.make_core([])
        self.nat = self.cluster.add_nat("nat", NatMode.PRESERVING)
        self.nat.phones.name_server_set(f"{ACCESS}{DNS_HOST}")
        await self.cluster.start()
        self.outside = self.cluster.outside("outside")
        await self.cluster.register_outside(*self.outside)
        for number, (transport, caller, ends) in enumerate(kinds):
            place = Place(self.nat.phones, self.nat.add_phone(number), (f"{ACCESS}{DNS_HOST}", DNS_HOST), self.cluster.folder,
                          self.cluster.authority.certificate if self.cluster.authority else "", number)
            self.cases.append(Case(transport, caller, ends, self.new_phone(f"phone{number}", transport, place)))

    def new_phone(self, name: str, transport: Transport, place: Place) -> Foreign:
        edges = [access_name(OWNER), access_name(SURVIVOR)]
        if transport.web:
            return jssip.Jssip(name, DOMAIN, [f"{transport.name}://{edge}/" for edge in edges], place)
        # Its flow at edge1 shall be the newest, which a registrar prefers, and it registers both at once.
        self.nat.hold(place.address, f"{ACCESS}{OWNER}")
        return Baresip(name, DOMAIN, edges, transport, place)

    async def make_calls(self) -> None:
        outbound, web = ([case for case in self.cases if case.transport.web == web] for web in (False, True))
        await self.start(outbound, 1)
        self.nat.release()
        await self.wait_registered(outbound, 2)
        # A program that binds to no address has the first phone's.
        await self.start(web, 1)
        for case in self.cases:
            case.dialog = await self.call(case)
            if not route_hosts(case.dialog) & {access_name(OWNER), core_side_name(OWNER)}:
                raise SetupError(f"{case}: not through edge{OWNER}: {case.dialog.route_set}")

    async def start(self, cases: list[Case], flows: int) -> None:
        await asyncio.gather(*(case.phone.start() for case in cases))
        await self.wait_registered(cases, flows)

    @staticmethod
    async def wait_registered(cases: list[Case], flows: int) -> None:
        registered = await asyncio.gather(*(case.phone.wait_registered(flows) for case in cases))
        for case, good in zip(cases, registered):
            if not good:
                raise SetupError(f"{case.phone.name} has not registered over {flows} flows by {case.transport.name}")

    async def call(self, case: Case) -> Dialog:
        """The outside party's end of it."""
        phone, account = self.outside
        if case.caller == "outside":
            result = await phone.invite(account, case.phone.aor)
            if result.dialog is None:
                raise SetupError(f"{case}: {result.status or 'no answer'}")
        else:
            await case.phone.dial(str(account.aor))
        if not await case.phone.established():
            raise SetupError(f"{case}: not established")
        return result.dialog if case.caller == "outside" else list(phone.dialogs.values())[-1]

    async def hang_up(self, case: Case) -> None:
        begin = asyncio.get_running_loop().time()
        complaints = await (self.phone_ends(case) if case.ends == "phone" else self.outside_ends(case))
        if not case.phone.running:
            complaints.append(f"{case.phone.name} has died")
        self.report.case(str(case), complaints + self.cluster.failures(), "", asyncio.get_running_loop().time() - begin)

    async def phone_ends(self, case: Case) -> list[str]:
        await case.phone.hang_up()
        for _ in range(int(PATIENCE_S / 0.05)):
            if case.dialog.ended and case.phone.answered("BYE"):
                break
            await asyncio.sleep(0.05)
        complaints = [] if case.dialog.ended else ["BYE: the outside party heard of nothing"]
        if case.phone.answered("BYE") != [200]:
            complaints.append(f"BYE: {case.phone.name} was answered {case.phone.answered('BYE')}")
        return complaints

    async def outside_ends(self, case: Case) -> list[str]:
        answer = await self.outside[0].request(case.dialog, "BYE")
        complaints = [] if answer.status == 200 else [f"BYE: {answer.status or 'no answer'}"]
        if not await case.phone.closed(5):
            complaints.append(f"{case.phone.name} still talks")
        return complaints


async def lab(cluster: Cluster, report: Report) -> None:
    await Interop(cluster, report).run()


if __name__ == "__main__":
    runner.run("interop", DRAWING, lambda driver: Cluster(transports=TRANSPORTS, driver=driver), lab)
