"""lab routes: the ways a route set can look, and the ways a network can use it, with both edges alive."""

import asyncio
from collections.abc import Awaitable, Callable

from lab import runner
from lab.callee import Account
from lab.cluster import Cluster
from lab.dialog import new_tag
from lab.edge import rules_of
from lab.house import ACCESS, CORE, CORE_NAME, DOMAIN, SIP_PORT, access_name, core_side_name
from lab.nat import NatBox, NatMode
from lab.pbx import Pbx
from lab.phone import Phone
from lab.report import Report
from lab.scenario import Call, End, SetupError, arrived, exchange, find_dialog, make_call, route_hosts, tokens
from lab.sip import Message, name_address_read
from lab.transaction import Client, Server

DRAWING = r"""
   moved, hairpin, --- NAT -+-- edge1: owns the flows --+
   plain, ringing           |         |  relays         +-- core, in the path (record-route: yes)
   pbx --- office NAT ------+-- edge2: gets what is ----+-- the outside party
                                sprayed to it
"""

HOME, OTHER = 1, 2
EDGE_NAMES = [name(edge) for edge in (HOME, OTHER) for name in (access_name, core_side_name)]
USERS = ["outside", "moved", "hair", "pin", "pbx", "plain", "ringing"]

Party = tuple[Phone, Account]


class Routes:
    def __init__(self, cluster: Cluster, report: Report) -> None:
        self.cluster = cluster
        self.report = report
        self.nat: NatBox | None = None
        self.office: NatBox | None = None
        self.outside: Party | None = None
        self.parties: dict[str, Party] = {}

    async def run(self) -> None:
        self.cluster.make_edges([HOME, OTHER])
        self.cluster.make_core(USERS, record_route=True)
        self.nat = self.cluster.add_nat("nat", NatMode.RANDOM)
        self.office = self.cluster.add_nat("office", NatMode.PRESERVING)
        # A PBX sends for users that are not its own: its address says so (a From of no row gets no token otherwise).
        for edge in self.cluster.weir.values():
            edge.settings["flows"] = {"shared-flows": [f"{self.office.address}/32"]}
        await self.cluster.start()
        self.outside = self.cluster.outside("outside")
        await self.cluster.register_outside(*self.outside)
        await self.core_in_path()
        await self.sprayed()
        await self.response_sprayed()
        await self.early_notify()
        await self.cancelled()
        await self.refused()
        await self.hairpin()
        await self.pbx()
        await self.moved()

    async def phone(self, name: str, users: list[str] | None = None, nat: NatBox | None = None) -> Party:
        """A phone with one flow, at the home edge."""
        phone = self.cluster.add_phone(name, nat or self.nat, [users or [name]], {1: HOME})
        await self.cluster.settle(phone)
        self.parties[name] = phone, phone.accounts[0]
        return self.parties[name]

    async def call(self, caller: Party, callee: Party) -> Call:
        call = await make_call(*caller, callee[0], callee[1].user, DOMAIN)
        self.cluster.served.since()
        return call

    async def judge(self, what: str, call: Call, sender: str, methods: tuple[str, ...], rules: str, **how: object) -> None:
        """Requests in a call, each of which must be served by these rules."""
        for method in methods:
            done = await exchange(*call.ends(sender), method, **how)
            await self.verdict(f"{what}: {method}", done.complaints, rules, done.elapsed_s)

    async def verdict(self, what: str, complaints: list[str], wanted: str, elapsed_s: float | None = None) -> None:
        rules = rules_of(await self.cluster.served.until(lambda delta: rules_of(delta) == wanted))
        if rules != wanted:
            complaints = [*complaints, f"served by {rules}, not by {wanted}"]
        self.report.case(what, complaints + self.cluster.failures(), rules, elapsed_s)

    async def core_in_path(self) -> None:
        plain = await self.phone("plain")
        call = await self.call(self.outside, plain)
        if CORE_NAME not in route_hosts(call.caller.dialog) or CORE_NAME not in route_hosts(call.callee.dialog):
            raise SetupError(f"the core is not in the path: {call.caller.dialog.route_set}")
        await self.judge("core in the path, toward the phone", call, "caller", ("INFO", "INVITE"), f"r1-own@{HOME}")
        await self.judge("core in the path, from the phone", call, "callee", ("INFO", "INVITE", "BYE"), f"upstream@{HOME}")

    async def direct_call(self, callee: Party) -> Call:
        """A call from outside whose caller has forgotten the core: it speaks to edges itself."""
        call = await self.call(self.outside, callee)
        routes = call.caller.dialog.route_set
        call.caller.dialog.route_set = [route for route in routes if name_address_read(route).uri.host != CORE_NAME]
        return call

    async def sprayed(self) -> None:
        other = (f"{CORE}{OTHER}", SIP_PORT)
        call = await self.direct_call(self.parties["plain"])
        both = f"r1-own@{HOME} r2-owner@{OTHER}"
        # The answer comes back by the edge that was asked: over the relay.
        await self.judge("sprayed to the wrong edge, owner alive", call, "caller", ("INFO", "INVITE", "BYE"), both,
                         by=[other], targets=[other])

    async def response_sprayed(self) -> None:
        """The outside party answers to the wrong edge, past the core."""
        call = await self.direct_call(self.parties["plain"])
        phone = self.outside[0]

        def to_the_other_edge(response: Message, source: tuple[str, int]) -> tuple[Message, tuple[str, int]]:
            vias = response.all("Via")
            response = response.copy()
            response.remove("Via")
            response.headers = [("Via", via) for via in vias[1:]] + response.headers
            return response, (f"{CORE}{OTHER}", SIP_PORT)

        phone.transactions.divert = to_the_other_edge
        done = await exchange(call.callee, call.caller, "INFO", by=[(f"{ACCESS}{HOME}", SIP_PORT)])
        phone.transactions.divert = None
        counted = await self.cluster.served.until(lambda delta: (OTHER, "response-relayed") in delta)
        if (OTHER, "response-relayed") not in counted:
            done.complaints.append(f"edge{OTHER} counted no response-relayed: {counted}")
        self.report.case("response to the wrong edge, handed to the right one: INFO",
                         done.complaints + self.cluster.failures(), f"response-relayed@{OTHER}", done.elapsed_s)

    async def early_notify(self) -> None:
        """RFC 6665 section 4.4.1: a NOTIFY may come before the 2xx to its SUBSCRIBE."""
        phone = self.parties["plain"][0]
        outside, account = self.outside
        notified = []

        async def notify_first(server: Server, _account: Account) -> None:
            # The dialog stands before its 2xx is sent, and the NOTIFY goes first.
            answer_later, server.respond = server.respond, lambda response: setattr(server, "response", response)
            await outside.accept(server, account)
            dialog = next(item for item in outside.dialogs.values() if item.call_id == server.request.call_id)
            answer = await outside.request(dialog, "NOTIFY")
            notified.append(answer)
            answer_later(server.response)

        outside.on_new = notify_first
        result = await phone.create("SUBSCRIBE", phone.accounts[0], f"sip:{account.user}@{DOMAIN}", Event="presence")
        outside.on_new = outside.accept
        complaints = [] if result.status == 200 else [f"SUBSCRIBE: {result.status or 'no answer'}"]
        if not notified or notified[0].status != 200:
            complaints.append("NOTIFY: not answered 200")
        await self.verdict("NOTIFY before the 2xx to SUBSCRIBE", complaints, f"r1-own@{HOME} upstream@{HOME}")

    async def ring(self, caller: Party, callee: Party, act: Callable[[Server], Awaitable[None]],
                   ringing: Callable[[Client], Awaitable[None]]) -> int:
        """Call somebody who rings, then does `act`; meanwhile the caller does `ringing`. The final status."""
        clients: list[Client] = []
        rings = asyncio.Event()

        async def on_new(server: Server, _account: Account) -> None:
            server.answer(180, "Ringing", new_tag())
            rings.set()
            await act(server)

        callee[0].on_new = on_new
        calling = asyncio.create_task(caller[0].invite(caller[1], f"sip:{callee[1].user}@{DOMAIN}", on_start=clients.append))
        await asyncio.wait_for(rings.wait(), 5)
        await ringing(clients[-1])
        status = (await asyncio.wait_for(calling, 10)).status
        callee[0].on_new = callee[0].accept
        return status

    async def cancelled(self) -> None:
        ringing = await self.phone("ringing")
        for what, caller, callee, rules in (("to the phone", self.outside, ringing, f"r1-own@{HOME}"),
                                            ("from the phone", ringing, self.outside, f"upstream@{HOME}")):
            self.cluster.served.since()
            seen = len(callee[0].arrivals)
            complaints = []

            async def cancel(client: Client) -> None:
                answer = await caller[0].transactions.cancel(client)
                if answer.status != 200:
                    complaints.append(f"CANCEL: {answer.status or 'no answer'}")

            async def nothing(server: Server) -> None:
                return

            status = await self.ring(caller, callee, nothing, cancel)
            complaints += await self.acknowledged(callee[0], seen, status, 487)
            await self.verdict(f"CANCEL of a ringing call {what}, 487 and its ACK", complaints, rules)

    async def refused(self) -> None:
        ringing = self.parties["ringing"]
        for what, caller, callee, rules in (("by the phone", self.outside, ringing, f"r1-own@{HOME}"),
                                            ("by the outside party", ringing, self.outside, f"upstream@{HOME}")):
            self.cluster.served.since()
            seen = len(callee[0].arrivals)

            async def busy(server: Server) -> None:
                await callee[0].refuse(server, 486, "Busy Here")

            async def nothing(client: Client) -> None:
                return

            status = await self.ring(caller, callee, busy, nothing)
            await self.verdict(f"call refused {what}, 486 and its ACK", await self.acknowledged(callee[0], seen, status, 486), rules)

    async def acknowledged(self, callee: Phone, seen: int, status: int, wanted: int) -> list[str]:
        """The final status is the wanted one, and the callee got the ACK to it."""
        complaints = [] if status == wanted else [f"INVITE: {status or 'no answer'}, not {wanted}"]
        invite = next(arrival.request for arrival in callee.arrivals[seen:] if arrival.method == "INVITE")
        server = callee.transactions.find_server(invite, "INVITE")
        try:
            await asyncio.wait_for(server.acknowledged.wait(), 1)
        except asyncio.TimeoutError:
            complaints.append("the ACK to it never came")
        return complaints

    async def hairpin(self) -> None:
        """Both parties are accounts of one phone, on one flow."""
        phone, account = await self.phone("hair", ["hair", "pin"])
        for sender in ("caller", "callee"):
            call = await self.call((phone, account), (phone, phone.accounts[1]))
            await self.judge(f"hairpin: both parties on one flow, {sender} sends", call, sender, ("INFO", "BYE"),
                             f"r1-own@{HOME} upstream@{HOME}")

    async def pbx(self) -> None:
        """outside -> core -> edge -> PBX -> edge -> core -> edge -> plain: two tokens that lead inwards, and one out."""
        pbx_phone, pbx_account = await self.phone("pbx", nat=self.office)
        pbx = Pbx(pbx_phone, f"sip:plain@{DOMAIN}")
        plain = self.parties["plain"][0]
        outside, account = self.outside
        for sender in ("caller", "callee"):
            result = await outside.invite(account, f"sip:{pbx_account.user}@{DOMAIN}")
            if result.dialog is None:
                raise SetupError(f"outside calls pbx: {result.status or 'no answer'}")
            call = Call(End(outside, result.dialog), End(plain, find_dialog(plain, result.dialog)))
            if len(tokens(call.caller.dialog, EDGE_NAMES)) != 3 or not await arrived(call.callee, 0, "ACK"):
                raise SetupError(f"not three tokens and an ACK: {call.caller.dialog.route_set}")
            self.cluster.served.since()
            for method in ("INFO", "BYE"):
                pbx.forwarded.clear()
                done = await exchange(*call.ends(sender), method)
                if pbx.forwarded != [method]:
                    done.complaints.append(f"passed the PBX: {pbx.forwarded}")
                await self.verdict(f"PBX between two tokens, {sender} sends: {method}", done.complaints,
                             f"r1-own@{HOME} upstream@{HOME}", done.elapsed_s)

    async def moved(self) -> None:
        """The NAT gives the phone a new address in mid-call; nothing of the phone's own may come back to it."""
        party = await self.phone("moved")
        call = await self.call(self.outside, party)
        self.nat.forget(party[1].contact.flows[0].port.address[0])
        await self.judge("moved phone, from its new address", call, "callee", ("INFO", "BYE"), f"moved@{HOME}")
        got = [arrival.method for arrival in party[0].arrivals if arrival.request.call_id == call.callee.dialog.call_id]
        self.report.case("moved phone: none of its own requests came back",
                         [f"it got {got}"] if got != ["INVITE", "ACK"] else [])
        await self.cluster.settle(party[0])
        call = await self.call(self.outside, party)
        self.nat.forget(party[1].contact.flows[0].port.address[0])
        await self.cluster.settle(party[0])
        self.cluster.served.since()
        await self.judge("moved phone, registered again: toward it", call, "caller", ("INFO", "BYE"), f"r3-here@{HOME}")


async def lab(cluster: Cluster, report: Report) -> None:
    await Routes(cluster, report).run()


if __name__ == "__main__":
    runner.run("routes", DRAWING, Cluster, lab)
