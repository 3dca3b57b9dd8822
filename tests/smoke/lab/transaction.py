"""SIP transactions (RFC 3261 section 17) and the way from target to target of RFC 3263 section 4.3."""

import asyncio
import dataclasses
import secrets
import time
from collections.abc import Callable

from .dns import Address
from .sip import Message, Via, message_read, response_write, via_read
from .stream import AnyPort

T1_S = 0.5
T2_S = 4.0
TIMER_F_S = 64 * T1_S
SILENCE_S = 1.0  # after which the next target is tried, if there is one
DEAD_S = 60.0  # how long a target that failed is passed over: longer than a lab looks back
RINGING_S = 20.0


# Changes a response on its way out: what a callee does that is broken, or worse.
Divert = Callable[[Message, Address], tuple[Message, Address]]


@dataclasses.dataclass
class Attempt:
    target: Address
    sends: int = 0
    outcome: str = "silence"


@dataclasses.dataclass
class Answer:
    """What came of a request: the final response, or None when nobody answered."""

    response: Message | None
    attempts: list[Attempt]
    elapsed_s: float
    client: "Client | None"

    @property
    def status(self) -> int:
        return self.response.status if self.response else 0

    @property
    def source(self) -> Address | None:
        return self.client.target if self.client else None

    @property
    def first_time(self) -> bool:
        """True if the target that answered was asked once."""
        return self.response is not None and self.attempts[-1].sends == 1


class Client:
    """One client transaction, toward one target."""

    def __init__(self, port: AnyPort, target: Address, message: Message) -> None:
        self.port = port
        self.target = target
        self.message = message
        self.events: asyncio.Queue[Message | None] = asyncio.Queue()
        self.final: Message | None = None
        self.ack: Callable[[], None] | None = None  # repeated for every repeated final response

    def send(self) -> None:
        self.port.send(self.message.encode(), self.target)


class Server:
    """One server transaction: what has been answered, to be answered again."""

    def __init__(self, port: AnyPort, source: Address, request: Message, divert: Divert | None) -> None:
        self.port = port
        self.source = source
        self.request = request
        self.response: Message | None = None
        self.acknowledged = asyncio.Event()
        self._divert = divert

    def respond(self, response: Message) -> None:
        self.response = response
        sent, to = self._divert(response, self.source) if self._divert else (response, self.source)
        self.port.send(sent.encode(), to)

    def answer(self, status: int, reason: str, tag: str, *headers: tuple[str, object], body: bytes = b"") -> Message:
        response = response_write(self.request, status, reason, self.source, tag)
        for name, value in headers:
            response.add(name, value)
        response.body = body
        self.respond(response)
        return response

    async def repeat_until_acknowledged(self) -> None:
        """RFC 3261 sections 13.3.1.4 and 17.2.1: a 2xx to INVITE over any transport, another final response over UDP."""
        if self.port.transport.stream and self.response.status >= 300:
            return
        interval, end = T1_S, time.monotonic() + TIMER_F_S
        while time.monotonic() < end:
            try:
                await asyncio.wait_for(self.acknowledged.wait(), interval)
                return
            except asyncio.TimeoutError:
                self.respond(self.response)
                interval = min(2 * interval, T2_S)


class Transactions:
    """All transactions of one user agent, over all its ports."""

    def __init__(self, fail: Callable[[str], None]) -> None:
        self._fail = fail
        self._clients: dict[tuple[str, str], Client] = {}
        self._servers: dict[tuple[str, str, str], Server] = {}
        self._dead: dict[Address, float] = {}
        self.on_request: Callable[[Server], None] = lambda server: None
        self.divert: Divert | None = None
        self.on_ack: Callable[[Message, Address, AnyPort], None] = lambda message, source, port: None
        self.on_lost: Callable[[AnyPort, Address, str], None] = lambda port, target, why: None

    def adopt(self, port: AnyPort) -> None:
        port.on_datagram = self._receive
        port.on_unreachable = lambda target: self._unreachable(target, port)
        port.on_lost = lambda target, why: self._lost(target, port, why)
        port.on_fault = self._fail

    def order(self, targets: list[Address]) -> list[Address]:
        """Living targets first, in their order; the dead are a last resort."""
        now = time.monotonic()
        return sorted(targets, key=lambda target: self._dead.get(target, 0) > now)

    def is_dead(self, target: Address) -> bool:
        return self._dead.get(target, 0) > time.monotonic()

    def revive(self, target: Address) -> None:
        self._dead.pop(target, None)

    async def request(self, message: Message, targets: list[Address], port_for: Callable[[Address], AnyPort],
                      on_start: Callable[[Client], None] | None = None) -> Answer:
        """Try each target until one answers. `message` has no Via yet: every target gets a branch of its own."""
        begin, attempts = time.monotonic(), []
        ordered = self.order(targets)
        client = None
        for left, target in zip(range(len(ordered) - 1, -1, -1), ordered):
            client = self._open(with_via(message, port_for(target)), port_for(target), target)
            if on_start:
                on_start(client)
            attempts.append(Attempt(target))
            # Silence is a reason to go on only where somebody else may live, and where a broken connection would not be heard of.
            hasty = left and not self.is_dead(ordered[-left]) and not client.port.transport.stream
            final = await self._run(client, attempts[-1], SILENCE_S if hasty else TIMER_F_S)
            if final is not None and not (final.status == 503 and left):
                return Answer(final, attempts, time.monotonic() - begin, client)
            self._dead[target] = time.monotonic() + DEAD_S
        return Answer(None, attempts, time.monotonic() - begin, client)

    async def cancel(self, invite: Client) -> Answer:
        """Cancel an INVITE that rings: the same way, the same branch."""
        begin, attempt = time.monotonic(), Attempt(invite.target)
        client = self._open(cancel_write(invite.message), invite.port, invite.target)
        final = await self._run(client, attempt, TIMER_F_S)
        return Answer(final, [attempt], time.monotonic() - begin, client)

    def send_ack(self, ack: Message, client: Client | None, targets: list[Address],
                 port_for: Callable[[Address], AnyPort]) -> None:
        """An ACK to a 2xx: a transaction of its own without an answer, sent again for every repeated 2xx."""
        target = self.order(targets)[0]
        message = with_via(ack, port_for(target))
        port = port_for(target)

        def send() -> None:
            port.send(message.encode(), target)

        send()
        if client is not None:
            client.ack = send

    def find_server(self, request: Message, method: str) -> Server | None:
        return self._servers.get((request.via.branch, request.via.sent_by, method))

    def _open(self, message: Message, port: AnyPort, target: Address) -> Client:
        client = Client(port, target, message)
        self._clients[message.via.branch, message.method] = client
        return client

    async def _run(self, client: Client, attempt: Attempt, patience_s: float) -> Message | None:
        invite, repeats = client.message.method == "INVITE", not client.port.transport.stream
        end, interval, provisional = time.monotonic() + patience_s, T1_S, False
        client.send()
        attempt.sends = 1
        while time.monotonic() < end:
            silent = invite and provisional or not repeats
            wait = end - time.monotonic() if silent else min(interval, end - time.monotonic())
            try:
                event = await asyncio.wait_for(client.events.get(), max(wait, 0))
            except asyncio.TimeoutError:
                if not silent and time.monotonic() < end:
                    client.send()
                    attempt.sends += 1
                    interval = 2 * interval if invite else min(2 * interval, T2_S)
                continue
            if event is None:
                attempt.outcome = "unreachable"
                return None
            if event.status >= 200:
                attempt.outcome = str(event.status)
                return event
            # Somebody is there: no other target is tried any more.
            end, interval, provisional = time.monotonic() + max(RINGING_S, patience_s), T2_S, True
        return None

    def _receive(self, octets: bytes, source: Address, port: AnyPort) -> None:
        if not octets.strip(b"\r\n\0"):
            return
        try:
            message = message_read(octets)
            if message.is_request:
                self._receive_request(message, source, port)
            else:
                self._receive_response(message, source, port)
        except (ValueError, IndexError) as error:
            self._fail(f"cannot read what came from {source[0]}:{source[1]}: {error}")

    def _receive_response(self, response: Message, source: Address, port: AnyPort) -> None:
        client = self._clients.get((response.via.branch, response.method))
        if client is None or response.cseq != client.message.cseq:
            self._fail(f"a response to no request of mine: {response.start} to {response.get('CSeq')}")
            return
        if source != client.target or port is not client.port:
            self._fail(f"asked {client.target} from {client.port}, answered by {source} to {port}: {response.start}")
        if response.via.transport != port.transport.via:
            self._fail(f"{response.start} over {port.transport.via}, and its Via says {response.via.transport}")
        if len(response.all("Via")) != 1:
            self._fail(f"a response with {len(response.all('Via'))} Vias")
        if client.final is not None:
            if client.ack is not None:
                client.ack()
            return
        if response.status >= 200:
            client.final = response
            if client.message.method == "INVITE" and response.status >= 300:
                client.ack = lambda: client.port.send(ack_write(client.message, response).encode(), client.target)
                client.ack()
        client.events.put_nowait(response)

    def _receive_request(self, request: Message, source: Address, port: AnyPort) -> None:
        if request.method == "ACK":
            server = self.find_server(request, "INVITE")
            if server is not None and server.response is not None and server.response.status >= 300:
                server.acknowledged.set()
            else:
                self.on_ack(request, source, port)
            return
        key = (request.via.branch, request.via.sent_by, request.method)
        known = self._servers.get(key)
        if known is None:
            self._servers[key] = Server(port, source, request, self.divert)
            self.on_request(self._servers[key])
        elif known.response is not None:
            # A retransmission may come by another way than the first.
            known.port, known.source = port, source
            known.respond(known.response)

    def _unreachable(self, target: Address, port: AnyPort) -> None:
        self._dead[target] = time.monotonic() + DEAD_S
        self._give_up(target, port)

    def _lost(self, target: Address, port: AnyPort, why: str) -> None:
        """A connection ended: what was asked over it is not answered (RFC 3261 section 17.1.4), but its target may live."""
        self._give_up(target, port)
        self.on_lost(port, target, why)

    def _give_up(self, target: Address, port: AnyPort) -> None:
        """ICMP speaks of a host, a broken connection of the port that it was opened from."""
        for client in self._clients.values():
            ours = not port.transport.stream or client.port is port
            if client.target == target and client.final is None and ours:
                client.events.put_nowait(None)


def with_via(message: Message, port: AnyPort) -> Message:
    """A copy with our Via on top."""
    sent = message.copy()
    parameters = {"branch": "z9hG4bK" + secrets.token_hex(10)} | ({} if port.transport.stream else {"rport": None})
    sent.headers.insert(0, ("Via", str(Via(port.transport.via, str(port), parameters))))
    return sent


def ack_write(invite: Message, final: Message) -> Message:
    """The ACK to a final response that is not 2xx (RFC 3261 section 17.1.1.3)."""
    ack = Message(f"ACK {invite.start.split(' ')[1]} SIP/2.0")
    ack.add("Via", str(via_read(invite.all("Via")[0])))
    for value in invite.all("Route"):
        ack.add("Route", value)
    ack.add("Max-Forwards", "70")
    ack.add("From", invite.get("From"))
    ack.add("To", final.get("To"))
    ack.add("Call-ID", invite.call_id)
    ack.add("CSeq", f"{invite.cseq[0]} ACK")
    return ack


def cancel_write(invite: Message) -> Message:
    """The CANCEL of an INVITE (RFC 3261 section 9.1), its Via included."""
    cancel = Message(f"CANCEL {invite.start.split(' ')[1]} SIP/2.0")
    cancel.add("Via", str(via_read(invite.all("Via")[0])))
    for value in invite.all("Route"):
        cancel.add("Route", value)
    for name in ("Max-Forwards", "From", "To", "Call-ID"):
        cancel.add(name, invite.get(name))
    cancel.add("CSeq", f"{invite.cseq[0]} CANCEL")
    return cancel
