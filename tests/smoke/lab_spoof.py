"""lab spoof: whose address a datagram bears earns it nothing: no token, no request to whoever has that address.

An attacker in the access network writes the source addresses of others; a colluding callee outside answers calls and sends requests
back along the route set, as the edge wrote it. WEIR_TRIES says how often.
"""

import asyncio
import os

from lab import runner
from lab.callee import Account
from lab.capture import Capture
from lab.cluster import Cluster
from lab.dns import Address
from lab.house import ACCESS, CORE, CORE_HOST, DOMAIN, PEER, SIP_PORT, access_name, core_side_name
from lab.nat import NatMode
from lab.report import Report
from lab.sip import Message, message_read, name_address_read, response_write
from lab.spoof import Datagram, Spoofer, datagrams

DRAWING = r"""
   attacker (any source) --+                      +-- core -- the colluding callee
   a neighbour ------------+-- edge1, edge2 ------+
   alice -- NAT -----------+                      +-- a host inside, which no phone is to reach
"""

HOME = 1
TRIES = int(os.environ.get("WEIR_TRIES", "500"))
LIMIT_S = 60.0 + TRIES / 100
BATCH = 25  # answers that a socket has room for
GAP_S = 0.05
SETTLE_S = 0.3
INSIDE_HOST = 77
INSIDE: Address = (f"{CORE}{INSIDE_HOST}", 6379)
NEIGHBOUR: Address = (f"{ACCESS}66", 6379)
ATTACKER_HOST = 99
EDGE: Address = (f"{ACCESS}{HOME}", SIP_PORT)
CORE_SIDE: Address = (f"{CORE}{HOME}", SIP_PORT)
NAMES = (access_name(HOME), core_side_name(HOME))


class Colluder:
    """Takes every call, keeps the route set that it was given, and asks the edge to reach the caller by it."""

    def __init__(self, account: Account) -> None:
        self.port = account.contact.flows[0].port
        self.port.on_datagram = self._hear
        self.invites: list[Message] = []
        self.answers: dict[int, int] = {}
        self.cseq = 0

    def _hear(self, octets: bytes, source: Address, port: object) -> None:
        message = message_read(octets)
        if not message.is_request:
            self.answers[message.status] = self.answers.get(message.status, 0) + 1
        elif message.method == "INVITE":
            self.invites.append(message)
            response = response_write(message, 200, "OK", source, "colluder")
            for value in message.all("Record-Route"):
                response.add("Record-Route", value)
            response.add("Contact", f"<sip:colluder@{self.port}>")
            self.port.send(response.encode(), source)

    def tokens(self) -> list[str]:
        """In whatever Record-Route an INVITE brought."""
        routes = [name_address_read(value).uri for invite in self.invites for value in invite.all("Record-Route")]
        return [route.user for route in routes if route.host in NAMES and route.user]

    def strike(self, invite: Message) -> None:
        """BYE as the route set says; then without it, and with Routes that lead straight to the victim, the caller."""
        uri = name_address_read(invite.get("Contact")).uri
        routes = invite.all("Record-Route")
        for number, chosen in enumerate((routes, [], [f"<sip:{NAMES[0]};lr>", f"<{uri};lr>"], [f"<sip:{NAMES[0]};maddr={uri.host};lr>"])):
            self.cseq += 1
            message = Message(f"BYE {uri} SIP/2.0")
            message.add("Via", f"SIP/2.0/UDP {self.port};branch=z9hG4bKstrike{self.cseq}-{number};rport")
            message.headers += [("Route", route) for route in chosen]
            message.add("Max-Forwards", "70")
            message.add("From", f"<{invite.recipient.uri}>;tag=colluder")
            message.add("To", str(invite.sender))
            message.add("Call-ID", invite.call_id)
            message.add("CSeq", f"{self.cseq} BYE")
            self.port.send(message.encode(), CORE_SIDE)


class Spoof:
    def __init__(self, cluster: Cluster, report: Report) -> None:
        self.cluster = cluster
        self.report = report
        self.number = 0

    async def run(self) -> None:
        await self.build()
        await self.control()
        await self.calls("an inside host's", INSIDE, self.inside)
        await self.calls("a neighbour's", NEIGHBOUR, self.neighbour)
        await self.registers()
        await self.own_addresses()

    async def build(self) -> None:
        cluster = self.cluster
        cluster.make_edges([HOME, 2])
        cluster.make_core(["colluder", "alice", "mallory"])
        network = cluster.network
        attacker, inside, neighbour = (network.space(name) for name in ("attacker", "inside", "neighbour"))
        network.cable(attacker, "eth0", "access", f"{ACCESS}{ATTACKER_HOST}/24")
        network.cable(inside, "eth0", "core", f"{CORE}{INSIDE_HOST}/24")
        network.cable(neighbour, "eth0", "access", f"{NEIGHBOUR[0]}/24")
        self.nat = cluster.add_nat("nat", NatMode.PRESERVING)
        await cluster.start()
        self.spoofer = Spoofer(attacker)
        self.inside, self.neighbour = Capture(inside, "eth0"), Capture(neighbour, "eth0")
        phone, account = cluster.outside("colluder")
        await cluster.register_outside(phone, account)
        self.colluder = Colluder(account)
        self.alice = cluster.add_phone("alice", self.nat, [["alice"]], {1: HOME})
        await cluster.settle(self.alice)

    def invite(self, source: Address, user: str = "colluder", sender: str = "alice") -> bytes:
        self.number += 1
        message = Message(f"INVITE sip:{user}@{DOMAIN} SIP/2.0")
        message.add("Via", f"SIP/2.0/UDP {source[0]}:{source[1]};branch=z9hG4bKspoof{self.number};rport")
        message.add("Max-Forwards", "70")
        message.add("From", f"<sip:{sender}@{DOMAIN}>;tag=s{self.number}")
        message.add("To", f"<sip:{user}@{DOMAIN}>")
        message.add("Call-ID", f"spoof-{self.number}")
        message.add("CSeq", "1 INVITE")
        message.add("Contact", f"<sip:{sender}@{source[0]}:{source[1]}>")
        return message.encode()

    async def control(self) -> None:
        """A registered phone's own call gets its token, and the callee's BYE reaches it: else nothing below would prove anything."""
        done = await self.alice.invite(self.alice.accounts[0], f"sip:colluder@{DOMAIN}")
        good = done.dialog is not None and self.colluder.tokens()
        before = len(self.alice.arrivals)
        if good:
            self.colluder.strike(self.colluder.invites[-1])
        await asyncio.sleep(SETTLE_S)
        reached = [arrival.method for arrival in self.alice.arrivals[before:] if arrival.method == "BYE"]
        self.report.case("no spoofing: the call has a token, and the callee's BYE reaches the caller",
                         [] if good and reached else [f"{done.status}, {self.colluder.tokens()}, {reached}"],
                         "r1-own@1")
        self.cluster.failures()
        self.colluder.invites.clear()

    async def calls(self, whose: str, victim: Address, capture: Capture) -> None:
        """INVITE under the victim's address, and what a colluding callee can make of it."""
        self.cluster.served.since()
        self.colluder.answers.clear()
        begun = len(self.colluder.invites)
        done, requests, others = begun, 0, 0
        datagrams(capture)
        for first in range(0, TRIES, BATCH):
            for number in range(first, min(first + BATCH, TRIES)):
                source = (victim[0], 1024 + (victim[1] + number) % 60000)
                self.spoofer.send(self.invite(source), source, EDGE)
            await asyncio.sleep(GAP_S)
            for invite in self.colluder.invites[done:]:
                self.colluder.strike(invite)
            done = len(self.colluder.invites)
            await asyncio.sleep(GAP_S)
            more, responses = judged(datagrams(capture))
            requests, others = requests + more, others + responses
        await asyncio.sleep(SETTLE_S)
        more, responses = judged(datagrams(capture))
        requests, others = requests + more, others + responses
        calls, counted = done - begun, self.cluster.served.since()
        complaints = [] if calls == TRIES else [f"the callee got {calls} of {TRIES} calls"]
        complaints += [f"{len(self.colluder.tokens())} tokens were minted"] if self.colluder.tokens() else []
        complaints += [f"{requests} requests reached the victim"] if requests else []
        # Responses follow their request, to whoever bears that address, if phones may be there: the core's 100, the callee's 200.
        allowed = 0 if victim is INSIDE else 2 * calls
        complaints += [f"{others} responses reached the victim"] if others > allowed else []
        if sum(self.colluder.answers.values()) < 2 * calls:
            complaints.append(f"the callee's requests were answered {self.colluder.answers}: {counted}")
        self.report.case(f"{whose} address: {TRIES} calls, {4 * calls} requests back: {requests} requests, {others} responses there",
                         complaints, f"egress-guard {counted.get((HOME, 'egress-guard'), 0)}")
        self.colluder.invites.clear()

    async def registers(self) -> None:
        """Mallory has a password, and registers from where he is not: with a nonce that he was given elsewhere."""
        mallory = self.cluster.add_phone("mallory", self.nat, [["mallory"]], {1: HOME})
        account = mallory.accounts[0]
        await self.cluster.settle(mallory)
        octets: list[bytes] = []
        port, send = account.contact.flows[0].port, account.contact.flows[0].port.send
        port.send = lambda data, to: (octets.append(data), send(data, to))[1]
        await mallory.register(account, account.contact.flows[0])
        port.send = send
        again = message_read(octets[-1])
        again.put("CSeq", f"{again.cseq[0]} REGISTER")
        contact = name_address_read(again.get("Contact"))
        contact.uri.host, contact.uri.port = INSIDE
        again.put("Contact", str(contact))
        again.put("Call-ID", "spoofed-register")
        datagrams(self.inside)
        for _ in range(10):
            self.spoofer.send(again.encode(), INSIDE, EDGE)
            await asyncio.sleep(0.02)
        await asyncio.sleep(SETTLE_S)
        for number in range(10):
            request = message_read(self.invite(self.colluder.port.address, "mallory", "colluder"))
            self.colluder.port.send(request.encode(), (f"{CORE}{CORE_HOST}", SIP_PORT))
            await asyncio.sleep(0.02)
        await asyncio.sleep(SETTLE_S)
        found = datagrams(self.inside)
        self.report.case("an inside host's address: REGISTER with a good password, then calls to that user: nothing there",
                         [f"{len(found)} datagrams: {found[0].payload[:60]!r}"] if found else [])
        self.cluster.failures()

    async def own_addresses(self) -> None:
        """Under addresses of the edges, of the core, and such as nobody has: the edge never sends there by its access side."""
        access = Capture(self.cluster.network.switch, self.cluster.switch_port(HOME, "access"))
        sources = [EDGE, (f"{ACCESS}2", SIP_PORT), CORE_SIDE, (f"{CORE}{CORE_HOST}", SIP_PORT), (f"{PEER}2", SIP_PORT),
                   ("224.0.0.251", 5353), ("255.255.255.255", 5060), ("0.0.0.0", 5060), ("240.0.0.1", 5060), ("127.0.0.1", 5060)]
        for source in sources:
            for _ in range(10):
                self.spoofer.send(self.invite(source), source, EDGE)
        await asyncio.sleep(SETTLE_S)
        hit = {found.target for found in datagrams(access)} & set(sources)
        access.close()
        self.report.case(f"addresses of edges, core, nobody ({len(sources)}): nothing is sent there from the access side",
                         [f"sent to {hit}"] if hit else [])


def judged(found: list[Datagram]) -> tuple[int, int]:
    """Requests, and the rest."""
    responses = sum(item.payload.startswith(b"SIP/2.0 ") for item in found)
    return len(found) - responses, responses


async def lab(cluster: Cluster, report: Report) -> None:
    await Spoof(cluster, report).run()


if __name__ == "__main__":
    runner.run("spoof", DRAWING, lambda driver: Cluster(driver=driver), lab, limit_s=LIMIT_S)
