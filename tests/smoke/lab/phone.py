"""A user agent that keeps several outbound flows (RFC 5626), follows RFC 3263 to the next target, and makes calls."""

import asyncio
import secrets
import time
from collections.abc import Callable

from . import digest
from .callee import SDP, Account, Callee, Contact, Flow
from .dialog import CallResult, Dialog, new_tag
from .dns import Address, Resolver
from .sip import Message, NameAddress, Uri, name_address_read, uri_read
from .stream import PING_OCTETS, AnyPort
from .transaction import Answer, Client
from .transport import transport_named

__all__ = ["Account", "Contact", "Flow", "Phone"]

KEEPALIVE_S = 20.0


class Phone(Callee):
    def __init__(self, name: str, resolver: Resolver, trusted: Callable[[Address], bool], outbound: bool = True) -> None:
        super().__init__(name, trusted, outbound)
        self.resolver = resolver
        self.web_hosts: list[str] = []  # tried in turn when one cannot be had: WebSocket has no SRV records
        self.returns = False  # a flow that ends is replaced at once: connected and registered again (RFC 5626 section 4.5)
        self.lost: list[tuple[int, Address, str]] = []  # flows that ended: reg-id, where to, why
        self._returning = 0
        self.transactions.on_lost = self._lose
        self._keepalive: asyncio.Task | None = None

    def close(self) -> None:
        if self._keepalive is not None:
            self._keepalive.cancel()
        super().close()

    # Registration

    async def register(self, account: Account, flow: Flow, expires_s: int = 600) -> Answer:
        """Register over one flow, answering a challenge; the flow then leads to the edge that answered."""
        targets = await self._locate(flow.proxy or account.aor, flow.port)
        answer = await self.transactions.request(self._register_write(account, flow, expires_s), targets, lambda _: flow.port)
        if answer.status == 401:
            challenge = digest.challenge_choose(answer.response.all("WWW-Authenticate"), account.algorithm)
            if challenge is None:
                self.fail(f"no challenge for {account.algorithm}")
                return answer
            again = self._register_write(account, flow, expires_s)
            uri = again.start.split(" ")[1]
            again.add("Authorization", digest.answer_write(challenge, "REGISTER", uri, account.user, account.password))
            challenged, answer = answer, await self.transactions.request(again, [answer.source], lambda _: flow.port)
            answer.attempts = challenged.attempts + answer.attempts
            answer.elapsed_s += challenged.elapsed_s
        if answer.status == 200:
            flow.remote = answer.source
            self._check_registered(account, flow, answer.response, expires_s)
        return answer

    def _register_write(self, account: Account, flow: Flow, expires_s: int) -> Message:
        account.cseq += 1
        message = Message(f"REGISTER sip:{account.domain} SIP/2.0")
        if flow.proxy is not None:
            message.add("Route", f"<{flow.proxy}>")
        message.add("Max-Forwards", "70")
        message.add("From", f"<{account.aor}>;tag={new_tag()}")
        message.add("To", f"<{account.aor}>")
        message.add("Call-ID", account.call_id)
        message.add("CSeq", f"{account.cseq} REGISTER")
        contact = f"<{account.contact.uri(flow.port)}>"
        if self.outbound:
            contact += f';+sip.instance="{self.instance}"'
            contact += f";reg-id={flow.reg_id}" if flow.reg_id else ""
        message.add("Contact", contact)
        message.add("Expires", str(expires_s))
        message.add("Supported", "path, outbound" if self.outbound else "path")
        return message

    def _check_registered(self, account: Account, flow: Flow, response: Message, expires_s: int) -> None:
        users = [name_address_read(value).uri.user for value in response.all("Contact")]
        if expires_s > 0 and account.contact.user not in users:
            self.fail(f"registered {account.user}, and the contact is not in the answer")
        if expires_s > 0 and self.outbound and flow.reg_id and "outbound" not in response.all("Require"):
            self.fail(f"registered {account.user} with reg-id {flow.reg_id}, and the answer does not require outbound")

    def keep_alive(self) -> None:
        """Double CRLF over every registered flow, for as long as the phone lives; a stream's must be answered."""
        async def forever() -> None:
            while True:
                await asyncio.sleep(KEEPALIVE_S)
                await asyncio.gather(*(self.ping(flow) for flow in self.flows() if flow.remote is not None))
        self._keepalive = asyncio.get_running_loop().create_task(forever())

    async def ping(self, flow: Flow) -> None:
        if not flow.port.transport.stream:
            flow.port.send(PING_OCTETS, flow.remote)
        elif await flow.port.connect(flow.remote).ping() is None:
            self.fail(f"no pong from {flow.remote[0]} over {flow.port.transport.via}")

    def _lose(self, port: AnyPort, target: Address, why: str) -> None:
        """A connection ended; a flow of ours may have ended with it."""
        for flow in self.flows():
            if flow.port is port and flow.remote == target:
                flow.remote = None
                self.lost.append((flow.reg_id, target, why))
                if self.returns:
                    self._returning += 1
                    self._start(self._return(flow))

    async def _return(self, flow: Flow) -> None:
        for account in self.accounts:
            if flow in account.contact.flows:
                answer = await self.register(account, flow)
                if answer.status != 200:
                    self.fail(f"{account.user} cannot register again: {answer.status or 'no answer'}")
        self._returning -= 1

    async def returned(self, patience_s: float) -> bool:
        """Whether all flows lead somewhere again, with all their accounts, within that time."""
        end = time.monotonic() + patience_s
        while time.monotonic() < end and not self._is_back():
            await asyncio.sleep(0.01)
        return self._is_back()

    def _is_back(self) -> bool:
        return self._returning == 0 and all(flow.remote is not None for flow in self.flows())

    # Sending

    async def invite(self, account: Account, target: str, flow: Flow | None = None,
                     on_start: Callable[[Client], None] | None = None) -> CallResult:
        """Call somebody; a dialog comes of a 2xx, and its ACK is sent."""
        return await self.create("INVITE", account, target, flow, SDP, on_start)

    async def create(self, method: str, account: Account, target: str, flow: Flow | None = None, body: bytes = b"",
                     on_start: Callable[[Client], None] | None = None, **headers: str) -> CallResult:
        """Send a dialog-forming request."""
        flow = flow or account.contact.flows[0]
        dialog = Dialog(secrets.token_hex(8), NameAddress(account.aor, {"tag": new_tag()}),
                        NameAddress(uri_read(target), {}), account.contact, flow.port)
        dialog.route_set = [f"<{flow.proxy}>"] if flow.proxy is not None else []
        dialog.target = uri_read(target)
        # Known before the answer: a NOTIFY may come first (RFC 6665 section 4.1.2.4).
        self.dialogs[dialog.key] = dialog
        message = dialog.request_write(method, self.contact_write(dialog), body)
        for name, value in headers.items():
            message.add(name, value)
        answer = await self.transactions.request(message, await self._locate(dialog.next_hop(), dialog.port),
                                                 self._port_for(dialog), on_start)
        if not 200 <= answer.status < 300:
            return CallResult(answer, None)
        if dialog.remote.tag is None:
            dialog.establish_from_response(answer.response)
        if method == "INVITE":
            await self._acknowledge(dialog, answer)
        return CallResult(answer, dialog)

    async def request(self, dialog: Dialog, method: str, body: bytes = b"", targets: list[Address] | None = None) -> Answer:
        """Send a request in a dialog. `targets`: not where its route leads, but there."""
        contact = self.contact_write(dialog) if method in ("INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY") else None
        message = dialog.request_write(method, contact, body or (SDP if method == "INVITE" else b""))
        if method == "BYE":
            dialog.ended = True
        targets = targets or await self._locate(dialog.next_hop(), dialog.port)
        answer = await self.transactions.request(message, targets, self._port_for(dialog))
        if method == "INVITE" and 200 <= answer.status < 300:
            dialog.refresh(answer.response)
            await self._acknowledge(dialog, answer)
        return answer

    async def _acknowledge(self, dialog: Dialog, answer: Answer) -> None:
        ack = dialog.request_write("ACK")
        targets = await self._locate(dialog.next_hop(), dialog.port)
        self.transactions.send_ack(ack, answer.client, targets, self._port_for(dialog))

    async def _locate(self, uri: Uri, port: AnyPort) -> list[Address]:
        """Where a URI leads; it must name what the phone's own flow is made of, since it has no other."""
        secure = uri.scheme == "sips" or port.transport.secure and port.transport.web
        wanted = transport_named(uri.parameters.get("transport"), secure)
        if wanted != port.transport:
            self.fail(f"{uri} leads over {wanted.via}, and the flow is {port.transport.via}")
        hosts = [uri.host, *(host for host in self.web_hosts if host != uri.host)] if port.transport.web else [uri.host]
        return [target for host in hosts for target in await self.resolver.locate(host, uri.port, port.transport)]

    def _port_for(self, dialog: Dialog) -> Callable[[Address], AnyPort]:
        """An outbound phone sends over its flow to that edge, if it has one (RFC 5626 section 4.3)."""
        def choose(target: Address) -> AnyPort:
            return next((flow.port for flow in dialog.contact.flows if flow.remote == target), dialog.port)
        return choose
