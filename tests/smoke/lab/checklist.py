"""What the labs of the RFCs share: a case a row of a checklist, and the words for what is wrong with a message."""

from .bench import DOMAIN, HOME, Bench, Phone
from .house import ACCESS, SIP_PORT
from .report import Report
from .scenario import SetupError
from .sip import Message
from .stand import SILENCE_S, Stand, StreamStand, request_write


class Checklist:
    def __init__(self, bench: Bench, report: Report) -> None:
        self.bench = bench
        self.report = report

    def case(self, row: str, what: str, complaints: list[str]) -> None:
        self.report.case(f"{row:<7} {what}", complaints)

    async def at_core_of(self, stand: Stand, message: Message | bytes, edge: int = HOME) -> Message | None:
        """What the core gets of it; an answer to the sender is passed over, and looked at by who wants to."""
        self._forget(stand)
        stand.send(message, self.bench.access(edge, stand))
        return await self.bench.core_stand.message()

    async def back_to(self, stand: Stand, message: Message | bytes, edge: int = HOME) -> Message | None:
        """What its sender gets; None if the core got anything of it."""
        self._forget(stand)
        stand.send(message, self.bench.access(edge, stand))
        answer = await stand.message()
        return answer if await self.bench.core_stand.take(SILENCE_S / 3) is None else None

    async def at_phone_of(self, phone: Phone, message: Message | bytes, edge: int = HOME) -> Message | None:
        """What a phone gets of a request of the core's."""
        self._forget(phone.stand)
        self.bench.core_stand.send(message, self.bench.inner(edge))
        return await phone.stand.message()

    async def from_edge(self, message: Message | bytes, edge: int = HOME) -> Message | None:
        """What an edge answers the core."""
        self.bench.core_stand.forget()
        self.bench.core_stand.send(message, self.bench.inner(edge))
        return await self.bench.core_stand.message()

    async def register_stream(self, user: str, edge: int = HOME, aors: tuple[str, ...] = ()) -> tuple[StreamStand, str]:
        """A phone with one TCP connection, registered (as several AORs, perhaps); the connection and its last Path."""
        connection = await StreamStand.connect(self.bench.phones_space, f"{ACCESS}50", (f"{ACCESS}{edge}", SIP_PORT))
        path = ""
        for aor in (user, *aors):
            register = request_write(connection, "REGISTER", f"sip:{DOMAIN}", sender=f"<sip:{aor}@{DOMAIN}>;tag=r",
                                     recipient=f"<sip:{aor}@{DOMAIN}>", via=f"SIP/2.0/TCP {connection};branch=z9hG4bK{aor}{connection.port}",
                                     more=(("Contact", f'<sip:{user}@{connection};transport=tcp>;+sip.instance="<urn:uuid:{user}>";reg-id=1'),
                                           ("Expires", "600"), ("Supported", "path, outbound")))
            connection.send(register)
            request, source = await self.bench.at_core("REGISTER")
            path = request.get("Path")
            self.bench.core_stand.send(self.bench.registered_write(request, source), source)
            if (response := await connection.message()) is None or response.status != 200:
                raise SetupError(f"{aor} cannot register over TCP")
        return connection, path

    def _forget(self, stand: Stand) -> None:
        stand.forget()
        self.bench.core_stand.forget()


def status_is(answer: Message | None, wanted: int) -> list[str]:
    if answer is None or answer.is_request:
        return [f"{answer.start if answer else 'no answer'}, not {wanted}"]
    return [] if answer.status == wanted else [f"{answer.status}, not {wanted}"]


def begins(message: Message | None, wanted: str) -> list[str]:
    if message is None:
        return ["it did not arrive"]
    return [] if message.start.startswith(wanted) else [f"{message.start}, not {wanted}"]


def header(message: Message | None, name: str, *wanted: str) -> list[str]:
    if message is None:
        return ["it did not arrive"]
    return same(name, message.all(name), list(wanted))


def same(what: str, found: object, wanted: object) -> list[str]:
    return [] if found == wanted else [f"{what}: {found}, not {wanted}"]


def one_of(what: str, found: object, *wanted: object) -> list[str]:
    return [] if found in wanted else [f"{what}: {found}, none of {wanted}"]


async def nothing_came(stand: Stand) -> list[str]:
    came = await stand.take(SILENCE_S)
    return [] if came is None else [f"something came: {came[0][:60]!r}"]
