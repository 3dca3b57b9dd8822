"""lab streams: connections of phones, and what happens to them when either process is killed, or when their other end is slow,
silent or cut to pieces."""

import asyncio
import signal
import time

from lab import runner
from lab.cluster import Cluster
from lab.edge import rules_of, wait_until
from lab.house import ACCESS, CORE, CORE_HOST, DOMAIN, OUTSIDE_HOST, SIP_PORT, access_name
from lab.nat import NatBox, NatMode
from lab.phone import Account, Phone
from lab.report import Report
from lab.scenario import Call, SetupError, exchange, make_call
from lab.sip import Message, Via, message_read
from lab.stream import Connection, StreamPort
from lab.transport import STREAMS, TCP, TLS, Transport
from lab.udp import Port
from lab.websocket import TEXT, frame_write, request_write

DRAWING = r"""
                    +------------------ edge1 ------------------+
   phones -- NAT ---+  weir-control holds every connection      +-- core
   by TCP, TLS,     |  weir-dataplane decides about messages    +-- the outside party
   WS and WSS       +------------------ edge2 ------------------+
"""

HOME, OTHER = 1, 2
TRANSPORTS = STREAMS
PATIENCE_S = 5.0
HEADERS_S, FIRST_MESSAGE_S = 1, 2
HELD_S = 1.0  # a request waits so long for a dataplane
AWAY_S = 0.3  # how long the dataplane is
TOLD_S = 0.1
BEHIND_S = 0.002  # until a segment has been read before the next one comes
FLOOD_OCTETS = 1100
FLOOD_MESSAGES = 3000
WRITE_QUEUE_KIB = 64
CALM_S = 0.5  # the slowest answer that a phone beside a flooded one may get

Party = tuple[Phone, Account]


class Streams:
    def __init__(self, cluster: Cluster, report: Report) -> None:
        self.cluster = cluster
        self.report = report
        self.nat: NatBox | None = None
        self.outside: Party | None = None
        self.calls: dict[Transport, Call] = {}  # from outside to a phone with one flow
        self.backed: dict[Transport, Call] = {}  # ... with a second flow at the other edge
        self.ports: list[StreamPort] = []

    @property
    def transports(self) -> tuple[Transport, ...]:
        return self.cluster.transports

    async def run(self) -> None:
        await self.build()
        try:
            for transport in self.transports:
                await self.ping(transport)
                await self.sprayed(transport)
                await self.reset(transport)
                await self.split(transport)
            await asyncio.gather(*(slow(transport) for transport in self.transports for slow in (self.drip, self.silent)))
            await self.deaf_reader()
            await self.dataplane_killed()
            await self.dataplane_missing()
            await self.reload()
            await self.control_killed()
        finally:
            for port in self.ports:
                port.close()

    async def build(self) -> None:
        self.cluster.make_edges([HOME, OTHER])
        for edge in self.cluster.weir.values():
            edge.settings["streams"] = {"headers": f"{HEADERS_S}s", "first-message": f"{FIRST_MESSAGE_S}s",
                                        "write-queue": f"{WRITE_QUEUE_KIB}KiB"}
        names = [f"{name}-{transport.name}" for transport in self.transports for name in ("one", "two", "deaf")]
        self.cluster.make_core([*names, "outside"])
        self.nat = self.cluster.add_nat("nat", NatMode.PRESERVING)
        await self.cluster.start()
        self.outside = self.cluster.outside("outside")
        await self.cluster.register_outside(*self.outside)
        for transport in self.transports:
            for name, flows, calls in (("one", {1: HOME}, self.calls), ("two", {1: HOME, 2: OTHER}, self.backed)):
                calls[transport] = await self.call(f"{name}-{transport.name}", flows, transport)
        if complaints := self.cluster.failures():
            raise SetupError("\n".join(complaints))

    async def call(self, name: str, flows: dict[int, int], transport: Transport) -> Call:
        phone = self.cluster.add_phone(name, self.nat, [[name]], flows, transport=transport)
        await self.cluster.settle(phone)
        return await make_call(*self.outside, phone, name, DOMAIN)

    async def connect(self, transport: Transport, number: int | None = None) -> tuple[Connection, asyncio.Queue]:
        """A connection without a phone; messages that come by it go to the queue. `number`: another port than the transport's."""
        port = self.cluster.new_port(self.nat, self.nat.add_phone(0), transport, access_name(HOME))
        came: asyncio.Queue[Message] = asyncio.Queue()
        port.on_datagram = lambda octets, source, port: came.put_nowait(message_read(octets))
        self.ports.append(port)
        connection = port.connect((f"{ACCESS}{HOME}", number or transport.port))
        await connection.wait_open()
        return connection, came

    async def sprayed(self, transport: Transport) -> None:
        """The wrong edge knows the right one."""
        call = self.calls[transport]
        self.cluster.served.since()
        wanted = f"r1-own@{HOME} r2-owner@{OTHER}"
        done = await exchange(call.caller, call.callee, "INFO", targets=[(f"{CORE}{OTHER}", SIP_PORT)])
        rules = rules_of(await self.cluster.served.until(lambda delta: rules_of(delta) == wanted))
        self.report.case(f"{transport.name}: sprayed to the wrong edge, owner alive",
                         done.complaints + self.cluster.failures() + ([f"served by {rules}"] if rules != wanted else []), rules,
                         done.elapsed_s)

    async def reset(self, transport: Transport) -> None:
        """A NAT or a phone has lost its memory in mid-call: the token is of a flow that is gone, and the phone is here by another."""
        call = self.calls[transport]
        self.connection(call).reset()
        await self.cluster.settle(call.callee.phone)
        self.cluster.served.since()
        for sender, wanted in (("caller", f"r3-here@{HOME}"), ("callee", f"upstream@{HOME}")):
            done = await exchange(*call.ends(sender), "INFO")
            rules = rules_of(await self.cluster.served.until(lambda delta: rules_of(delta) == wanted))
            self.report.case(f"{transport.name}: connection reset and opened again, {sender} sends",
                             done.complaints + self.cluster.failures() + ([f"served by {rules}"] if rules != wanted else []), rules,
                             done.elapsed_s)

    # What comes in pieces

    def options(self, transport: Transport, number: int) -> bytes:
        """A request that the edge itself answers."""
        message = Message(f"OPTIONS sip:{access_name(HOME)} SIP/2.0")
        for name, value in (("Via", Via(transport.via, "phone.invalid", {"branch": f"z9hG4bKsplit{number}"})),
                            ("From", "<sip:piece@weir.test>;tag=1"), ("To", f"<sip:{access_name(HOME)}>"),
                            ("Call-ID", f"split-{number}"), ("CSeq", f"{number} OPTIONS"), ("Max-Forwards", "70")):
            message.add(name, value)
        message.body = b"abc" if number % 2 else b""
        return message.encode()

    def pair(self, transport: Transport, number: int) -> bytes:
        """Two requests as they go over the wire."""
        octets = [self.options(transport, number), self.options(transport, number + 1)]
        return b"".join(frame_write(TEXT, item, b"mask") for item in octets) if transport.web else b"".join(octets)

    async def split(self, transport: Transport) -> None:
        connection, came = await self.connect(transport)
        complaints, begin, number = [], time.monotonic(), 0
        pieces = len(self.pair(transport, 1))
        for at in range(pieces):
            octets = self.pair(transport, number + 1)
            if at > 0:
                connection.send_raw(octets[:at])
                await asyncio.sleep(BEHIND_S)
            connection.send_raw(octets[at:])
            complaints += [f"split at {at}: {text}" for text in await self.answers(came, [number + 1, number + 2])]
            if complaints:
                break
            number += 2
        self.report.case(f"{transport.name}: two messages in one segment, and split at each of {pieces - 1} places", complaints, "",
                         time.monotonic() - begin)

    async def answers(self, came: asyncio.Queue, numbers: list[int]) -> list[str]:
        """In their order, each once."""
        for number in numbers:
            try:
                answer = await asyncio.wait_for(came.get(), PATIENCE_S)
            except asyncio.TimeoutError:
                return [f"no answer to {number}"]
            if (answer.status, answer.cseq[0]) != (200, number):
                return [f"{answer.start} to {answer.cseq[0]}, not 200 to {number}"]
        return []

    async def drip(self, transport: Transport) -> None:
        """Those of a message; or of WebSocket's handshake."""
        connection, _ = await self.connect(transport if not transport.web else TLS if transport.secure else TCP, transport.port)
        begin, octets = time.monotonic(), request_write(access_name(HOME), "a2V5") if transport.web else self.options(transport, 1)
        complaints = ["it was never cut"]
        for at in range(len(octets)):
            connection.send_raw(octets[at:at + 1])
            if await connection.wait_ended(0.1):
                spent = time.monotonic() - begin
                complaints = [] if HEADERS_S - 0.2 < spent < HEADERS_S + 1 else [f"cut after {spent:.1f} s"]
                break
        self.report.case(f"{transport.name}: headers that come octet by octet are cut after {HEADERS_S} s", complaints, "",
                         time.monotonic() - begin)

    async def silent(self, transport: Transport) -> None:
        """Not even a handshake."""
        connection, _ = await self.connect(TCP, transport.port)
        begin = time.monotonic()
        ended = await connection.wait_ended(FIRST_MESSAGE_S + 2)
        self.report.case(f"{transport.name}: who says nothing is cut after {FIRST_MESSAGE_S} s", [] if ended else ["it is not cut"], "",
                         time.monotonic() - begin)

    async def ping(self, transport: Transport) -> None:
        connection = self.connection(self.calls[transport])
        spent = await connection.ping(1)
        complaints = [] if spent is not None else ["no pong"]
        if transport.web and not await connection.ping_frame():
            complaints.append("a ping of WebSocket itself is not answered")
        self.report.case(f"{transport.name}: a ping is answered", complaints, "", spent)

    @staticmethod
    def connection(call: Call) -> Connection:
        """The phone's, to its first edge."""
        flow = call.callee.dialog.contact.flows[0]
        return flow.port.connection(flow.remote)

    # Who does not read

    async def deaf_reader(self) -> None:
        """A phone stops reading, and is sent more than anybody keeps for it; the others do not notice."""
        transport = self.transports[0]
        name = f"deaf-{transport.name}"
        phone = self.cluster.add_phone(name, self.nat, [[name]], {1: HOME}, transport=transport)
        await self.cluster.settle(phone)
        connection = phone.flows()[0].port.connection(phone.flows()[0].remote)
        connection.pause()
        flood = asyncio.create_task(self.flood(f"sip:{name}@{DOMAIN}"))
        slowest, complaints, count = 0.0, [], 0
        while not flood.done():
            for call in self.calls.values():
                done = await exchange(call.caller, call.callee, "INFO")
                complaints += done.complaints
                slowest = max(slowest, done.elapsed_s)
                count += 1
        complaints += await self.stalled(connection)
        if slowest > CALM_S:
            complaints.append(f"somebody waited {slowest:.2f} s")
        phone.close()
        self.cluster.phones.remove(phone)
        self.report.case(f"{transport.name}: who does not read is closed; {count} requests to others beside it", complaints, "", slowest)

    async def flood(self, target: str) -> None:
        """By somebody in the core's network who wants no answer."""
        port = Port(self.cluster.outside_space.socket(), f"{CORE}{OUTSIDE_HOST}")
        for number in range(FLOOD_MESSAGES):
            message = Message(f"MESSAGE {target} SIP/2.0")
            for name, value in (("Via", Via("UDP", str(port), {"branch": f"z9hG4bKflood{number}", "rport": None})),
                                ("Max-Forwards", "70"), ("From", "<sip:flood@weir.test>;tag=1"), ("To", f"<{target}>"),
                                ("Call-ID", f"flood-{number}"), ("CSeq", "1 MESSAGE")):
                message.add(name, value)
            message.body = b"x" * FLOOD_OCTETS
            port.send(message.encode(), (f"{CORE}{CORE_HOST}", SIP_PORT))
            if number % 16 == 0:
                await asyncio.sleep(0.005)
        port.close()

    async def stalled(self, connection: Connection) -> list[str]:
        try:
            await wait_until(lambda: self.ended("stalled") > 0, PATIENCE_S, "the edge to close it", self.cluster.weir[HOME])
        except RuntimeError:
            return [f"it was not closed: {self.cluster.weir[HOME].ask('status')['streams']}"]
        finally:
            connection.close()
        return []

    def ended(self, why: str) -> int:
        return self.cluster.weir[HOME].ask("status")["streams"]["ended"].get(why, 0)

    # Who dies

    async def dataplane_killed(self) -> None:
        """Requests in the gap wait for the dataplane; connections know nothing of it."""
        edge = self.cluster.weir[HOME]
        before = {transport: self.connection(call) for transport, call in self.calls.items()}
        await edge.dataplane.kill()
        asking = {transport: asyncio.create_task(exchange(call.callee, call.caller, "INFO"))
                  for transport, call in self.calls.items()}
        # Behind a request that waits a pong would wait too, so other connections are asked.
        pongs = dict(zip(self.backed, await asyncio.gather(*(self.connection(call).ping(AWAY_S) for call in self.backed.values()))))
        await asyncio.sleep(AWAY_S)
        await edge.start_dataplane()
        for transport, task in asking.items():
            done = await task
            complaints = done.complaints + ([] if pongs[transport] is not None else ["no pong meanwhile"])
            if self.connection(self.calls[transport]) is not before[transport]:
                complaints.append("the connection is another one")
            self.report.case(f"{transport.name}: dataplane killed: the connection lives, a request waits", complaints, "",
                             done.elapsed_s)
        await edge.wait_ready()
        await edge.wait_peer(OTHER, "up")
        for transport, call in self.calls.items():
            done = await exchange(call.caller, call.callee, "INFO", patient=True)
            self.report.case(f"{transport.name}: dataplane back: a request to the phone", done.complaints + self.cluster.failures(), "",
                             done.elapsed_s)

    async def dataplane_missing(self) -> None:
        """A second later somebody has to say so."""
        edge, transport = self.cluster.weir[HOME], self.transports[0]
        connection, came = await self.connect(transport)
        await edge.dataplane.kill()
        connection.send(self.options(transport, 1))
        begin = time.monotonic()
        answer = await asyncio.wait_for(came.get(), PATIENCE_S)
        spent = time.monotonic() - begin
        complaints = [] if answer.status == 503 and answer.get("Retry-After") else [f"{answer.start}, Retry-After: {answer.get('Retry-After')}"]
        if not HELD_S - 0.1 < spent < HELD_S + 1:
            complaints.append(f"after {spent:.1f} s")
        self.report.case(f"{transport.name}: dataplane gone: 503 after {HELD_S:.0f} s", complaints, "", spent)
        # A phone that is told so asks the next edge (RFC 3263 section 4.3).
        call = self.calls[transport]
        answer = await call.callee.phone.request(call.callee.dialog, "INFO")
        found = [f"{attempt.target[0]} {attempt.outcome}" for attempt in answer.attempts]
        self.report.case(f"{transport.name}: dataplane gone: a phone asks the next edge",
                         [] if found == [f"{ACCESS}{HOME} 503", f"{ACCESS}{OTHER} 200"] else [f"it asked {found}"], "",
                         answer.elapsed_s)
        call.callee.phone.transactions.revive((f"{ACCESS}{HOME}", transport.port))
        await edge.start_dataplane()
        await edge.wait_ready()
        await edge.wait_peer(OTHER, "up")

    async def reload(self) -> None:
        """New certificates are shown to who comes new; who is there stays."""
        for transport in (item for item in self.transports if item.secure):
            edge, call = self.cluster.weir[HOME], self.calls[transport]
            old, connection = self.connection(call).serial, self.connection(call)
            certificate, key = self.cluster.issue(HOME)
            tls = edge.settings["tls"][0]
            if (certificate, key) != (tls["certificate"], tls["key"]):
                raise SetupError("a new certificate stands elsewhere")
            edge.control.signal(signal.SIGHUP)
            await asyncio.sleep(0.3)
            fresh, came = await self.connect(transport)
            fresh.send(self.options(transport, 1))
            complaints = await self.answers(came, [1])
            if fresh.serial == old:
                complaints.append("the old certificate is shown")
            done = await exchange(call.caller, call.callee, "INFO")
            if self.connection(call) is not connection:
                complaints.append("the flow was dropped")
            self.report.case(f"{transport.name}: certificates reloaded, no flow dropped", complaints + done.complaints
                             + self.cluster.failures(), "", done.elapsed_s)

    async def control_killed(self) -> None:
        """All connections end, and who has a second flow at the other edge is found there at once."""
        edge = self.cluster.weir[HOME]
        for call in self.calls.values():
            call.callee.phone.returns = True
        await edge.control.kill()
        # The kernel tells phones and the dataplane at the same time; who asks in between asks a connection that is gone.
        await asyncio.sleep(TOLD_S)
        for transport, call in self.backed.items():
            ended = await self.gone(call)
            self.cluster.served.since()
            self.outside[0].transactions.revive((f"{CORE}{HOME}", SIP_PORT))
            done = await exchange(call.caller, call.callee, "INFO")
            counted = await self.cluster.served.until(lambda delta: (OTHER, "r3-here") in delta)
            complaints = done.complaints + ([] if ended else ["its connection lives on"])
            if (OTHER, "r3-here") not in counted:
                complaints.append(f"served by {rules_of(counted)}")
            if (found := [attempt.outcome for attempt in done.answer.attempts]) != ["200"]:
                complaints.append(f"asked the edges, got {found}")
            self.report.case(f"{transport.name}: control killed: the phone's second flow is found",
                             complaints + self.cluster.failures(), f"r3-here@{OTHER}", done.elapsed_s)
            done = await exchange(call.caller, call.callee, "INFO", targets=[(f"{CORE}{OTHER}", SIP_PORT)])
            self.report.case(f"{transport.name}: control killed: it is found by way of the other edge too",
                             done.complaints + self.cluster.failures(), "", done.elapsed_s)
        # A phone with one flow comes back elsewhere; what is asked of it waits until control is back, and knows where it is.
        asking = {transport: asyncio.create_task(exchange(call.caller, call.callee, "INFO", patient=True))
                  for transport, call in self.calls.items()}
        back = {transport: await call.callee.phone.returned(PATIENCE_S) for transport, call in self.calls.items()}
        await edge.start_control()
        await edge.wait_ready()
        for transport, task in asking.items():
            done = await task
            complaints = [] if back[transport] else [f"it did not come back: {self.calls[transport].callee.phone.lost}"]
            self.report.case(f"{transport.name}: control killed: a phone with one flow comes back elsewhere",
                             complaints + done.complaints + self.cluster.failures(), "", done.elapsed_s)
        counted = edge.verdicts().get("r5-there", 0)
        self.report.case(f"control back; edge{HOME} had relayed by R5 without it", [] if counted else [f"{counted} times"])

    @staticmethod
    async def gone(call: Call) -> bool:
        end = time.monotonic() + 1
        while time.monotonic() < end and call.callee.dialog.contact.flows[0].remote is not None:
            await asyncio.sleep(0.01)
        return call.callee.dialog.contact.flows[0].remote is None


async def lab(cluster: Cluster, report: Report) -> None:
    await Streams(cluster, report).run()


if __name__ == "__main__":
    runner.run("streams", DRAWING, lambda driver: Cluster(transports=TRANSPORTS, driver=driver), lab)
