"""One end of a dialog (RFC 3261 section 12): route set, tags, CSeq order, and the checks of every request that comes in it."""

import dataclasses
import secrets

from .sip import Message, NameAddress, Uri, name_address_read
from .stream import AnyPort
from .transaction import Answer, Client


@dataclasses.dataclass
class Dialog:
    call_id: str
    local: NameAddress
    remote: NameAddress
    contact: "object"  # the Contact (phone.py) whose flows may carry it
    port: AnyPort  # it was set up over
    route_set: list[str] = dataclasses.field(default_factory=list)
    target: Uri | None = None
    local_cseq: int = 0
    remote_cseq: int = -1
    ended: bool = False
    invite_client: Client | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.call_id, self.local.tag or ""

    def request_write(self, method: str, contact: str | None = None, body: bytes = b"") -> Message:
        """The next request of the dialog; ACK has the CSeq number of the INVITE."""
        if method != "ACK":
            self.local_cseq += 1
        message = Message(f"{method} {self.target} SIP/2.0")
        for route in self.route_set:
            message.add("Route", route)
        message.add("Max-Forwards", "70")
        message.add("From", self.local)
        message.add("To", self.remote)
        message.add("Call-ID", self.call_id)
        message.add("CSeq", f"{self.local_cseq} {method}")
        if contact is not None:
            message.add("Contact", contact)
        if body:
            message.add("Content-Type", "application/sdp")
        message.body = body
        return message

    def next_hop(self) -> Uri:
        return name_address_read(self.route_set[0]).uri if self.route_set else self.target

    def establish_from_response(self, response: Message) -> None:
        """As the one who called: the route set is the Record-Route of the response, backwards."""
        self.remote = response.recipient
        self.route_set = list(reversed(response.all("Record-Route")))
        self.refresh(response)

    def establish_from_request(self, request: Message) -> None:
        """As the one who was called, or notified."""
        self.route_set = request.all("Record-Route")
        self.remote_cseq = request.cseq[0]
        self.refresh(request)

    def refresh(self, message: Message) -> None:
        """Target refresh (RFC 3261 section 12.2): the remote target moves, the route set never does."""
        if message.get("Contact"):
            self.target = name_address_read(message.get("Contact")).uri

    def complaint(self, request: Message) -> str | None:
        """What is wrong with a request that came in this dialog, or None."""
        if request.sender.tag != self.remote.tag:
            return f"From-tag {request.sender.tag} is not the other side's"
        if request.method != "ACK" and request.cseq[0] <= self.remote_cseq:
            return f"CSeq {request.cseq[0]} after {self.remote_cseq}"
        return None


@dataclasses.dataclass
class CallResult:
    answer: Answer
    dialog: Dialog | None

    @property
    def status(self) -> int:
        return self.answer.status


def new_tag() -> str:
    return secrets.token_hex(6)
