"""lab rfc5626: what RFC 5626 asks of an edge proxy, row by row, over the wire."""

import asyncio
import socket
import time

from lab import runner
from lab.bench import DOMAIN, HOME, OTHER, Bench, Dialog, Phone, token_of
from lab.checklist import Checklist, begins, header, nothing_came, same, status_is
from lab.forger import flips
from lab.house import ACCESS, CORE, SIP_PORT, access_name, core_side_name
from lab.sip import name_address_read
from lab.stand import Stand, branch_new, request_write
from lab.transport import TCP, UDP

DRAWING = r"""
                +-- edge1 --+
   sockets -----+           +----- a socket at the core's address
                +-- edge2 --+
"""

FLOW_TIMER_S = 1  # at edge2
GRACE_S = 10
COOKIE = b"\x21\x12\xa4\x42"
TRANSACTION = b"0123456789ab"
BINDING = b"\x00\x01\x00\x00" + COOKIE + TRANSACTION


class Rfc5626(Checklist):
    phone: Phone
    dialog: Dialog
    quiet: Phone  # is silent from the beginning, at edge2
    quiet_since_s: float

    async def run(self) -> None:
        self.bench.make_edges([HOME, OTHER])
        self.bench.weir[HOME].settings["flows"] = {"park": "0s"}
        self.bench.weir[OTHER].settings["flows"] = {"park": "0s", "flow-timer": {"udp": f"{FLOW_TIMER_S}s"}}
        await self.bench.start()
        self.quiet = await self.bench.register("quiet", edge=OTHER, host=53)
        self.quiet_since_s = time.monotonic()
        self.phone = await self.bench.register("alice")
        self.dialog = await self.bench.call(self.phone)
        for row in (self.path, self.not_first_hop, self.unique_tokens, self.recoverable, self.untampered, self.plain_route, self.direction,
                    self.ob_in_route, self.route_removed, self.gone, self.ob_in_contact, self.stun, self.stun_and_others, self.ping,
                    self.flow_timer, self.stream_ends, self.icmp, self.no_439, self.silence, self.stun_not_sent):
            await row()

    async def path(self) -> None:
        uri = name_address_read(self.phone.path).uri
        self.case("2.1.1", "5.1: first hop, reg-id: our URI in Path", same("host", uri.host, core_side_name(HOME)))
        self.case("2.1.3", "5.1: with a flow token in its user part", same("length", len(uri.user or ""), 60))
        self.case("2.1.5", "5.1: and ob", same("ob", "ob" in uri.parameters, True))

    async def not_first_hop(self) -> None:
        stand = self.bench.phone_stand(host=51)
        register = self.bench.register_write(stand, "n", "urn:uuid:n")
        register.headers.insert(1, ("Via", f"SIP/2.0/UDP 192.0.2.1;branch={branch_new()}"))
        arrived = await self.at_core_of(stand, register)
        parameters = name_address_read(arrived.get("Path")).uri.parameters if arrived else {}
        self.case("2.1.2", "5.1: not the first hop: Path without ob", same("ob", "ob" in parameters, False))

    async def unique_tokens(self) -> None:
        other = await self.bench.register("second", host=51)
        again = await self.bench.register("alice", stand=self.phone.stand, instance=self.phone.instance)
        self.case("2.1.4", "5.1: another flow has another token", same("equal", token_of(other.path) == token_of(self.phone.path), False))
        self.case("2.1.4", "5.1: the same flow has the same", same("token", token_of(again.path), token_of(self.phone.path)))

    def by_path(self, path: str, method: str = "MESSAGE") -> object:
        return request_write(self.bench.core_stand, method, self.phone.contact, routes=(path,), recipient=f"<{self.phone.aor}>")

    async def recoverable(self) -> None:
        for edge in (HOME, OTHER):
            arrived = await self.at_phone_of(self.phone, self.by_path(self.phone.path), edge)
            self.case("2.1.6", f"5.2: the flow is found by its token, at edge{edge}", begins(arrived, f"MESSAGE {self.phone.contact} "))

    async def untampered(self) -> None:
        token, complaints = token_of(self.phone.path), []
        for changed in flips(token)[8:]:
            answer = await self.from_edge(self.by_path(self.phone.path.replace(token, changed)))
            complaints += status_is(answer, 403)
        self.case("2.1.11", "5.3.1: each bit of a token turned: 403", complaints[:3] + await nothing_came(self.phone.stand))
        answer = await self.from_edge(self.by_path(self.phone.path.replace(token, "nonsense")))
        self.case("2.1.11", "5.3.1: a user part that is no token: 403", status_is(answer, 403))

    async def plain_route(self) -> None:
        request = request_write(self.phone.stand, "MESSAGE", f"sip:far@{DOMAIN}", routes=(f"<sip:{access_name(HOME)};lr>",))
        arrived = await self.at_core_of(self.phone.stand, request)
        self.case("2.1.7", "5.3: an own Route without a token is taken off, and the request goes on", begins(arrived, "MESSAGE ") + header(arrived, "Route"))

    async def direction(self) -> None:
        arrived = await self.at_core_of(self.phone.stand, self.bench.toward_core(self.dialog, "INFO"))
        self.case("2.1.8", "5.3: the phone's own request is outgoing", begins(arrived, "INFO sip:far@"))
        arrived = await self.at_phone_of(self.phone, self.bench.toward_phone(self.dialog, "INFO"))
        self.case("2.1.8", "5.3: the other side's is incoming", begins(arrived, f"INFO {self.phone.contact} "))
        moved = self.bench.phone_stand(host=54)
        arrived = await self.at_core_of(moved, self.bench.toward_core(self.dialog, "INFO", cseq=3))
        self.case("2.1.8", "5.3: outgoing too when the phone's address has changed", begins(arrived, "INFO sip:far@")
                  + await nothing_came(self.phone.stand))

    async def ob_in_route(self) -> None:
        invite = request_write(self.bench.core_stand, "INVITE", self.phone.contact, routes=(self.phone.path,), recipient=f"<{self.phone.aor}>",
                               sender=f"<sip:far@{DOMAIN}>;tag=far")
        arrived = await self.at_phone_of(self.phone, invite)
        values = arrived.all("Record-Route") if arrived else []
        uri = name_address_read(values[0]).uri if values else None
        good = uri is not None and "ob" not in uri.parameters and len(uri.user or "") == 60
        self.case("2.1.9", "5.3.1: dialog-forming by a Route with ob: Record-Route with the flow, without ob", [] if good else [f"{values}"])
        dialog = Dialog(self.phone, invite.call_id, invite, tuple(reversed(values)))
        bye = request_write(self.bench.core_stand, "BYE", self.phone.contact, routes=dialog.routes, call_id=invite.call_id, cseq=2,
                            sender=invite.get("From"), recipient=f"<{self.phone.aor}>;tag=p")
        self.case("2.1.9", "5.3.1: the next request comes by it", begins(await self.at_phone_of(self.phone, bye), f"BYE {self.phone.contact} "))

    async def route_removed(self) -> None:
        arrived = await self.at_phone_of(self.phone, self.bench.toward_phone(self.dialog, "INFO", cseq=9))
        self.case("2.1.10", "5.3.1: the Route is taken off, and the request leaves by the flow", header(arrived, "Route"))

    async def gone(self) -> None:
        phone = await self.bench.register("first", host=52, behind="192.168.1.2")
        path = phone.path
        # A NAT gives its address and port to another phone.
        await self.bench.register("heir", stand=phone.stand, behind="192.168.1.3")
        for edge in (HOME, OTHER):
            answer = await self.from_edge(self.by_path(path), edge)
            self.case("2.1.12", f"5.3.1: the flow is gone: 430, at edge{edge}", status_is(answer, 430) + await nothing_came(phone.stand))
        self.case("2.1.22", "11.5: 430 goes to the core, never in place of it 480 or 481", status_is(answer, 430))

    async def ob_in_contact(self) -> None:
        tokens = [token_of(route) for route in self.dialog.routes]
        self.case("2.1.13", "5.3.2: ob in Contact: the phone's half of Record-Route has a token", same("lengths", [len(item) for item in tokens], [0, 60]))
        plain = request_write(self.phone.stand, "INVITE", f"sip:far@{DOMAIN}", sender=f"<{self.phone.aor}>;tag=a",
                              more=(("Contact", f"<{self.phone.contact}>"),))
        arrived = await self.at_core_of(self.phone.stand, plain)
        tokens = [token_of(route) for route in arrived.all("Record-Route")] if arrived else []
        self.case("2.1.13", "5.3.2: and without ob, when its flow is registered", same("lengths", [len(item) for item in tokens], [0, 60]))

    async def stun(self) -> None:
        places = ((self.phone.stand, self.bench.access(), "access"), (self.bench.phone_stand(host=51, family6=True), None, "access"),
                  (self.bench.stand(self.bench.core_space, f"{CORE}10"), self.bench.inner(), "core"))
        for stand, to, side in places:
            to = to or self.bench.access(HOME, stand)
            stand.forget()
            stand.send(BINDING, to)
            came = await stand.take()
            family = "IPv6" if ":" in stand.host else "IPv4"
            row = f"5.4: STUN on the {side} port is answered, {family}"
            self.case("2.1.14", row, [] if came else ["no answer"])
            wanted = b"\x01\x01" + len(mapped(stand)).to_bytes(2, "big") + COOKIE + TRANSACTION + mapped(stand)
            self.case("2.1.17", f"8: XOR-MAPPED-ADDRESS and nothing else, by the port that was asked, {side} {family}",
                      same("answer", came, (wanted, to)))

    async def stun_and_others(self) -> None:
        for what, octets in (("SigComp", b"\xf8" + b"x" * 40), ("no Binding Request", b"\x00\x03" + BINDING[2:]),
                             ("a Binding Response", b"\x01\x01" + BINDING[2:]), ("two bits that are neither", b"\x40" + BINDING[1:])):
            self.phone.stand.send(octets, self.bench.access())
            self.case("2.1.18", f"8: told apart by the first octet: {what} is ignored", await nothing_came(self.phone.stand)
                      + await nothing_came(self.bench.core_stand))

    async def ping(self) -> None:
        connection, _ = await self.register_stream("tina")
        connection.send(b"\r\n\r\n")
        pong = await connection.octets(2)
        await asyncio.sleep(0.05)
        self.case("2.1.15", "5.4: two CRLFs on a stream are answered by one, at once", same("pong", pong, b"\r\n"))
        more = await connection.octets(1, 0.1)
        self.case("2.1.15", "5.4: and by no more", [] if more is None else [f"{more!r}"])
        connection.close()

    async def flow_timer(self) -> None:
        self.case("2.1.16", "5.4: Flow-Timer in a 2xx with Require: outbound", header(self.phone.response, "Flow-Timer", "28"))
        plain = await self.bench.register("plain", host=55, outbound=False)
        self.case("2.1.16", "5.4: and not without", header(plain.response, "Flow-Timer"))

    async def stream_ends(self) -> None:
        connection, path = await self.register_stream("tom", aors=("tim",))
        target = f"sip:tom@{connection};transport=tcp"
        complaints = begins(await self.over(connection, path, target), "MESSAGE ")
        connection.close()
        await asyncio.sleep(0.2)
        for user in ("tom", "tim"):
            request = request_write(self.bench.core_stand, "MESSAGE", target, routes=(path,), recipient=f"<sip:{user}@{DOMAIN}>")
            complaints += status_is(await self.from_edge(request), 430)
        self.case("2.1.20", "7: a connection that closes ends its flow, for every AOR", complaints)

    async def over(self, connection: object, path: str, target: str) -> object:
        self.bench.core_stand.send(request_write(self.bench.core_stand, "MESSAGE", target, routes=(path,)), self.bench.inner())
        return await connection.message()

    async def icmp(self) -> None:
        phone = await self.bench.register("left", host=56)
        phone.stand.close()
        self.bench.stands.remove(phone.stand)
        path = phone.path
        found = {}
        for _ in range(10):
            self.bench.core_stand.send(self.by_path(path), self.bench.inner())
            found = await self.bench.served.until(lambda delta: (HOME, "r1b-doubtful") in delta)
            if (HOME, "r1b-doubtful") in found:
                break
        self.case("2.1.20", "7: ICMP, which can be forged, makes it doubtful for every AOR", [] if (HOME, "r1b-doubtful") in found else [f"{found}"])

    async def no_439(self) -> None:
        stand = self.bench.phone_stand(host=51)
        for what, supported in (("outbound", "path, outbound"), ("without outbound", "path")):
            arrived = await self.at_core_of(stand, self.bench.register_write(stand, "o", "urn:uuid:o", supported=supported))
            self.case("2.1.21", f"11.6: a REGISTER {what} is no edge's to answer 439", begins(arrived, "REGISTER ") + await nothing_came(stand))

    async def silence(self) -> None:
        """edge2 tells its phones a Flow-Timer of a second, and gives them ten more."""
        rules = []
        for wait_s in (FLOW_TIMER_S + GRACE_S - 4, FLOW_TIMER_S + GRACE_S + 3):
            await asyncio.sleep(max(0.0, self.quiet_since_s + wait_s - time.monotonic()))
            self.bench.served.since()
            self.bench.core_stand.send(self.by_path(self.quiet.path), self.bench.inner(OTHER))
            counted = await self.bench.served.until(lambda delta: any(name.startswith("r1") for _, name in delta))
            rules += [name for _, name in counted if name.startswith("r1")]
        self.case("2.1.16", "5.4: it waits for longer than Flow-Timer before it takes a flow for failed", same("rules", rules, ["r1-own", "r1b-doubtful"]))

    async def stun_not_sent(self) -> None:
        self.case("2.1.19", "8: no STUN request is ever sent to a phone or the core",
                  same("requests", sum(stand.stun_requests for stand in self.bench.stands), 0))


def mapped(stand: Stand) -> bytes:
    """XOR-MAPPED-ADDRESS (RFC 5389 section 15.2)."""
    address = socket.inet_pton(socket.AF_INET6 if ":" in stand.host else socket.AF_INET, stand.host)
    hidden = bytes(octet ^ key for octet, key in zip(address, COOKIE + TRANSACTION))
    value = bytes([0, 2 if len(address) == 16 else 1]) + (stand.port ^ 0x2112).to_bytes(2, "big") + hidden
    return b"\x00\x20" + len(value).to_bytes(2, "big") + value


async def lab(bench: Bench, report: object) -> None:
    await Rfc5626(bench, report).run()


if __name__ == "__main__":
    runner.run("rfc5626", DRAWING, lambda driver: Bench((UDP, TCP), driver), lab)
