"""An edge pair on a bench: phones and a core that are bare sockets, in both families, so that every octet can be looked at."""

import dataclasses
import uuid

from .cluster import Cluster
from .dns import Address
from .drivers import Driver
from .edge import Served
from .house import ACCESS, CORE, CORE_HOST, SIP_PORT, access_name, core_side_name
from .scenario import SetupError
from .sip import Message, message_read, name_address_read, response_write
from .stand import Stand, request_write
from .transport import UDP, Transport

ACCESS6 = "2001:db8:a::"
CORE6 = "2001:db8:c::"
PHONES_HOST = 50
PHONES = 8
DOMAIN = "weir.test"
HOME, OTHER = 1, 2


@dataclasses.dataclass
class Phone:
    """A registered socket."""

    stand: Stand
    user: str
    edge: int
    instance: str
    contact: str
    path: str = ""  # of its REGISTER, as the core got it
    response: Message | None = None  # the 2xx, as the phone got it

    @property
    def aor(self) -> str:
        return f"sip:{self.user}@{DOMAIN}"


@dataclasses.dataclass
class Dialog:
    """A call of a phone with the core, which answers itself: what either side needs for the next request."""

    phone: Phone
    call_id: str
    invite: Message  # as the core got it
    routes: tuple[str, ...]  # of the core's requests; the phone's are these backwards

    @property
    def tag(self) -> str:
        return self.invite.sender.tag or ""


class Bench(Cluster):
    """`family6`: the core has an IPv6 address, too, and the edges core listeners for it."""

    def __init__(self, transports: tuple[Transport, ...] = (UDP,), driver: Driver = Driver.SOCKET) -> None:
        super().__init__((HOME, OTHER), transports, driver)
        self.phones_space = self.network.space("phones")
        hosts = range(PHONES_HOST, PHONES_HOST + PHONES)
        self.network.cable(self.phones_space, "eth0", "access", *(f"{ACCESS}{host}/24" for host in hosts))
        for edge, space in self.edge_spaces.items():
            address_add(space, "access", f"{ACCESS6}{edge}/64")
            address_add(space, "core", f"{CORE6}{edge}/64")
        address_add(self.core_space, "core", f"{CORE6}{CORE_HOST}/64")
        for host in hosts:
            address_add(self.phones_space, "eth0", f"{ACCESS6}{host}/64")
        self.stands: list[Stand] = []
        self.core_stand: Stand | None = None

    def edge_configuration(self, edge: int, peers: list[int], cluster: str, keys: str) -> dict:
        settings = super().edge_configuration(edge, peers, cluster, keys)
        names = {"access": access_name(edge), "core": core_side_name(edge)}
        for side, prefix in (("access", ACCESS6), ("core", CORE6)):
            settings["listeners"].append({"name": f"{side}6", "side": side, "transport": "udp",
                                          "address": f"'[{prefix}{edge}]:{SIP_PORT}'", "advertise": names[side],
                                          "allow": [f"'{CORE6}/64'"] if side == "core" else None})
        return settings

    async def start(self) -> None:
        self.core_stand = self.stand(self.core_space, f"{CORE}{CORE_HOST}", SIP_PORT, answers_probes=True)
        await self.start_names()
        for edge in self.weir.values():
            await edge.start()
        for edge in self.weir.values():
            await edge.wait_ready()
        for edge in self.weir.values():
            for peer in edge.settings["cluster"]["peers"]:
                await edge.wait_peer(peer["id"], "up")
        self.served = Served(list(self.weir.values()))

    def stand(self, space: object, host: str, port: int = 0, answers_probes: bool = False) -> Stand:
        stand = Stand(space, (host, port), answers_probes)
        self.stands.append(stand)
        return stand

    def phone_stand(self, host: int = PHONES_HOST, family6: bool = False, port: int = 0) -> Stand:
        return self.stand(self.phones_space, f"{ACCESS6 if family6 else ACCESS}{host}", port)

    def access(self, edge: int = HOME, stand: Stand | None = None) -> Address:
        """Where a phone sends to, in its family."""
        return (f"{ACCESS6 if stand and ':' in stand.host else ACCESS}{edge}", SIP_PORT)

    def inner(self, edge: int = HOME) -> Address:
        return f"{CORE}{edge}", SIP_PORT

    def close(self) -> None:
        for stand in self.stands:
            stand.close()
        super().close()

    # What labs do again and again

    def register_write(self, stand: Stand, user: str, instance: str, *, reg_id: int = 1, via: str = "", expires: int = 600,
                       supported: str = "path, outbound", contact: str = "", more: tuple[tuple[str, str], ...] = ()) -> Message:
        contact = f'<{contact or contact_of(user, stand)}>;+sip.instance="<{instance}>";reg-id={reg_id}'
        return request_write(stand, "REGISTER", f"sip:{DOMAIN}", sender=f"<sip:{user}@{DOMAIN}>;tag=r",
                             recipient=f"<sip:{user}@{DOMAIN}>", via=via,
                             more=(("Contact", contact), ("Expires", str(expires)), ("Supported", supported), *more))

    async def register(self, user: str, edge: int = HOME, host: int = PHONES_HOST, family6: bool = False, stand: Stand | None = None,
                       instance: str = "", via: str = "", outbound: bool = True, behind: str = "") -> Phone:
        """A phone that the core has accepted. `behind`: the private address that it believes it has."""
        stand = stand or self.phone_stand(host, family6)
        contact = f"sip:{user}@{behind}" if behind else contact_of(user, stand)
        phone = Phone(stand, user, edge, instance or f"urn:uuid:{uuid.uuid4()}", contact)
        stand.send(self.register_write(stand, user, phone.instance, via=via, contact=contact), self.access(edge, stand))
        request, source = await self.at_core("REGISTER")
        phone.path = next(iter(request.all("Path")), "")
        self.core_stand.send(self.registered_write(request, source, outbound), source)
        phone.response = await stand.message()
        if phone.response is None or phone.response.status != 200:
            raise SetupError(f"{user} cannot register: {phone.response and phone.response.start}")
        return phone

    @staticmethod
    def registered_write(request: Message, source: Address, outbound: bool = True) -> Message:
        """The registrar's 2xx."""
        response = response_write(request, 200, "OK", source, "reg")
        for value in request.all("Contact"):
            response.add("Contact", f"{value};expires={request.get('Expires') or 600}")
        for value in request.all("Path"):
            response.add("Path", value)
        if outbound:
            response.add("Require", "outbound")
        return response

    async def at_core(self, method: str) -> tuple[Message, Address]:
        """The next request at the core, which must be of that method."""
        came = await came_message(self.core_stand)
        if came is None or not came[0].start.startswith(method + " "):
            raise SetupError(f"no {method} came to the core{': ' + came[0].start if came else ''}")
        return came

    async def call(self, phone: Phone, call_id: str = "") -> Dialog:
        """INVITE, 200 and no ACK: enough of a dialog for whoever looks at single requests."""
        invite = request_write(phone.stand, "INVITE", f"sip:far@{DOMAIN}", sender=f"<{phone.aor}>;tag=a", call_id=call_id,
                               recipient=f"<sip:far@{DOMAIN}>", more=(("Contact", f"<{phone.contact};ob>"),))
        phone.stand.send(invite, self.access(phone.edge, phone.stand))
        request, source = await self.at_core("INVITE")
        response = response_write(request, 200, "OK", source, "far")
        response.add("Contact", f"<sip:far@{self.core_stand}>")
        self.core_stand.send(response, source)
        if await phone.stand.message() is None:
            raise SetupError("no answer to INVITE")
        return Dialog(phone, request.call_id, request, tuple(request.all("Record-Route")))

    def toward_phone(self, dialog: Dialog, method: str, cseq: int = 1, **how: object) -> Message:
        """A request of the core's in the dialog."""
        how.setdefault("routes", dialog.routes)
        return request_write(self.core_stand, method, dialog.phone.contact, call_id=dialog.call_id, cseq=cseq,
                             sender=f"<sip:far@{DOMAIN}>;tag=far", recipient=f"<{dialog.phone.aor}>;tag={dialog.tag}", **how)

    def toward_core(self, dialog: Dialog, method: str, cseq: int = 2, **how: object) -> Message:
        """A request of the phone's in the dialog."""
        how.setdefault("routes", tuple(reversed(dialog.routes)))
        how.setdefault("target", f"sip:far@{self.core_stand}")
        target = how.pop("target")
        return request_write(dialog.phone.stand, method, target, call_id=dialog.call_id, cseq=cseq,
                             sender=f"<{dialog.phone.aor}>;tag={dialog.tag}", recipient=f"<sip:far@{DOMAIN}>;tag=far", **how)


def contact_of(user: str, stand: Stand) -> str:
    return f"sip:{user}@{stand}"


def token_of(route: str) -> str:
    return name_address_read(route).uri.user or ""


async def came_message(stand: Stand) -> tuple[Message, Address] | None:
    came = await stand.take()
    if came is None:
        return None
    return message_read(came[0]), came[1]


def address_add(space: object, device: str, address: str) -> None:
    """IPv6 without waiting for duplicates to be looked for."""
    space.ip("address", "add", address, "dev", device, "nodad")
