"""lab core_streams: the core role over TCP and TLS: phones that are connected to it, edges that it connects to, strict routers."""

import asyncio
import secrets
import signal
import socket
import time

from lab import runner
from lab.certificates import Authority
from lab.cluster import Cluster
from lab.dialog import new_tag
from lab.drivers import Driver
from lab.edge import wait_until
from lab.house import (CORE, CORE_HOST, CORE_NAME, DOMAIN, OUTSIDE_HOST, PASSWORD, SIP_PORT, access_name,
                       core_side_name)
from lab.nat import NatBox, NatMode
from lab.phone import Account, Contact, Flow, Phone
from lab.played import PlayedEdge, StrictRouter, message_write
from lab.report import Report
from lab.scenario import SetupError, exchange, make_call
from lab.sip import Message, Uri
from lab.stream import StreamPort
from lab.transaction import Answer, Server
from lab.transport import TCP, TLS, UDP, Transport

DRAWING = r"""
   phones - NAT -+- edge1 --- UDP -+
                 +- edge2 --- TCP -+
                 +- edge3 --- TLS -+
   edges that the lab plays - TCP -+-- core -- UDP -- the outside party
   phones -------- TCP, TLS -------+
"""

ONE, TWO, THREE = 1, 2, 3
UPSTREAM = {ONE: UDP, TWO: TCP, THREE: TLS}  # what an edge speaks with the core
TEAM = "team"
LARGE_OCTETS = 20000
AT_ONCE_S = 0.3
HERE, THERE = f"{CORE}{OUTSIDE_HOST}", (f"{CORE}{CORE_HOST}", SIP_PORT)


class House(Cluster):
    def __init__(self, driver: Driver = Driver.SOCKET) -> None:
        super().__init__(edges=tuple(UPSTREAM), driver=driver)
        self.authority = Authority(f"{self.folder}/authority")
        for transport in (TCP, TLS):
            self.zone.add_service(CORE_NAME, (10, CORE_NAME), transport=transport)
        # Strangers to each other, so that what one has lost the other cannot make good.
        for edge, transport in UPSTREAM.items():
            self.zone.add_service(access_name(edge), (10, f"access{edge}.test"))
            self.zone.add_service(core_side_name(edge), (10, f"inner{edge}.test"), transport=transport)

    def edge_configuration(self, edge: int, peers: list[int], cluster: str, keys: str) -> dict:
        settings = super().edge_configuration(edge, peers, cluster, keys)
        transport = UPSTREAM[edge]
        if transport.stream:
            settings["upstream"]["targets"] = [f"sip:{CORE_NAME};transport={transport.name}"]
            settings["listeners"].append({"name": "core-stream", "side": "core", "transport": transport.name,
                                          "address": f"{CORE}{edge}:{transport.port}", "allow": [f"{CORE}0/24"],
                                          "advertise": core_side_name(edge), "tls": "core" if transport.secure else None})
        if transport.secure:
            certificate, key = self.authority.issue(f"edge{edge}-core", [core_side_name(edge)])
            settings["tls"].append({"name": "core", "certificate": certificate, "key": key, "ca": self.authority.certificate,
                                    "client-auth": "optional"})
        return settings

    def make_streaming_core(self) -> None:
        self.make_core([], record_route=True)
        certificate, key = self.authority.issue("core", [CORE_NAME])
        settings = self.core.settings
        settings["listeners"] += [
            {"name": item.name, "side": "core", "transport": item.name, "address": f"{CORE}{CORE_HOST}:{item.port}",
             "tls": "core" if item.secure else None} for item in (TCP, TLS)]
        settings["tls"] = [{"name": "core", "certificate": certificate, "key": key, "ca": self.authority.certificate,
                            "client-auth": "optional"}]

    def issue(self, edge: int) -> tuple[str, str]:
        return self.authority.issue(f"edge{edge}", [f"edge{edge}.test", "edge.test"])

    def connected(self, name: str, transport: Transport, user: str | None = None) -> tuple[Phone, Account]:
        """A phone with outbound whose flow is a connection to the core."""
        phone = Phone(name, self.resolver(self.outside_space, CORE), lambda source: source[0] == THERE[0])
        context = self.authority.client_context() if transport.secure else None
        port = StreamPort(lambda: self.outside_space.socket(kind=socket.SOCK_STREAM), HERE, transport, context, CORE_NAME)
        flow = Flow(port, 1, Uri("sip", None, CORE_NAME, None, transport.parameters | {"lr": None}))
        account = phone.add_account(Account(user or name, DOMAIN, Contact([flow], name), PASSWORD))
        self.phones.append(phone)
        return phone, account


class Scene:
    def __init__(self, house: House, report: Report) -> None:
        self.house = house
        self.report = report
        self.outside: tuple[Phone, Account] | None = None

    async def run(self) -> None:
        self.house.make_edges([ONE], "one.test")
        self.house.make_edges([TWO], "two.test")
        self.house.make_edges([THREE], "three.test")
        self.house.make_streaming_core()
        nat = self.house.add_nat("nat", NatMode.PRESERVING)
        await self.house.start()
        self.outside = self.house.outside("outside")
        await self.house.register_outside(*self.outside)
        behind = self.house.add_phone("behind", nat, [["behind", TEAM]], {1: ONE})
        await self.house.settle(behind)
        connected = {}
        for transport in (TCP, TLS):
            connected[transport] = await self.connected(transport)
        await self.forked([behind, connected[TCP][0], connected[TLS][0]])
        await self.large(connected[TCP], connected[TLS], behind)
        await self.reloaded(connected[TLS][0])
        await self.strict()
        for transport in (TCP, TLS):
            await self.lost(transport, connected[transport])
        await self.killed()
        await self.edges(nat)

    def status(self) -> dict:
        return self.house.core.status()["core"]

    def counted(self, name: str) -> int:
        return self.status()[f"{name}_count"]

    async def connected(self, transport: Transport) -> tuple[Phone, Account]:
        """Register, be called, hang up from either side, keep alive."""
        phone, account = self.house.connected(f"phone-{transport.name}", transport)
        flow = account.contact.flows[0]
        phone.add_account(Account(TEAM, DOMAIN, account.contact, PASSWORD))
        complaints = await self.house.register_all(phone)
        answer = await phone.register(account, flow)
        if answer.status == 200 and answer.response.get("Flow-Timer") != "120":
            complaints.append(f"Flow-Timer: {answer.response.get('Flow-Timer') or 'none'}")
        self.report.case(f"a phone registers over {transport.via}, and its connection is a flow", complaints + self.house.failures())
        for sender in ("caller", "callee"):
            call = await make_call(*self.outside, phone, account.user, DOMAIN)
            again = await exchange(*call.ends("callee"), "INVITE")
            ended = await exchange(*call.ends(sender), "BYE")
            self.report.case(f"it is called from UDP, sends a re-INVITE, and the {sender} hangs up",
                             again.complaints + ended.complaints + self.house.failures(), "", ended.elapsed_s)
        pong = await flow.port.connect(flow.remote).ping()
        self.report.case("its keep-alive is answered", [] if pong is not None else ["no pong"], "", pong)
        return phone, account

    async def forked(self, team: list[Phone]) -> None:
        servers: dict[str, Server] = {}
        ringing = asyncio.Event()
        seen = [len(phone.arrivals) for phone in team]
        winner = team[-1]

        def ring(phone: Phone):
            async def act(server: Server, account: Account) -> None:
                servers[phone.name] = server
                server.answer(180, "Ringing", new_tag())
                if len(servers) == len(team):
                    ringing.set()
                if phone is winner:
                    await ringing.wait()
                    await phone.accept(server, account)
            return act

        for phone in team:
            phone.on_new = ring(phone)
        caller, account = self.outside
        result = await caller.invite(account, f"sip:{TEAM}@{DOMAIN}")
        complaints = [] if result.status == 200 else [f"INVITE: {result.status or 'no answer'}"]
        await asyncio.sleep(0.3)
        for phone, before in zip(team, seen):
            phone.on_new = phone.accept
            methods = [arrival.method for arrival in phone.arrivals[before:]]
            wanted = ["INVITE", "ACK"] if phone is winner else ["INVITE", "CANCEL"]
            if methods != wanted:
                complaints.append(f"{phone.name} got {methods}, not {wanted}")
        if result.dialog is not None:
            await caller.request(result.dialog, "BYE")
        self.report.case("phones on UDP (an edge), TCP and TLS ring together; one wins, the others are cancelled",
                         complaints + self.house.failures(), "", result.answer.elapsed_s)

    async def send_large(self, what: str, sender: tuple[Phone, Account], receiver: Phone, octets: int, upgraded: int) -> None:
        phone, account = sender
        body = secrets.token_hex(octets // 2).encode()
        seen, before = len(receiver.arrivals), self.counted("large")
        result = await phone.create("MESSAGE", account, f"sip:{receiver.accounts[0].user}@{DOMAIN}", body=body)
        complaints = [] if result.status == 200 else [f"MESSAGE: {result.status or 'no answer'}"]
        if [arrival.request.body for arrival in receiver.arrivals[seen:]] != [body]:
            complaints.append(f"{receiver.name} did not get it once and whole")
        if self.counted("large") - before != upgraded:
            complaints.append(f"the core tried TCP for it {self.counted('large') - before} times, not {upgraded}")
        self.report.case(what, complaints + self.house.failures(), "", result.answer.elapsed_s)

    async def large(self, tcp: tuple[Phone, Account], tls: tuple[Phone, Account], behind: Phone) -> None:
        await self.send_large(f"a message of {LARGE_OCTETS} octets from TCP to TLS", tcp, tls[0], LARGE_OCTETS, 0)
        await self.send_large(f"a message of {LARGE_OCTETS} octets from TLS to TCP", tls, tcp[0], LARGE_OCTETS, 0)
        await self.send_large("one of 3000 to an edge that refuses TCP goes by UDP", tcp, behind, 3000, 1)
        await self.send_large("the next one at once", tcp, behind, 3000, 0)

    async def reloaded(self, phone: Phone) -> None:
        """New certificates are for who connects from now on."""
        flow = phone.flows()[0]
        old = flow.port.connect(flow.remote)
        serial = old.serial
        self.house.authority.issue("core", [CORE_NAME])
        self.house.core.process.signal(signal.SIGHUP)
        late, account = self.house.connected("late", TLS)
        complaints = []
        for _ in range(20):
            await asyncio.sleep(0.1)
            await late.register(account, account.contact.flows[0])
            connection = account.contact.flows[0].port.connect(account.contact.flows[0].remote)
            if connection.serial != serial:
                break
            connection.close()
        else:
            complaints.append("who connects is still shown the old certificate")
        if await old.ping(2) is None:
            complaints.append("the connection that was there does not answer any more")
        self.report.case("SIGHUP: new connections see the new certificate, old ones stay", complaints + self.house.failures())

    async def strict(self) -> None:
        phone, account = self.outside
        port = account.contact.flows[0].port
        router = StrictRouter(self.house.outside_space, HERE)
        here = f"sip:{HERE}:{router.port.number}"

        async def ask(message: Message) -> Answer:
            return await phone.transactions.request(message, [THERE], lambda _: port)

        answer = await ask(message_write("sip:bob@192.0.2.99", f"<sip:{CORE_NAME};lr>", f"<{here}>"))
        complaints = [] if answer.status == 200 else [f"{answer.status or 'no answer'}"]
        for request in router.requests:
            if str(request.target) != here or request.all("Route") != ["<sip:bob@192.0.2.99>"]:
                complaints.append(f"it got {request.start} and Routes {request.all('Route')}")
        self.report.case("a strict router finds itself in the request-URI, the destination in the last Route", complaints, "",
                         answer.elapsed_s)
        router.requests.clear()
        answer = await ask(message_write(f"sip:{CORE_NAME};lr", f"<sip:bob@{HERE}:{router.port.number}>"))
        complaints = [] if answer.status == 200 else [f"{answer.status or 'no answer'}"]
        for request in router.requests:
            if request.target.user != "bob" or request.all("Route"):
                complaints.append(f"it got {request.start} and Routes {request.all('Route')}")
        self.report.case("what a strict router sends goes to the last Route", complaints, "", answer.elapsed_s)
        router.port.close()

    async def lost(self, transport: Transport, connected: tuple[Phone, Account]) -> None:
        phone, account = connected
        flow = account.contact.flows[0]
        before = self.counted("flows_closed")
        flow.port.connect(flow.remote).reset()
        await wait_until(lambda: self.counted("flows_closed") == before + 2, 2, "both bindings of the phone to be over")
        result = await self.outside[0].invite(self.outside[1], f"sip:{account.user}@{DOMAIN}")
        complaints = [] if result.status == 480 else [f"INVITE: {result.status or 'no answer'}, not 480"]
        if result.answer.elapsed_s > AT_ONCE_S:
            complaints.append("not at once")
        self.report.case(f"its {transport.via} connection is reset: the next call is answered 480 at once",
                         complaints + self.house.failures(), "", result.answer.elapsed_s)
        await self.house.register_all(phone)
        call = await make_call(*self.outside, phone, account.user, DOMAIN)
        ended = await exchange(*call.ends("caller"), "BYE")
        self.report.case("it connects and registers again, and is called", ended.complaints + self.house.failures(), "", ended.elapsed_s)

    async def killed(self) -> None:
        """Two played edges with a flow each; the newer one dies with the request in its hands."""
        phone, account = self.outside
        edges = [PlayedEdge(self.house.outside_space, HERE, 486), PlayedEdge(self.house.outside_space, HERE, None)]
        for reg_id, edge in enumerate(edges, 1):
            await edge.start()
            await self.register_behind(edge, reg_id)
        calling = asyncio.create_task(phone.invite(account, f"sip:roamer@{DOMAIN}"))
        await asyncio.wait_for(edges[1].came.wait(), 5)
        edges[1].kill()
        began = time.monotonic()
        result = await asyncio.wait_for(calling, 10)
        spent = time.monotonic() - began
        complaints = [] if result.status == 486 else [f"INVITE: {result.status or 'no answer'}, not 486"]
        complaints += [] if spent < AT_ONCE_S else ["not at once"]
        complaints += [] if [item.method for item in edges[0].requests][:1] == ["INVITE"] else ["the other edge got no INVITE"]
        if "transport=tcp" not in edges[1].requests[0].get("Route"):
            complaints.append(f"its Route was {edges[1].requests[0].get('Route')}")
        self.report.case("an edge dies with a request that came by TCP: the next flow at once", complaints, "", spent)
        result = await phone.invite(account, f"sip:roamer@{DOMAIN}")
        complaints = [] if result.status == 486 else [f"INVITE: {result.status or 'no answer'}, not 486"]
        complaints += [] if result.answer.elapsed_s < AT_ONCE_S else ["not at once"]
        self.report.case("and so is the next call, whose connection it refuses", complaints, "", result.answer.elapsed_s)
        edges[0].kill()

    async def edges(self, nat: NatBox) -> None:
        """Phones with a flow at an edge that speaks TCP or TLS with the core, and an older one at edge1; then that edge dies."""
        phones = {}
        for edge in (TWO, THREE):
            via = UPSTREAM[edge].via
            phones[edge] = phone = self.house.add_phone(f"mobile{edge}", nat, [[f"mobile{edge}"]], {1: edge, 2: ONE})
            before = self.status()
            await self.settle_soon(phone)
            for sender in ("caller", "callee"):
                await self.called_behind(phone, via, sender)
            await self.send_large(f"a message of {LARGE_OCTETS // 2} octets takes that way", self.outside, phone, LARGE_OCTETS // 2, 0)
            opened, accepted = (self.counted(name) - before[f"{name}_count"] for name in ("connections_opened", "connections_accepted"))
            wanted = 0 if via == "TLS" else 1
            self.report.case("all that by one connection of the core's" if wanted else
                             "all that by the connection that the edge has opened, since both have shown certificates (RFC 5923)",
                             [] if (opened, accepted) == (wanted, 0) else [f"{opened} opened, {accepted} accepted meanwhile"])
        for edge, phone in phones.items():
            await self.dies(edge, phone)

    async def settle_soon(self, phone: Phone) -> None:
        """An edge that has no connection to the core answers 503 until it has one again."""
        for _ in range(10):
            try:
                await self.house.settle(phone)
                return
            except SetupError as error:
                self.report.note(f"not yet: {error}")
                await asyncio.sleep(1.0)
        await self.house.settle(phone)

    async def dies(self, edge: int, phone: Phone) -> None:
        caller, account = self.outside
        await self.house.weir[edge].kill()
        result = await caller.invite(account, f"sip:mobile{edge}@{DOMAIN}")
        complaints = [] if result.status == 200 else [f"INVITE: {result.status or 'no answer'}"]
        complaints += [] if result.answer.elapsed_s < AT_ONCE_S else ["not at once"]
        if result.dialog is not None:
            complaints += [] if phone.arrivals[-1].port is phone.flows()[1].port else ["not by the flow at edge1"]
            await caller.request(result.dialog, "BYE")
        self.report.case(f"the edge that speaks {UPSTREAM[edge].via} is killed: the next flow at once", complaints + self.house.failures(), "",
                         result.answer.elapsed_s)

    async def called_behind(self, phone: Phone, via: str, sender: str) -> None:
        seen = len(phone.arrivals)
        call = await make_call(*self.outside, phone, phone.accounts[0].user, DOMAIN)
        again = await exchange(*call.ends("callee"), "INVITE")
        ended = await exchange(*call.ends(sender), "BYE")
        complaints = again.complaints + ended.complaints
        if {arrival.port for arrival in phone.arrivals[seen:]} != {phone.flows()[0].port}:
            complaints.append("not by the flow at that edge")
        self.report.case(f"a phone behind an edge that speaks {via} with the core is called, and the {sender} hangs up",
                         complaints + self.house.failures(), "", ended.elapsed_s)

    async def register_behind(self, edge: PlayedEdge, reg_id: int) -> None:
        phone, account = self.outside
        message = Message(f"REGISTER sip:{DOMAIN} SIP/2.0")
        for name, value in (("Max-Forwards", "70"), ("Path", edge.path), ("From", f"<sip:roamer@{DOMAIN}>;tag={new_tag()}"),
                            ("To", f"<sip:roamer@{DOMAIN}>"), ("Call-ID", secrets.token_hex(8)), ("CSeq", "1 REGISTER"),
                            ("Contact", f'<sip:roamer@192.0.2.7>;+sip.instance="<urn:uuid:7>";reg-id={reg_id}'),
                            ("Supported", "path, outbound")):
            message.add(name, value)
        answer = await phone.transactions.request(message, [THERE], lambda _: account.contact.flows[0].port)
        if answer.status != 200:
            raise RuntimeError(f"a flow behind a played edge cannot be registered: {answer.status}")


async def lab(house: House, report: Report) -> None:
    await Scene(house, report).run()
    counts = {name: count for name, count in house.core.status()["core"].items() if name.startswith("connections")}
    report.note(f"the core counts {counts}")


if __name__ == "__main__":
    runner.run("core-streams", DRAWING, House, lab)
