"""lab reflect: nobody makes an edge send to a third party, or more to the one whose address they borrow than they spend themselves.

Every message of the corpus and forged responses come from a source that has proved nothing; the core is silent, so whatever the edge
sends is its own. WEIR_CORPUS names a folder of more messages, WEIR_FORGED says how many responses.
"""

import asyncio
import os
import random

from lab import runner
from lab.capture import Capture
from lab.cluster import Cluster
from lab.dns import Address
from lab.edge import Served
from lab.house import ACCESS, CORE, CORE_HOST, SIP_PORT
from lab.programs import ROOT
from lab.report import Report
from lab.sip import Message, message_read, response_write
from lab.spoof import IPV4_OCTETS, UDP_OCTETS, Datagram, Spoofer, datagrams
from lab.udp import Port

DRAWING = r"""
   anybody --+             +-- a core that answers its probes and nothing else
             +-- edge1 ----+
   victims --+             +-- victims
"""

HOME = 1
LIMIT_S = 120.0
FORGED = int(os.environ.get("WEIR_FORGED", "2000"))
FOLDERS = [f"{ROOT}/tests/corpus", *filter(None, [os.environ.get("WEIR_CORPUS")])]
ENDINGS = (".dat", ".sip", ".txt", ".bin", ".raw")
STRANGER: Address = (f"{ACCESS}99", 5099)
OUTSIDE: Address = (f"{CORE}20", SIP_PORT)
EDGE: Address = (f"{ACCESS}{HOME}", SIP_PORT)
CORE_SIDE: Address = (f"{CORE}{HOME}", SIP_PORT)
UPSTREAM: Address = (f"{CORE}{CORE_HOST}", SIP_PORT)
VICTIMS = (f"{ACCESS}66", f"{CORE}66", f"{CORE}{CORE_HOST}", "10.8.0.9", "192.0.2.10", "224.0.0.1", "127.0.0.1")
ROUTED = ("route_", "uri_maddr", "ruri_internal", "resp_", "via_received")
MTU_OCTETS = 1400  # a longer one leaves in pieces, of which the first alone would be seen
OCTETS_FACTOR = 1.5
QUIET_S = 0.02
BATCH = 20
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class Silence:
    """The core: it lives, and says nothing else."""

    def __init__(self, port: Port) -> None:
        self.port = port
        port.on_datagram = self._hear

    def _hear(self, octets: bytes, source: Address, port: Port) -> None:
        if b"branch=z9hG4bKc" in octets and octets.startswith(b"OPTIONS "):
            port.send(response_write(message_read(octets), 200, "OK", source, "probe").encode(), source)


class Reflect:
    def __init__(self, cluster: Cluster, report: Report) -> None:
        self.cluster = cluster
        self.report = report

    async def run(self) -> None:
        await self.build()
        await self.corpus()
        for whose, spoofer, source, to in (("a stranger", self.spoofer, STRANGER, EDGE),
                                           ("the core network", self.outside, OUTSIDE, CORE_SIDE)):
            await self.responses(whose, spoofer, source, to)
        await self.borrowed()

    async def build(self) -> None:
        cluster = self.cluster
        cluster.make_edges([HOME])
        stranger = cluster.network.space("stranger")
        cluster.network.cable(stranger, "eth0", "access", f"{STRANGER[0]}/24")
        await cluster.start_names()
        self.core = Silence(Port(cluster.core_space.socket(), *UPSTREAM))
        await cluster.weir[HOME].start()
        await cluster.weir[HOME].wait_ready()
        cluster.served = Served([cluster.weir[HOME]])
        self.spoofer, self.outside = Spoofer(stranger), Spoofer(cluster.outside_space)
        # Somebody is there, so that no ICMP error tells the edge otherwise.
        self.bound = [Port(stranger.socket(), *STRANGER), Port(cluster.outside_space.socket(), *OUTSIDE)]
        self.taps = [Capture(cluster.network.switch, cluster.switch_port(HOME, network)) for network in ("access", "core", "peer")]

    def sent(self) -> list[Datagram]:
        """What the edge has sent since the last look, but for probes and names."""
        found = [item for tap in self.taps for item in datagrams(tap)]
        return [item for item in found if b"branch=z9hG4bKc" not in item.payload and item.target[1] != 53]

    async def ask(self, spoofer: Spoofer, octets: bytes, source: Address, to: Address) -> list[Datagram]:
        self.sent()
        spoofer.send(octets, source, to)
        await asyncio.sleep(QUIET_S)
        return self.sent()

    async def corpus(self) -> None:
        """One by one, so that what comes out is known to be of what went in."""
        worst, spent, returned, answered, strays, packets = (0.0, ""), 0, 0, 0, [], []
        files = corpus_files()
        for name, octets in files:
            found = await self.ask(self.spoofer, octets, STRANGER, EDGE)
            back = [item for item in found if item.target == STRANGER]
            strays += [f"{name}: to {item.target}" for item in found if item.target not in (STRANGER, UPSTREAM)]
            if any(name.rsplit("/", 1)[-1].startswith(kind) and b"SIP/2.0" in octets[:8] for kind in ROUTED) and found:
                strays.append(f"{name}: a response went on to {found[0].target}")
            packets += [f"{name}: {len(back)} datagrams" for _ in [0] if len(back) > 1]
            cost, gain = IPV4_OCTETS + UDP_OCTETS + len(octets), sum(item.octets for item in back)
            spent, returned, answered = spent + cost, returned + gain, answered + bool(back)
            worst = max(worst, (gain / cost, name))
        self.report.case(f"corpus, {len(files)} messages of a stranger: sent to the core, to the stranger or not at all", strays[:5])
        self.report.case(f"corpus: at most one datagram for one; {answered} were answered", packets[:5])
        self.report.case(f"corpus: at most {OCTETS_FACTOR} octets for one: {returned} for {spent}, worst {worst[0]:.2f} ({worst[1]})",
                         [] if worst[0] <= OCTETS_FACTOR and answered else [f"{worst}, {answered} answered"])

    async def responses(self, whose: str, spoofer: Spoofer, source: Address, to: Address) -> None:
        """Vias of ours as a forger would write them, a victim's below."""
        chance = random.Random(5)
        self.cluster.served.since()
        found: list[Datagram] = []
        self.sent()
        for number in range(FORGED):
            spoofer.send(forged_response(chance, number), source, to)
            if number % BATCH == BATCH - 1:
                await asyncio.sleep(QUIET_S)
                found += self.sent()
        counted = await self.cluster.served.until(lambda delta: sum(delta.values()) >= FORGED)
        found += self.sent()
        refused = {verdict: count for (_, verdict), count in counted.items() if verdict in ("via-proof", "via-foreign")}
        complaints = [f"{len(found)} datagrams, one to {found[0].target}"] if found else []
        if sum(refused.values()) < FORGED * 0.99:
            complaints.append(f"counted {counted}")
        self.report.case(f"{FORGED} forged responses from {whose}: 0 forwarded", complaints,
                         " ".join(f"{verdict} {count}" for verdict, count in sorted(refused.items())))

    async def borrowed(self) -> None:
        """What asks for an answer elsewhere is answered where it came from, or not at all."""
        strays = []
        for victim in VICTIMS:
            for parameters in (f"received={victim};rport=9", f"maddr={victim}", f"maddr={victim};received={victim};rport=9", ""):
                for sent_by in (f"{victim}:9", f"edge{HOME}.test"):
                    found = await self.ask(self.spoofer, unanswerable(sent_by, parameters), STRANGER, EDGE)
                    strays += [f"{sent_by};{parameters}: to {item.target}" for item in found if item.target not in (STRANGER, UPSTREAM)]
        self.report.case(f"requests whose Via wants the answer elsewhere ({len(VICTIMS) * 8}): answered at their source", strays[:5])


def corpus_files() -> list[tuple[str, bytes]]:
    """Names and octets of messages that a datagram holds in one piece."""
    found = []
    for folder in FOLDERS:
        for place, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                path = os.path.join(place, name)
                if name.endswith(ENDINGS):
                    with open(path, "rb") as file:
                        octets = file.read()
                    if 0 < len(octets) <= MTU_OCTETS:
                        found.append((os.path.relpath(path, folder), octets))
    return found


def text_of(chance: random.Random, length: int) -> str:
    return "".join(chance.choice(ALPHABET) for _ in range(length))


def forged_response(chance: random.Random, number: int) -> bytes:
    """The form is right, the proof is not: it cannot be known."""
    victim = chance.choice(VICTIMS)
    branch = chance.choice(("z9hG4bK", "z9hG4bKc", "")) + text_of(chance, 22)
    proof = chance.choice((f";w={text_of(chance, 20)}", ";w=", f";w={'A' * 20}", ""))
    own = chance.choice((f"{EDGE[0]}:{EDGE[1]}", f"{CORE_SIDE[0]}:{CORE_SIDE[1]}", f"edge{HOME}.test", EDGE[0]))
    below = chance.choice((f"{victim}:9", f"{victim};received={victim};rport=9", f"{victim};maddr={victim}", f"[::ffff:{victim}]:9"))
    message = Message(chance.choice(("SIP/2.0 200 OK", "SIP/2.0 180 Ringing", "SIP/2.0 401 Unauthorized")))
    message.add("Via", f"SIP/2.0/UDP {own};branch={branch}{proof}")
    message.add("Via", f"SIP/2.0/UDP {below};branch=z9hG4bK{number}")
    return finished(message, number, chance.choice(("INVITE", "REGISTER", "OPTIONS")))


def unanswerable(sent_by: str, parameters: str) -> bytes:
    message = Message(f"OPTIONS sip:edge{HOME}.test SIP/2.0")
    message.add("Via", f"SIP/2.0/UDP {sent_by};branch=z9hG4bKelsewhere;{parameters}".rstrip(";"))
    return finished(message, 1, "OPTIONS")


def finished(message: Message, number: int, method: str) -> bytes:
    message.add("Max-Forwards", "70")
    message.add("From", "<sip:a@weir.test>;tag=a")
    message.add("To", "<sip:b@weir.test>")
    message.add("Call-ID", f"reflect-{number}")
    message.add("CSeq", f"{number} {method}")
    return message.encode()


async def lab(cluster: Cluster, report: Report) -> None:
    await Reflect(cluster, report).run()


if __name__ == "__main__":
    runner.run("reflect", DRAWING, lambda driver: Cluster((HOME,), driver=driver), lab, limit_s=LIMIT_S)
