"""lab forgery: whatever is wrong with a token, nothing is forwarded, and a counter says why."""

from lab import runner
from lab.callee import Account
from lab.cluster import Cluster
from lab.dns import Address
from lab.edge import rules_of
from lab.forger import (SILENCE_S, Forger, Wire, encodings, extensions, flips, replace_token, truncations)
from lab.house import ACCESS, CORE, DOMAIN, OUTSIDE_HOST, PEER, SIP_PORT, access_name, core_side_name
from lab.nat import NatMode
from lab.phone import Phone
from lab.report import Report
from lab.scenario import Call, SetupError, exchange, make_call, tokens
from lab.sip import Message, message_read, name_address_read, via_read

DRAWING = r"""
                       +-- edge1, edge2: one cluster ----+
   phones -- NAT ------+-- edge3: another cluster's name +-- core -- the outside party
   forger --+          +-- edge4: another secret --------+               |
            +----------------------------------------------------- forger, and on the peers' wire
"""

HOME, OTHER, OTHER_CLUSTER, OTHER_SECRET = 1, 2, 3, 4
EDGES = (HOME, OTHER, OTHER_CLUSTER, OTHER_SECRET)
NAMES = [name(edge) for edge in EDGES for name in (access_name, core_side_name)]
ACCESS_SIDE: Address = (f"{ACCESS}{HOME}", SIP_PORT)
CORE_SIDE: Address = (f"{CORE}{HOME}", SIP_PORT)
PEER_SIDE: Address = (f"{PEER}{HOME}", SIP_PORT)
ROGUE_HOST = 99


class Forgery:
    def __init__(self, cluster: Cluster, report: Report) -> None:
        self.cluster = cluster
        self.report = report
        self.outside: tuple[Phone, Account] | None = None
        self.victim: tuple[Phone, Account] | None = None
        self.call: Call | None = None
        self.token = ""
        self.path_token = ""

    async def run(self) -> None:
        await self.build()
        core, access = self.forgers()
        await self.control(core)
        await self.tokens_spoilt(core)
        await self.tokens_of_others(core)
        await self.dialogs_of_others(core)
        await self.kinds_misplaced(core, access)
        await self.relays(core, access)
        await self.responses(core, access)

    async def build(self) -> None:
        cluster = self.cluster
        cluster.make_edges([HOME, OTHER])
        cluster.make_edges([OTHER_CLUSTER], cluster="elsewhere.test")
        cluster.make_edges([OTHER_SECRET])
        # edge3 has this cluster's secret, but another name for itself.
        share_secret(cluster, HOME, OTHER_CLUSTER)
        cluster.make_core(["outside", "victim", "third", "fourth"])
        nat = cluster.add_nat("nat", NatMode.PRESERVING)
        await cluster.start()
        self.outside = cluster.outside("outside")
        await cluster.register_outside(*self.outside)
        self.victim = await self.phone("victim", nat, HOME)
        self.call = await make_call(*self.outside, self.victim[0], "victim", DOMAIN)
        self.token = tokens(self.call.caller.dialog, NAMES)[0]
        self.nat = nat

    async def phone(self, name: str, nat: object, edge: int) -> tuple[Phone, Account]:
        phone = self.cluster.add_phone(name, nat, [[name]], {1: edge})
        account = phone.accounts[0]
        answer = await phone.register(account, account.contact.flows[0])
        if answer.status != 200:
            raise SetupError(f"{name} cannot register: {answer.status or 'no answer'}")
        if name == "victim":
            self.path_token = name_address_read(answer.response.get("Path")).uri.user
        return phone, account

    def forgers(self) -> tuple[Forger, Forger]:
        core = Forger(self.cluster.outside_space.socket(), f"{CORE}{OUTSIDE_HOST}")
        access = Forger(self.nat.phones.socket(), self.nat.add_phone(200))
        return core, access

    def request(self, method: str = "INFO", token: str | None = None) -> Message:
        """The next request of the victim's call, perhaps with another token."""
        dialog = self.call.caller.dialog
        message = dialog.request_write(method)
        if token is not None:
            message.remove("Route")
            message.headers[0:0] = [("Route", route) for route in replace_token(dialog, NAMES, token)]
        return message

    async def refused(self, what: str, forger: Forger, requests: list[Message], to: Address, statuses: set[int],
                      verdicts: set[str]) -> None:
        """Every request gets one of the statuses (0: silence), under one of the verdicts, and nobody gets it."""
        arrivals = sum(len(phone.arrivals) for phone in self.cluster.phones)
        self.cluster.served.since()
        complaints = []
        for request in requests:
            answer = await forger.send(request, to, SILENCE_S if statuses == {0} else 1.0)
            status = answer.status if answer else 0
            if status not in statuses:
                complaints.append(f"{request.start}: {status or 'no answer'} ({request.get('Route')})")
        counted = await self.cluster.served.until(lambda delta: sum(refusals(delta, verdicts).values()) >= len(requests))
        found = refusals(counted, verdicts)
        if sum(found.values()) != len(requests):
            complaints.append(f"{len(requests)} requests, and counted {counted}")
        if sum(len(phone.arrivals) for phone in self.cluster.phones) != arrivals or forger.requests:
            complaints.append("something was forwarded")
        named = " ".join(f"{verdict} {count}" for verdict, count in sorted(found.items()))
        self.report.case(f"{what} ({len(requests)})" if len(requests) > 1 else what,
                         complaints[:5] + self.cluster.failures(), named)

    async def control(self, core: Forger) -> None:
        """The same request with nothing wrong is served: else all refusals would prove nothing."""
        self.cluster.served.since()
        answer = await core.send(self.request(), CORE_SIDE)
        rules = rules_of(await self.cluster.served.until(lambda delta: (HOME, "r1-own") in delta))
        good = answer is not None and answer.status == 200 and rules == f"r1-own@{HOME}"
        self.report.case("nothing wrong: forwarded", [] if good else [f"{answer and answer.start}, {rules}"], rules)

    async def tokens_spoilt(self, core: Forger) -> None:
        # A turned bit of the header's epoch is a key that nobody holds.
        kinds = {"token-forged", "token-retired", "token-malformed"}
        for what, texts, statuses, verdicts in (
                ("each bit turned", flips(self.token), {403, 430}, kinds),
                ("cut at every length", truncations(self.token), {403}, {"token-malformed"}),
                ("made longer", extensions(self.token), {403}, {"token-malformed", "token-forged"}),
                ("written otherwise", encodings(self.token), {403, 430}, kinds)):
            await self.refused(f"route token, {what}", core, [self.request(token=text) for text in texts], CORE_SIDE,
                               statuses, verdicts)

    async def tokens_of_others(self, core: Forger) -> None:
        for what, name, edge in (("another cluster's", "third", OTHER_CLUSTER), ("another secret's", "fourth", OTHER_SECRET)):
            party = await self.phone(name, self.nat, edge)
            call = await make_call(*self.outside, party[0], name, DOMAIN)
            foreign = tokens(call.caller.dialog, NAMES)[0]
            await self.refused(f"route token, {what}", core, [self.request(token=foreign)], CORE_SIDE, {403}, {"token-forged"})

    async def dialogs_of_others(self, core: Forger) -> None:
        changes = {"another Call-ID": [("Call-ID", "another")],
                   "other tags": [("From", "<sip:outside@weir.test>;tag=one"), ("To", "<sip:victim@weir.test>;tag=two")]}
        for what, headers in changes.items():
            request = self.request()
            for name, value in headers:
                request.put(name, value)
            await self.refused(f"route token, {what}", core, [request], CORE_SIDE, {403}, {"token-bind"})
            request.start = request.start.replace("INFO", "ACK")
            request.put("CSeq", f"{request.cseq[0]} ACK")
            await self.refused(f"route token, {what}, in an ACK: silence", core, [request], CORE_SIDE, {0}, {"ack-dropped"})

    async def kinds_misplaced(self, core: Forger, access: Forger) -> None:
        dialog = self.call.caller.dialog
        for what, forger, to, name in (("access", access, ACCESS_SIDE, access_name(HOME)),
                                       ("core", core, CORE_SIDE, core_side_name(HOME))):
            request = self.request("MESSAGE", self.token)
            request.put("To", f"<{dialog.remote.uri}>")
            request.put("Route", f"<sip:{self.token}@{name};lr>")
            await self.refused(f"route token without a To-tag, from {what}", forger, [request], to, {403}, {"token-bind"})
        request = self.request("MESSAGE")
        request.put("To", f"<{dialog.remote.uri}>")
        request.put("Route", f"<sip:{self.path_token}@{access_name(HOME)};lr>")
        await self.refused("path token, from access", access, [request], ACCESS_SIDE, {403}, {"token-misplaced"})

    async def relays(self, core: Forger, access: Forger) -> None:
        """A relay between edges is heard on their wire, and used by others."""
        # At the other end of its cable: what an edge on DPDK sends its own kernel does not see.
        wire = Wire(self.cluster.network.switch, self.cluster.switch_port(HOME, "peer"))
        relayed = await exchange(self.call.caller, self.call.callee, "INFO", targets=[(f"{CORE}{OTHER}", SIP_PORT)])
        wire.close()
        octets = next((heard for heard in wire.heard if heard.startswith(b"INFO ")), None)
        if octets is None:
            raise SetupError(f"no relay on the peers' wire: {relayed.complaints}, {len(wire.heard)} datagrams")
        self.cluster.served.since()
        copy = message_read(octets)
        relay = name_address_read(copy.all("Route")[0]).uri.user
        for what, forger, to, name in (("a phone", access, ACCESS_SIDE, access_name(HOME)),
                                       ("the core", core, CORE_SIDE, core_side_name(HOME))):
            request = self.request()
            request.headers.insert(0, ("Route", f"<sip:{relay}@{name};lr>"))
            await self.refused(f"relay token, sent by {what}", forger, [request], to, {403}, {"token-misplaced"})
        rogue_space = self.cluster.network.space("rogue")
        self.cluster.network.cable(rogue_space, "peer", "peer", f"{PEER}{ROGUE_HOST}/24")
        rogue = Forger(rogue_space.socket(), f"{PEER}{ROGUE_HOST}")
        inside = Forger(self.cluster.edge_spaces[OTHER].socket(), f"{PEER}{OTHER}")
        copy.remove("Via")
        await self.refused("relay replayed to the peer listener by a stranger", rogue, [copy], PEER_SIDE, {0}, {"peer-source"})
        await self.refused("relay replayed from a peer's address under another branch", inside, [copy], PEER_SIDE, {0},
                           {"peer-source"})
        for forger in (rogue, inside):
            forger.close()

    async def responses(self, core: Forger, access: Forger) -> None:
        """What a callee may not change on the way back: the proof in our Via."""
        phone = self.victim[0]

        def altered(response: Message, source: Address) -> tuple[Message, Address]:
            vias = response.all("Via")
            top = via_read(vias[0])
            proof = top.parameters["w"]
            top.parameters["w"] = ("B" if proof[0] != "B" else "C") + proof[1:]
            return with_vias(response, [str(top), *vias[1:]]), source

        def elsewhere(response: Message, source: Address) -> tuple[Message, Address]:
            vias = response.all("Via")
            below = via_read(vias[1])
            below.parameters |= {"received": f"{CORE}{ROGUE_HOST}", "rport": "9"}
            return with_vias(response, [vias[0], str(below), *vias[2:]]), source

        def without(response: Message, source: Address) -> tuple[Message, Address]:
            vias = response.all("Via")
            top = via_read(vias[0])
            del top.parameters["w"]
            return with_vias(response, [str(top), *vias[1:]]), source

        for what, divert in (("its ;w= altered", altered), ("its ;w= taken out", without),
                             ("the next Via led elsewhere", elsewhere)):
            phone.transactions.divert = divert
            self.cluster.served.since()
            answer = await core.send(self.request(), CORE_SIDE, SILENCE_S)
            counted = await self.cluster.served.until(lambda delta: (HOME, "via-proof") in delta)
            complaints = [] if answer is None else [f"the answer was forwarded: {answer.start}"]
            if counted.get((HOME, "via-proof")) != 1 or (HOME, "response") in counted:
                complaints.append(f"counted {counted}")
            self.report.case(f"response, {what}", complaints + self.cluster.failures(), "via-proof 1")
        phone.transactions.divert = None


def refusals(counted: dict[tuple[int, str], int], verdicts: set[str]) -> dict[str, int]:
    """How often the home edge met these verdicts."""
    return {verdict: count for (edge, verdict), count in counted.items() if verdict in verdicts and edge == HOME}


def with_vias(message: Message, vias: list[str]) -> Message:
    changed = message.copy()
    changed.remove("Via")
    changed.headers = [("Via", via) for via in vias] + changed.headers
    return changed


def share_secret(cluster: Cluster, source: int, target: int) -> None:
    """Give one cluster's token secret to an edge of another, which goes by the other's name."""
    one, other = (cluster.weir[edge].settings["keys"]["directory"] for edge in (source, target))
    with open(f"{one}/token-keys", encoding="ascii") as file:
        lines = [line for line in file if not line.startswith("cluster ")]
    with open(f"{other}/token-keys", "w", encoding="ascii") as file:
        file.writelines(lines)


async def lab(cluster: Cluster, report: Report) -> None:
    await Forgery(cluster, report).run()


if __name__ == "__main__":
    runner.run("forgery", DRAWING, lambda driver: Cluster(EDGES, driver=driver), lab)
