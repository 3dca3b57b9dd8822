"""Calls, and requests inside them, judged: who answered, who got it, how often it had to be sent."""

import asyncio
import dataclasses
import time

from .callee import Callee
from .dialog import Dialog
from .dns import Address
from .phone import Account, Flow, Phone
from .sip import name_address_read
from .transaction import Answer

ARRIVAL_S = 1.0


class SetupError(Exception):
    """The scene could not be set, so there is nothing to judge."""


@dataclasses.dataclass
class End:
    """One party of a call."""

    phone: Phone
    dialog: Dialog


@dataclasses.dataclass
class Call:
    caller: End
    callee: End

    def ends(self, sender: str) -> tuple[End, End]:
        """Sender and receiver; sender is `caller` or `callee`."""
        return (self.caller, self.callee) if sender == "caller" else (self.callee, self.caller)


@dataclasses.dataclass
class Exchange:
    """A request inside a dialog and what came of it."""

    method: str
    answer: Answer
    complaints: list[str]

    @property
    def elapsed_s(self) -> float:
        return self.answer.elapsed_s


async def make_call(caller: Phone, account: Account, callee: Callee, user: str, domain: str, flow: Flow | None = None) -> Call:
    """Caller rings callee's AOR, who answers."""
    result = await caller.invite(account, f"sip:{user}@{domain}", flow)
    if result.dialog is None:
        raise SetupError(f"{account.user} calls {user}: {result.status or 'no answer'}")
    call = Call(End(caller, result.dialog), End(callee, find_dialog(callee, result.dialog)))
    if not await arrived(call.callee, 0, "ACK"):
        raise SetupError(f"{account.user} calls {user}: the ACK never came")
    return call


def find_dialog(callee: Callee, dialog: Dialog) -> Dialog:
    """The other end's view of a dialog."""
    found = callee.dialogs.get((dialog.call_id, dialog.remote.tag or ""))
    if found is None:
        raise SetupError(f"{callee.name} does not know the call that was answered for it")
    return found


async def exchange(sender: End, receiver: End, method: str, by: list[Address] | None = None,
                   targets: list[Address] | None = None, patient: bool = False) -> Exchange:
    """Send a request in a call. `by`: who may answer it; `targets`: sent there whatever the route says; `patient`: it may take
    more than one attempt."""
    seen = len(receiver.phone.arrivals)
    answer = await sender.phone.request(sender.dialog, method, targets=targets)
    complaints = []
    if answer.status != 200:
        complaints.append(f"{method}: {answer.status or 'no answer'} ({attempts_write(answer)})")
    elif not answer.first_time and not patient:
        complaints.append(f"{method}: had to be sent again ({attempts_write(answer)})")
    if by is not None and answer.response is not None and answer.source not in by:
        complaints.append(f"{method}: answered by way of {answer.source}")
    for wanted in [method, "ACK"] if method == "INVITE" else [method]:
        if not await arrived(receiver, seen, wanted):
            complaints.append(f"{wanted}: reached {receiver.phone.name} not once")
    return Exchange(method, answer, complaints)


async def arrived(receiver: End, seen: int, method: str) -> bool:
    """True if exactly one such request of this call has come since; its port and sender were judged by the phone."""
    end = time.monotonic() + ARRIVAL_S
    while time.monotonic() < end:
        found = [arrival for arrival in receiver.phone.arrivals[seen:]
                 if arrival.method == method and arrival.request.call_id == receiver.dialog.call_id]
        if found:
            return len(found) == 1
        await asyncio.sleep(0.005)
    return False


def is_repetition(text: str) -> bool:
    """Whether a phone complains of a request that came by a second way, too: one edge had delivered it and could not bring the answer back,
    so another one did. To the phone that is a new request with an old CSeq number."""
    words = text.split("CSeq ")[-1].split(" after ")
    return len(words) == 2 and words[0] == words[1]


def attempts_write(answer: Answer) -> str:
    return ", ".join(f"{attempt.target[0]} x{attempt.sends} {attempt.outcome}" for attempt in answer.attempts)


def forget_tokens(dialog: Dialog, names: list[str]) -> None:
    """Take the user part off every Route that names an edge: a Record-Route as plain proxies write it."""
    routes = []
    for text in dialog.route_set:
        route = name_address_read(text)
        if route.uri.host in names:
            route.uri.user = None
        routes.append(str(route))
    dialog.route_set = routes


def tokens(dialog: Dialog, names: list[str]) -> list[str]:
    """The tokens in the route set, in order."""
    routes = [name_address_read(text).uri for text in dialog.route_set]
    return [route.user for route in routes if route.host in names and route.user]


def route_hosts(dialog: Dialog) -> set[str]:
    return {name_address_read(text).uri.host for text in dialog.route_set}
