"""A proxy behind an edge: a PBX that registers like a phone, stays in the path, and sends calls on through the same edge."""

import hashlib

from .dns import Address
from .phone import Phone
from .sip import Message, Uri, Via, message_read, name_address_read, via_read
from .udp import Port


class Pbx:
    """Takes the port of a registered phone: calls to that phone's contact go on to `forward_to` instead."""

    def __init__(self, phone: Phone, forward_to: str) -> None:
        self._flow = phone.accounts[0].contact.flows[0]
        self._contact = phone.accounts[0].contact.uri(self._flow.port)
        self._forward_to = forward_to
        self._phone = phone
        self.forwarded: list[str] = []  # methods of the requests that passed
        self._flow.port.on_datagram = self._receive

    def _receive(self, octets: bytes, source: Address, port: Port) -> None:
        if not octets.strip():
            return
        message = message_read(octets)
        if not self._phone.trusted(source):
            self._phone.fail(f"{message.start} from {source}: a stranger")
        elif message.is_request:
            self._forward_request(message, source, port)
        else:
            self._forward_response(message, port)

    def _forward_request(self, request: Message, source: Address, port: Port) -> None:
        self.forwarded.append(request.method)
        routes = request.all("Route")
        if routes and name_address_read(routes[0]).uri.user == self._contact.user:
            routes = routes[1:]
        elif request.target.user == self._contact.user and request.recipient.tag is None:
            request.start = f"{request.method} {self._forward_to} SIP/2.0"
            routes = [f"<{self._flow.proxy}>"]
        else:
            self._phone.fail(f"{request.start} is neither for the PBX nor by way of it")
            return
        request.remove("Route")
        for route in routes:
            request.add("Route", route)
        if request.method in ("INVITE", "SUBSCRIBE", "NOTIFY", "INFO"):
            self._record_route(request)
        branch = hashlib.sha256(request.via.branch.encode()).hexdigest()[:20]
        top = request.via
        top.parameters |= {"received": source[0], "rport": str(source[1])}
        vias = [str(Via("UDP", str(port), {"branch": f"z9hG4bK{branch}", "rport": None})), str(top), *request.all("Via")[1:]]
        request.remove("Via")
        request.headers = [("Via", via) for via in vias] + request.headers
        # All ways from a PBX behind a NAT lead over its flow.
        port.send(request.encode(), self._flow.remote)

    def _record_route(self, request: Message) -> None:
        own = Uri("sip", self._contact.user, self._contact.host, self._contact.port, {"lr": None})
        others = request.all("Record-Route")
        request.remove("Record-Route")
        for value in [f"<{own}>", *others]:
            request.add("Record-Route", value)

    def _forward_response(self, response: Message, port: Port) -> None:
        vias = response.all("Via")[1:]
        response.remove("Via")
        response.headers = [("Via", via) for via in vias] + response.headers
        top = via_read(vias[0])
        port.send(response.encode(), (top.parameters["received"], int(top.parameters["rport"])))
