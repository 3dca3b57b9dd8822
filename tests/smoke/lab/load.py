"""Requests inside standing calls at a steady rate, each of them counted: what was lost at first, and what stayed lost."""

import asyncio
import dataclasses
import heapq
import itertools
import re
import time

from .dns import Address
from .scenario import Call
from .sip import Via
from .transaction import T1_S, T2_S
from .udp import Port

TICK_S = 0.005
LATE_S = 1.5  # an answer that comes later than this after the last request does not count
PATIENCE_S = 4.0
BRANCH = re.compile(rb"branch=z9hG4bKload(\d+)-(\d+)")
STATUS = re.compile(rb"SIP/2\.0 (\d{3})")
ECHOED = (b"via:", b"from:", b"to:", b"call-id:", b"cseq:", b"record-route:")


@dataclasses.dataclass
class Sent:
    at_s: float
    answered_s: float = 0.0
    status: int = 0
    sends: int = 1


class Load:
    """Takes over the ports of calls whose caller is outside; the callers send INFO, the callees answer, neither with many checks:
    the request-URI must be the callee's, the answer that of a request. `repeat`: after Timer E, as RFC 3261 section 17.1.2.2 wants
    it; without it each is sent once, and what is lost stays lost."""

    _serials = itertools.count(1)

    def __init__(self, calls: list[Call], target: Address, repeat: bool = False) -> None:
        self._serial = next(self._serials)  # answers to an earlier load on the same ports do not count
        self._stop = asyncio.Event()
        self._running: asyncio.Task | None = None
        self._target = target
        self._repeat = repeat
        self._due: list[tuple[float, int]] = []  # a heap: when Timer E of which request fires
        self._templates = [self._template(call) for call in calls]
        self.sent: list[Sent] = []
        self.wrong: list[str] = []
        self._owners = [(port, port.on_datagram) for call in calls for port in (call.caller.dialog.port, call.callee.dialog.port)]
        for call in calls:
            call.caller.dialog.port.on_datagram = self._count
            user = f" sip:{call.callee.dialog.contact.user}@".encode()
            call.callee.dialog.port.on_datagram = self._answerer(user)

    def _template(self, call: Call) -> tuple[Port, bytes, int]:
        """A request with @N@ where its number goes; its first CSeq."""
        dialog = call.caller.dialog
        message = dialog.request_write("INFO")
        message.put("CSeq", "@C@ INFO")
        via = Via("UDP", str(dialog.port), {"branch": f"z9hG4bKload{self._serial}-@N@", "rport": None})
        message.headers.insert(0, ("Via", str(via)))
        return dialog.port, message.encode(), dialog.local_cseq

    def start(self, rate: int) -> None:
        """Send until finish()."""
        self._running = asyncio.get_running_loop().create_task(self.run(rate, float("inf")))

    async def finish(self) -> None:
        """The last answers have come, or never will; the phones have their ports back."""
        self._stop.set()
        await self._running
        await self.settle()
        for port, owner in self._owners:
            port.on_datagram = owner

    async def run(self, rate: int, duration_s: float) -> None:
        """Send for so long. When the machine was busy elsewhere what was missed is made up for."""
        begin = time.monotonic()
        count = 0
        while (now := time.monotonic()) < begin + duration_s and not self._stop.is_set():
            while count < (now - begin) * rate:
                self._send_one()
                count += 1
            self._send_again()
            await asyncio.sleep(TICK_S)

    async def settle(self) -> None:
        """Wait for the last answers; those to what had to be repeated take until the timer of the last has fired."""
        end = time.monotonic() + (PATIENCE_S if self._repeat else LATE_S)
        while time.monotonic() < end and any(item.status == 0 for item in self.sent):
            self._send_again()
            await asyncio.sleep(TICK_S)

    def lost(self) -> int:
        """Requests that nobody answered."""
        return sum(item.status == 0 for item in self.sent)

    def repeated(self) -> int:
        return sum(item.sends > 1 for item in self.sent)

    def statuses(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for item in self.sent:
            found[item.status] = found.get(item.status, 0) + 1
        return found

    def first_answer_after(self, moment_s: float) -> float | None:
        """When the first request sent after that moment was answered 200."""
        times = [item.answered_s for item in self.sent if item.at_s >= moment_s and item.status == 200]
        return min(times, default=None)

    def _send_one(self) -> None:
        number = len(self.sent)
        self.sent.append(Sent(time.monotonic()))
        if self._repeat:
            heapq.heappush(self._due, (time.monotonic() + T1_S, number))
        self._put(number)

    def _send_again(self) -> None:
        """What has no answer yet: half a second after it was sent, then a second, then two."""
        while self._due and self._due[0][0] < time.monotonic():
            number = heapq.heappop(self._due)[1]
            item = self.sent[number]
            if item.status == 0:
                heapq.heappush(self._due, (time.monotonic() + min(T1_S * 2 ** item.sends, T2_S), number))
                item.sends += 1
                self._put(number)

    def _put(self, number: int) -> None:
        port, octets, cseq = self._templates[number % len(self._templates)]
        port.send(octets.replace(b"@N@", b"%d" % number).replace(b"@C@", b"%d" % (cseq + 1 + number)), self._target)

    def _count(self, octets: bytes, source: Address, port: Port) -> None:
        branch, status = BRANCH.search(octets), STATUS.match(octets)
        if branch is None or status is None:
            self.wrong.append(f"to the caller: {octets[:60]!r}")
            return
        if int(branch[1]) != self._serial:
            return
        item = self.sent[int(branch[2])]
        item.status, item.answered_s = int(status[1]), time.monotonic()

    def _answerer(self, user: bytes):
        def answer(octets: bytes, source: Address, port: Port) -> None:
            if not octets.strip():
                return
            lines = octets.split(b"\r\n\r\n", 1)[0].split(b"\r\n")
            if not lines[0].startswith(b"INFO") or user not in lines[0]:
                self.wrong.append(f"to {port}: {lines[0]!r}")
                return
            echoed = [line for line in lines[1:] if line.lower().startswith(ECHOED)]
            port.send(b"\r\n".join([b"SIP/2.0 200 OK", *echoed, b"Content-Length: 0", b"", b""]), source)
        return answer
