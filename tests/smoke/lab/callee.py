"""The receiving half of a phone, which distrusts everything it gets.

A phone has accounts (AORs), contacts, and one port a flow. Two accounts may share a contact. Whatever comes to the wrong
account, dialog or port, or from a stranger, is written into `failures`: a lab passes only if there are none.
"""

import asyncio
import secrets
import uuid
import dataclasses
from collections.abc import Awaitable, Callable

from .dialog import Dialog, new_tag
from .dns import Address
from .sip import Message, NameAddress, Uri
from .stream import AnyPort
from .transaction import Server, Transactions

SDP = b"v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
REFRESHING = ("INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY")


@dataclasses.dataclass
class Flow:
    """One way to an edge. reg_id 0: a plain registration, or none."""

    port: AnyPort
    reg_id: int
    proxy: Uri | None  # preloaded Route; None: straight to the domain
    remote: Address | None = None  # the edge that answered


class Contact:
    """A Contact URI's user part and the flows that lead to it."""

    def __init__(self, flows: list[Flow], name: str) -> None:
        self.user = f"{name}-{secrets.token_hex(4)}"
        self.flows = flows

    def ports(self) -> list[AnyPort]:
        return [flow.port for flow in self.flows]

    def uri(self, port: AnyPort, ob: bool = False) -> Uri:
        return Uri("sip", self.user, port.host, port.number, port.transport.parameters | ({"ob": None} if ob else {}))


class Account:
    """An AOR of a phone."""

    def __init__(self, user: str, domain: str, contact: Contact, password: str = "", algorithm: str = "SHA-256") -> None:
        self.user = user
        self.domain = domain
        self.contact = contact
        self.password = password
        self.algorithm = algorithm
        self.call_id = secrets.token_hex(8)
        self.cseq = 0

    @property
    def aor(self) -> Uri:
        return Uri("sip", self.user, self.domain, None, {})


@dataclasses.dataclass
class Arrival:
    """A request as it reached the phone."""

    request: Message
    port: AnyPort
    source: Address

    @property
    def method(self) -> str:
        return self.request.method


class Callee:
    def __init__(self, name: str, trusted: Callable[[Address], bool], outbound: bool) -> None:
        self.name = name
        self.trusted = trusted  # who may send to this phone
        self.outbound = outbound
        self.instance = f"<urn:uuid:{uuid.uuid4()}>"
        self.accounts: list[Account] = []
        self.dialogs: dict[tuple[str, str], Dialog] = {}
        self.arrivals: list[Arrival] = []
        self.failures: list[str] = []
        self.transactions = Transactions(self.fail)
        self.transactions.on_request = self._receive
        self.transactions.on_ack = self._receive_ack
        # What to do with a request that forms a dialog: accept it, unless a lab says otherwise.
        self.on_new: Callable[[Server, Account], Awaitable[None]] = self.accept
        self._unacknowledged: dict[tuple[str, int], Server] = {}
        self._tasks: set[asyncio.Task] = set()

    def add_account(self, account: Account) -> Account:
        for port in account.contact.ports():
            self.transactions.adopt(port)
        self.accounts.append(account)
        return account

    def flows(self) -> list[Flow]:
        contacts = {id(account.contact): account.contact for account in self.accounts}
        return [flow for contact in contacts.values() for flow in contact.flows]

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for port in {flow.port for flow in self.flows()}:
            port.close()

    def fail(self, text: str) -> None:
        self.failures.append(f"{self.name}: {text}")

    def contact_write(self, dialog: Dialog) -> str:
        return f"<{dialog.contact.uri(dialog.port, ob=self.outbound)}>"

    async def accept(self, server: Server, account: Account) -> None:
        """Answer 200, as one end of a new dialog."""
        request = server.request
        dialog = Dialog(request.call_id, NameAddress(request.recipient.uri, {"tag": new_tag()}), request.sender,
                        account.contact, server.port, local_cseq=secrets.randbelow(1000))
        dialog.establish_from_request(request)
        self.dialogs[dialog.key] = dialog
        self._answer_ok(server, dialog)

    async def refuse(self, server: Server, status: int, reason: str) -> None:
        """A final answer that is not 2xx, until its ACK comes."""
        server.answer(status, reason, new_tag())
        if server.request.method == "INVITE":
            self._start(server.repeat_until_acknowledged())

    def _answer_ok(self, server: Server, dialog: Dialog) -> None:
        invite = server.request.method == "INVITE"
        contact = [("Contact", self.contact_write(dialog))] if server.request.method in REFRESHING else []
        server.answer(200, "OK", dialog.local.tag, *contact, body=SDP if invite else b"")
        if invite:
            self._unacknowledged[dialog.call_id, server.request.cseq[0]] = server
            self._start(server.repeat_until_acknowledged())

    def _start(self, work: Awaitable) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Receiving

    def _receive(self, server: Server) -> None:
        request = server.request
        if request.method == "CANCEL":
            self._receive_cancel(server)
        elif request.recipient.tag is None:
            self._receive_new(server)
        else:
            self._receive_in_dialog(server)

    def _receive_new(self, server: Server) -> None:
        request = server.request
        account = self._find_account(request)
        complaint = self._complain(request, server.source, server.port, account.contact if account else None)
        if account is None or complaint:
            self.fail(complaint or f"{request.start} is for nobody here")
            server.answer(404, "Not Found", new_tag())
            return
        self.arrivals.append(Arrival(request, server.port, server.source))
        self._start(self.on_new(server, account))

    def _receive_in_dialog(self, server: Server) -> None:
        request = server.request
        dialog, complaint = self._find_dialog(request, server.source, server.port)
        if dialog is None or complaint:
            self.fail(complaint)
            server.answer(481, "Call Does Not Exist", new_tag())
            return
        self.arrivals.append(Arrival(request, server.port, server.source))
        dialog.remote_cseq = request.cseq[0]
        if request.method in REFRESHING:
            dialog.refresh(request)
        dialog.ended = dialog.ended or request.method == "BYE"
        self._answer_ok(server, dialog)

    def _receive_ack(self, ack: Message, source: Address, port: AnyPort) -> None:
        dialog, complaint = self._find_dialog(ack, source, port)
        if dialog is None or complaint:
            self.fail(complaint)
            return
        self.arrivals.append(Arrival(ack, port, source))
        server = self._unacknowledged.pop((ack.call_id, ack.cseq[0]), None)
        if server is not None:
            server.acknowledged.set()

    def _receive_cancel(self, server: Server) -> None:
        invite = self.transactions.find_server(server.request, "INVITE")
        if invite is None:
            self.fail(f"{server.request.start} of no INVITE here")
            server.answer(481, "Call Does Not Exist", new_tag())
            return
        self.arrivals.append(Arrival(server.request, server.port, server.source))
        server.answer(200, "OK", new_tag())
        if invite.response is None or invite.response.status < 200:
            self._start(self.refuse(invite, 487, "Request Terminated"))

    # Checking

    def _find_account(self, request: Message) -> Account | None:
        """By the request-URI; of several accounts on that contact the one in To."""
        found = [account for account in self.accounts if account.contact.user == request.target.user]
        named = [account for account in found if account.user == request.recipient.uri.user]
        return next(iter(named or found), None)

    def _find_dialog(self, request: Message, source: Address, port: AnyPort) -> tuple[Dialog | None, str]:
        dialog = self.dialogs.get((request.call_id, request.recipient.tag or ""))
        if dialog is None:
            return None, f"{request.start} of a dialog that is not mine (Call-ID {request.call_id})"
        if dialog.remote.tag is None:
            # A NOTIFY before the 2xx to its SUBSCRIBE establishes the dialog (RFC 6665 section 4.4.1).
            dialog.remote = request.sender
            dialog.establish_from_request(request)
            dialog.remote_cseq = -1
        return dialog, self._complain(request, source, port, dialog.contact) or dialog.complaint(request) or ""

    def _complain(self, request: Message, source: Address, port: AnyPort, contact: Contact | None) -> str | None:
        """What no user agent may ever see, dialog or not."""
        what = f"{request.start} from {source[0]}:{source[1]}"
        if not self.trusted(source):
            return f"{what}: a stranger"
        if request.all("Route"):
            return f"{what}: a Route is left: {request.get('Route')}"
        if request.via.transport != port.transport.via:
            return f"{what} came over {port.transport.via}, and its Via says {request.via.transport}"
        if contact is not None and request.target.user != contact.user:
            return f"{what}: not my contact {contact.user}"
        if contact is not None and port not in contact.ports():
            return f"{what} came to {port}, which is no flow of that contact"
        return None
