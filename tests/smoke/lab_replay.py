"""lab replay: who has seen a token on a wire can do nothing with it.

The tokens of a standing call, of a registration, and of a relay between edges, in other dialogs, from other places. WEIR_REPLAYS says how
many dialogs are tried.
"""

import os
import random

from lab import runner
from lab.callee import Account
from lab.cluster import Cluster
from lab.dns import Address
from lab.forger import Forger
from lab.house import access_name, core_side_name
from lab.phone import Phone
from lab.report import Report
from lab.sip import Message
from lab_forgery import ACCESS_SIDE, CORE_SIDE, DRAWING, EDGES, HOME, Forgery

REPLAYS = int(os.environ.get("WEIR_REPLAYS", "20"))
LIMIT_S = 90.0 + REPLAYS
METHODS = ("INFO", "BYE", "INVITE", "UPDATE", "MESSAGE", "NOTIFY", "REFER")
# A source is told only so often a second that its token is bad (limits.refusals); then it hears nothing.
REFUSED = {403, 0}
SIDES: dict[str, tuple[Address, str]] = {"access": (ACCESS_SIDE, access_name(HOME)), "core": (CORE_SIDE, core_side_name(HOME))}


class Replay(Forgery):
    async def run(self) -> None:
        await self.build()
        core, access = self.forgers()
        await self.control(core)
        stranger = Forger(self.nat.phones.socket(), self.nat.add_phone(201))
        third, account = await self.phone("third", self.nat, HOME)
        sources = [("the core network", core, "core"), ("a stranger behind the same NAT", access, "access"),
                   ("another stranger", stranger, "access")]
        for whose, forger, side in sources:
            await self.other_dialogs(whose, forger, side)
        await self.without_dialog(sources)
        await self.path_tokens(access, third, account)
        await self.relays(core, access)
        await self.still_served(core)

    def replayed(self, chance: random.Random, side: str, method: str) -> Message:
        """The token as it was heard, and all else of a dialog made up in one part or another."""
        request = self.request(method, self.token)
        kind = chance.randrange(4)
        number = chance.randrange(1 << 32)
        if kind in (0, 3):
            request.put("Call-ID", f"other-{number}")
        if kind in (1, 3):
            request.put("From", f"<{request.sender.uri}>;tag=f{number}")
            request.put("To", f"<{request.recipient.uri}>;tag=t{number}")
        if kind == 2:
            # What binds is one dialog's Call-ID with one of its tags: the two tags glued do not do.
            request.put("From", f"<{request.sender.uri}>;tag={request.sender.tag}{request.recipient.tag}")
            request.put("To", f"<{request.recipient.uri}>;tag={number}")
        request.put("Route", f"<sip:{self.token}@{SIDES[side][1]};lr>")
        return request

    async def judge(self, what: str, forger: Forger, requests: list[Message], to: Address, verdicts: set[str]) -> None:
        """refused() of many: within what a source is told a second, else in silence."""
        arrivals = sum(len(phone.arrivals) for phone in self.cluster.phones)
        self.cluster.served.since()
        complaints = []
        for request in requests:
            answer = await forger.send(request, to, 0.15)
            if (answer.status if answer else 0) not in REFUSED:
                complaints.append(f"{request.start}: {answer.status}")
        counted = await self.cluster.served.until(lambda delta: sum(delta.get((HOME, item), 0) for item in verdicts) >= len(requests))
        found = {item: counted[HOME, item] for item in verdicts if (HOME, item) in counted}
        if sum(found.values()) != len(requests):
            complaints.append(f"{len(requests)} requests, and counted {counted}")
        delivered = sum(len(phone.arrivals) for phone in self.cluster.phones) - arrivals
        if delivered or forger.requests:
            complaints.append(f"{delivered} were delivered, {len(forger.requests)} came back")
        self.report.case(f"{what} ({len(requests)}): {delivered} delivered", complaints[:5] + self.cluster.failures(),
                         " ".join(f"{verdict} {count}" for verdict, count in sorted(found.items())))

    async def other_dialogs(self, whose: str, forger: Forger, side: str) -> None:
        chance = random.Random(whose)
        requests = [self.replayed(chance, side, METHODS[number % len(METHODS)]) for number in range(REPLAYS)]
        await self.judge(f"a route token in other dialogs, from {whose}", forger, requests, SIDES[side][0], {"token-bind", "token-limit"})

    async def without_dialog(self, sources: list[tuple[str, Forger, str]]) -> None:
        """Call-ID and From-tag are right, and the To-tag is left out: no request inside a dialog."""
        for whose, forger, side in sources:
            requests = []
            for method in METHODS:
                request = self.request(method, self.token)
                request.put("To", f"<{request.recipient.uri}>")
                request.put("Route", f"<sip:{self.token}@{SIDES[side][1]};lr>")
                requests.append(request)
            await self.judge(f"a route token without a To-tag, from {whose}", forger, requests, SIDES[side][0],
                             {"token-bind", "token-limit"})

    async def path_tokens(self, access: Forger, third: Phone, account: Account) -> None:
        """Of the victim's registration and of the forger's neighbour's own: neither is a phone's to use."""
        requests = []
        for method in METHODS:
            request = self.request(method)
            request.put("Route", f"<sip:{self.path_token}@{access_name(HOME)};lr>")
            requests.append(request)
            request = request.copy()
            request.put("To", f"<{request.recipient.uri}>")
            requests.append(request)
        await self.judge("a path token, from a stranger", access, requests, ACCESS_SIDE, {"token-misplaced", "token-limit"})
        neighbour = Forger(self.nat.phones.socket(), account.contact.flows[0].port.host)
        await self.judge("a path token, from a registered phone's host", neighbour, requests, ACCESS_SIDE,
                         {"token-misplaced", "token-limit"})
        neighbour.close()

    async def still_served(self, core: Forger) -> None:
        """After all that the call goes on."""
        await self.control(core)


async def lab(cluster: Cluster, report: Report) -> None:
    await Replay(cluster, report).run()


if __name__ == "__main__":
    runner.run("replay", DRAWING, lambda driver: Cluster(EDGES, driver=driver), lab, limit_s=LIMIT_S)
