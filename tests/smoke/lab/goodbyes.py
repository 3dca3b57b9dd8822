"""The BYEs of many calls at a steady rate, with few checks for many of them: each goes where its route leads, to the next target when nobody
is there, nobody answers or the answer is 503 (RFC 3263 section 4.3), and is repeated until it is answered. The other end must be the right one.
"""

import asyncio
import dataclasses
import heapq
import re
import time

from .dns import Address
from .scenario import Call, End
from .sip import Via
from .transaction import SILENCE_S, T1_S, T2_S, TIMER_F_S
from .udp import Port

TICK_S = 0.005
BRANCH = re.compile(rb"branch=z9hG4bKbye(\d+)-(\d+)-(\d+)")
CALL_ID = re.compile(rb"\r\ncall-id:[ \t]*([^\r]+)\r\n", re.IGNORECASE)
ECHOED = (b"via:", b"from:", b"to:", b"call-id:", b"cseq:", b"record-route:")


@dataclasses.dataclass
class Bye:
    sender: End
    receiver: End
    targets: list[Address]
    octets: bytes  # with @B@ where the branch goes
    target: int = 0  # of those
    sends: int = 0
    at_target: int = 0  # sends to this target
    tried_s: float = 0.0  # since when this target
    sent_s: float = 0.0
    answered_s: float = 0.0
    status: int = 0
    arrivals: int = 0

    @property
    def port(self) -> Port:
        return self.sender.dialog.port


class Goodbyes:
    """Takes over the ports of calls over UDP. Every other call is ended by who was called."""

    serial = 0

    def __init__(self, calls: list[Call]) -> None:
        Goodbyes.serial += 1
        self._calls = calls
        self._due: list[tuple[float, int]] = []  # a heap: when to look at which again
        self._by_call: dict[bytes, Bye] = {}
        self._asked: dict[tuple[Port, Address], list[int]] = {}  # which were sent from there to that target
        self._owners: dict[Port, tuple] = {}
        self.byes: list[Bye] = []
        self.turned_away = 0  # answered 503 by an edge that is not theirs
        self.wrong: list[str] = []

    async def prepare(self) -> None:
        for number, call in enumerate(self._calls):
            sender, receiver = call.ends("callee" if number % 2 else "caller")
            hop, message = sender.dialog.next_hop(), sender.dialog.request_write("BYE")
            targets = await sender.phone.resolver.locate(hop.host, hop.port)
            via = Via("UDP", str(sender.dialog.port), {"branch": f"z9hG4bKbye{self.serial}-{number}-@B@", "rport": None})
            message.headers.insert(0, ("Via", str(via)))
            bye = Bye(sender, receiver, targets, message.encode())
            self.byes.append(bye)
            self._by_call[sender.dialog.call_id.encode()] = bye
            for end in (sender, receiver):
                self._take(end.dialog.port)

    def _take(self, port: Port) -> None:
        if port not in self._owners:
            self._owners[port] = port.on_datagram, port.on_unreachable
            port.on_datagram = self._receive
            port.on_unreachable = lambda target: self._unreachable(port, target)

    async def run(self, rate: float) -> None:
        """Send all, and wait until each is answered or has no hope left."""
        begin, count = time.monotonic(), 0
        while count < len(self.byes) or self._due:
            now = time.monotonic()
            while count < len(self.byes) and count < (now - begin) * rate:
                self.byes[count].sent_s = now
                self._try(count, now)
                count += 1
            self._look_again(now)
            await asyncio.sleep(TICK_S)
        for port, (on_datagram, on_unreachable) in self._owners.items():
            port.on_datagram, port.on_unreachable = on_datagram, on_unreachable

    def _try(self, number: int, now: float) -> None:
        """For the first time at its target."""
        bye = self.byes[number]
        bye.tried_s, bye.at_target = now, 0
        self._asked.setdefault((bye.port, bye.targets[bye.target]), []).append(number)
        self._send(number, now)

    def _send(self, number: int, now: float) -> None:
        bye = self.byes[number]
        heapq.heappush(self._due, (now + min(T1_S * 2 ** bye.at_target, T2_S), number))
        bye.sends += 1
        bye.at_target += 1
        bye.port.send(bye.octets.replace(b"@B@", b"%d" % bye.target), bye.targets[bye.target])

    def _look_again(self, now: float) -> None:
        while self._due and self._due[0][0] < now:
            number = heapq.heappop(self._due)[1]
            bye = self.byes[number]
            if bye.status or now > bye.sent_s + TIMER_F_S:
                continue
            if now >= bye.tried_s + SILENCE_S and bye.target + 1 < len(bye.targets):
                bye.target += 1
                self._try(number, now)
            else:
                self._send(number, now)

    def _unreachable(self, port: Port, target: Address) -> None:
        now = time.monotonic()
        for number in self._asked.pop((port, target), []):
            bye = self.byes[number]
            if not bye.status and bye.targets[bye.target] == target and bye.target + 1 < len(bye.targets):
                bye.target += 1
                self._try(number, now)

    def _receive(self, octets: bytes, source: Address, port: Port) -> None:
        if not octets.startswith(b"SIP/2.0 "):
            self._answer(octets, source, port)
            return
        branch, now = BRANCH.search(octets), time.monotonic()
        if branch is None or int(branch[1]) > self.serial:
            self.wrong.append(f"to {port}: {octets[:60]!r}")
            return
        if int(branch[1]) < self.serial:
            return  # late, and nobody waits for it any more
        number, status = int(branch[2]), int(octets[8:11])
        bye = self.byes[number]
        if bye.port is not port:
            self.wrong.append(f"to {port}, and {bye.port} has asked: {octets[:60]!r}")
        elif status == 503 and int(branch[3]) == bye.target < len(bye.targets) - 1 and not bye.status:
            self.turned_away += 1
            bye.target += 1
            self._try(number, now)
        elif not bye.status:
            bye.status, bye.answered_s = status, now

    def _answer(self, octets: bytes, source: Address, port: Port) -> None:
        lines = octets.split(b"\r\n\r\n", 1)[0].split(b"\r\n")
        found = CALL_ID.search(octets)
        bye = self._by_call.get(found[1].strip()) if found else None
        if bye is None or bye.receiver.dialog.port is not port or not lines[0].startswith(
                f"BYE sip:{bye.receiver.dialog.contact.user}@".encode()):
            self.wrong.append(f"to {port}: {lines[0]!r}")
            return
        bye.arrivals += 1
        echoed = [line for line in lines[1:] if line.lower().startswith(ECHOED)]
        port.send(b"\r\n".join([b"SIP/2.0 200 OK", *echoed, b"Content-Length: 0", b"", b""]), source)
