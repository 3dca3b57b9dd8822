"""lab rfc3261: what RFC 3261 and its kin ask of a proxy, row by row, over the wire."""

from lab import runner
from lab.bench import HOME, OTHER, Bench, Dialog, Phone, token_of
from lab.checklist import Checklist, begins, header, nothing_came, same, status_is
from lab.house import access_name, core_side_name
from lab.sip import Message, message_read, name_address_read, response_write, via_read
from lab.stand import branch_new, request_write
from lab.transport import TCP, UDP

DRAWING = r"""
                +-- edge1 --+
   sockets -----+           +----- a socket at the core's address
                +-- edge2 --+
"""

FAR = "sip:far@weir.test"
STRICT = "<sip:strict.test>"


class Rfc3261(Checklist):
    async def run(self) -> None:
        self.bench.make_edges([HOME, OTHER])
        await self.bench.start()
        self.phone = await self.bench.register("alice")
        self.dialog = await self.bench.call(self.phone)
        for row in (self.validation, self.merged, self.own_routes, self.strict_repair, self.maddr, self.foreign_target, self.untouched,
                    self.max_forwards, self.record_routes, self.strict_next, self.branches, self.stream_length, self.cancel,
                    self.stateless, self.acks, self.sizes, self.received, self.response_ways, self.surplus_octets, self.icmp):
            await row()

    phone: Phone
    dialog: Dialog

    def request(self, method: str = "OPTIONS", target: str = FAR, **how: object) -> Message:
        return request_write(self.phone.stand, method, target, sender=f"<{self.phone.aor}>;tag=a", **how)

    async def passed(self, message: Message | bytes) -> Message | None:
        """What comes to the core of it, and nothing comes back."""
        return await self.at_core_of(self.phone.stand, message)

    async def answered(self, message: Message | bytes) -> Message | None:
        """What comes back of it, and nothing comes to the core."""
        return await self.back_to(self.phone.stand, message)

    async def validation(self) -> None:
        wrong = self.request(more=(("Content-Length-X", "1"),)).encode().replace(b"CSeq: 1 OPTIONS", b"CSeq: 1 INFO")
        self.case("2.4.1", "16.3: a request that contradicts itself: 400", status_is(await self.answered(wrong), 400))
        self.case("2.4.1", "16.3: a scheme that is not known: 416", status_is(await self.answered(self.request(target="tel:+15550100")), 416))
        zero = self.request("INFO", max_forwards="0")
        self.case("2.4.1", "16.3: Max-Forwards 0: 483", status_is(await self.answered(zero), 483))
        answer = await self.answered(self.request(more=(("Proxy-Require", "foo"), ("Proxy-Require", "bar, baz"))))
        unsupported = answer.all("Unsupported") if answer else []
        self.case("2.4.1", "16.3: Proxy-Require: 420 with Unsupported", status_is(answer, 420) + same("Unsupported", unsupported, ["foo", "bar", "baz"]))
        credentials = 'Digest username="a", realm="r", nonce="n", uri="sip:x", response="0"'
        arrived = await self.passed(self.request(more=(("Proxy-Authorization", credentials),)))
        self.case("2.4.1", "16.3: credentials for another realm pass", header(arrived, "Proxy-Authorization", credentials))

    async def merged(self) -> None:
        call_id, complaints = branch_new(), []
        for _ in range(2):
            complaints += begins(await self.passed(self.request("INVITE", call_id=call_id)), "INVITE ")
        self.case("2.4.1", "16.3: a merged request passes twice, and is no error", complaints)

    async def own_routes(self) -> None:
        arrived = await self.passed(self.request(routes=(f"<sip:{access_name(OTHER)};lr>, <sip:elsewhere.test;lr>",)))
        self.case("2.4.2", "16.4: a top Route that names this cluster is taken off, the next one stays",
                  header(arrived, "Route", "<sip:elsewhere.test;lr>") + begins(arrived, f"OPTIONS {FAR} "))

    async def strict_repair(self) -> None:
        dialog = self.dialog
        own = name_address_read(dialog.routes[-1]).uri
        message = self.bench.toward_phone(dialog, "INFO", routes=(f"<{dialog.phone.contact}>",))
        message.start = f"INFO {own} SIP/2.0"
        arrived = await self.at_phone_of(dialog.phone, message)
        self.case("2.4.2", "16.4: our Record-Route in the request-URI: the last Route is the target",
                  begins(arrived, f"INFO {dialog.phone.contact} ") + same("Route", arrived.all("Route") if arrived else None, []))

    async def maddr(self) -> None:
        host, port = self.bench.access()
        arrived = await self.passed(self.request(target=f"{FAR}:{port};maddr={host};transport=udp"))
        self.case("2.4.2", "16.4: a maddr of ours goes, with port and transport", begins(arrived, f"OPTIONS {FAR} "))

    async def foreign_target(self) -> None:
        arrived = await self.passed(self.request("MESSAGE", "sip:somebody@elsewhere.test;x=%41"))
        self.case("2.4.3", "16.5: a request-URI of others is the only target, as it is", begins(arrived, "MESSAGE sip:somebody@elsewhere.test;x=%41 "))

    async def untouched(self) -> None:
        text = (b"X-Odd:  a , b\r\nSubject: \"x\"\r\n folded\r\ns: second\r\nX-Odd: c\r\nMax-Breadth: 60\r\n"
                b"Content-Type: application/octet-stream\r\n")
        body = bytes(range(256)) + b"\r\n\r\nINVITE sip:x SIP/2.0\r\n"
        message = self.request("MESSAGE").encode().replace(b"Content-Length: 0\r\n\r\n", b"")
        octets = message + text + b"l: %d\r\n\r\n" % len(body) + body
        self.phone.stand.send(octets, self.bench.access())
        came = await self.bench.core_stand.take()
        good = came is not None and came[0].endswith(octets[octets.index(b"From:"):])
        self.case("2.4.4", "16.6 step 1: unknown headers, order, folds and body are the same octets", [] if good else ["they are not"])
        self.case("2.5", "RFC 5393 5.3: Max-Breadth passes as it is", [] if came and b"\r\nMax-Breadth: 60\r\n" in came[0] else ["it does not"])

    async def max_forwards(self) -> None:
        arrived = await self.passed(self.request(max_forwards="17"))
        absent = await self.passed(self.request(max_forwards=None))
        self.case("2.4.5", "16.6 step 3: Max-Forwards less one, or 70", header(arrived, "Max-Forwards", "16") + header(absent, "Max-Forwards", "70"))

    async def record_routes(self) -> None:
        for method in ("INVITE", "SUBSCRIBE", "UPDATE", "NOTIFY", "REFER"):
            arrived = await self.passed(self.request(method, more=(("Record-Route", "<sip:below.test;lr>"),)))
            values = arrived.all("Record-Route") if arrived else []
            uris = [name_address_read(value).uri for value in values]
            good = [uri.host for uri in uris] == [core_side_name(HOME), access_name(HOME), "below.test"] \
                and all("lr" in uri.parameters and "transport" not in uri.parameters and uri.scheme == "sip" for uri in uris)
            row = "RFC 6665 4.3" if method in ("SUBSCRIBE", "NOTIFY") else "16.6 step 4"
            self.case("2.4.6", f"{row}: {method} is record-routed: lr, no transport, above the others", [] if good else [f"{values}"])
        dialog = self.dialog
        arrived = await self.passed(self.bench.toward_core(dialog, "INFO", cseq=7))
        self.case("2.4.6", "16.6 step 4: also within the dialog", same("Record-Route", arrived and arrived.all("Record-Route"), list(dialog.routes)))
        arrived = await self.passed(self.bench.toward_core(dialog, "BYE", cseq=8))
        self.case("2.4.6", "16.6 step 4: not on BYE", same("Record-Route", arrived and arrived.all("Record-Route"), []))
        self.case("2.4.6", "26.2.2: sips from a phone on UDP: 416", status_is(await self.answered(self.request("INVITE", "sips:far@weir.test")), 416))
        arrived = await self.passed(self.request("INVITE", routes=("<sips:elsewhere.test;lr>",)))
        schemes = {name_address_read(value).uri.scheme for value in arrived.all("Record-Route")} if arrived else set()
        self.case("2.4.6", "16.6 step 4: sips in the next Route: Record-Route is sips", same("schemes", schemes, {"sips"}))
        names = [name_address_read(value).uri.host for value in dialog.routes]
        self.case("2.5", "RFC 5658 5: two Record-Routes where the sides' names differ, the token next to the phone",
                  same("hosts", names, [core_side_name(HOME), access_name(HOME)])
                  + ([] if token_of(dialog.routes[1]) and not token_of(dialog.routes[0]) else ["the token is not in the access half"]))

    async def strict_next(self) -> None:
        arrived = await self.passed(self.request(routes=(STRICT, "<sip:second.test;lr>")))
        self.case("2.4.7", "16.6 step 6: a next Route without lr becomes the request-URI",
                  begins(arrived, "OPTIONS sip:strict.test ") + same("Route", arrived and arrived.all("Route"), ["<sip:second.test;lr>", f"<{FAR}>"]))

    async def branches(self) -> None:
        found = set()
        for _ in range(20):
            arrived = await self.passed(self.request())
            found.add(arrived.via.branch if arrived else "")
        good = len(found) == 20 and all(item.startswith("z9hG4bK") and len(item) > 20 for item in found)
        self.case("2.4.8", "16.6 step 8: a Via of our own, its branch unique, z9hG4bK in front", [] if good else [f"{found}"])

    async def stream_length(self) -> None:
        connection, path = await self.register_stream("tina")
        body = b"v=0\r\n"
        message = request_write(self.bench.core_stand, "MESSAGE", f"sip:tina@{connection};transport=tcp", routes=(path,), body=body)
        octets = message.encode().replace(b"Content-Length: 5\r\n", b"")
        self.bench.core_stand.send(octets, self.bench.inner())
        arrived = await connection.message()
        self.case("2.4.9", "16.6 step 9: by UDP without Content-Length, on a stream with it", header(arrived, "Content-Length", "5")
                  + same("body", arrived and arrived.body, body))
        connection.close()

    async def cancel(self) -> None:
        branch, call_id = branch_new(), branch_new()
        invite = await self.passed(self.request("INVITE", branch=branch, call_id=call_id))
        cancel = await self.passed(self.request("CANCEL", branch=branch, call_id=call_id))
        self.case("2.4.11", "16.10: a CANCEL is forwarded without state, under its INVITE's branch",
                  begins(cancel, "CANCEL ") + same("branch", cancel and cancel.via.branch, invite and invite.via.branch))

    async def stateless(self) -> None:
        message = self.request("INVITE")
        copies = []
        for _ in range(3):
            self.phone.stand.send(message, self.bench.access())
            copies.append(await self.bench.core_stand.take())
        equal = all(copies) and len({copy[0] for copy in copies}) == 1
        self.case("2.4.12", "16.11: retransmissions leave octet for octet alike, and there is no 100",
                  ([] if equal else ["they differ"]) + await nothing_came(self.phone.stand))
        odd = self.request("INVITE", call_id="2543", via=f"SIP/2.0/UDP {self.phone.stand};branch=1")
        other = self.request("INVITE", call_id="2544", via=f"SIP/2.0/UDP {self.phone.stand};branch=1")
        branches = [(await self.passed(item)).via.branch for item in (odd, odd, other)]
        self.case("2.4.12", "16.11: without a cookie, branch is a hash of what identifies the transaction",
                  [] if branches[0] == branches[1] != branches[2] else [f"{branches}"])
        await self.foreign_response(message_read(copies[0][0]))

    async def foreign_response(self, invite: Message) -> None:
        good = response_write(invite, 180, "Ringing", self.bench.inner(), "x")
        foreign = good.copy()
        foreign.put("Via", f"SIP/2.0/UDP elsewhere.test;branch={branch_new()}")
        for via in good.all("Via")[1:]:
            foreign.add("Via", via)
        self.bench.core_stand.send(foreign, self.bench.inner())
        self.case("2.4.12", "16.7: a response whose Via is not ours is discarded", await nothing_came(self.phone.stand))
        self.bench.core_stand.send(good, self.bench.inner())
        back = await self.phone.stand.message()
        self.case("2.4.12", "16.7: of one whose Via is ours, it is taken off", same("Vias", back and len(back.all("Via")), 1))

    async def acks(self) -> None:
        branch, call_id = branch_new(), branch_new()
        invite = await self.passed(self.request("INVITE", branch=branch, call_id=call_id))
        ack = await self.passed(self.request("ACK", branch=branch, call_id=call_id, recipient="<sip:b@weir.test>;tag=x"))
        self.case("2.4.13", "16.11: the ACK to a non-2xx has its INVITE's branch", same("branch", ack and ack.via.branch, invite and invite.via.branch))
        arrived = await self.passed(self.bench.toward_core(self.dialog, "ACK", cseq=1))
        self.case("2.4.13", "17.1.1.3: the ACK to a 2xx follows its Routes", begins(arrived, "ACK sip:far@") + same("Route", arrived and arrived.all("Route"), []))
        gone = self.request("ACK", routes=(f"<sip:nonsense@{access_name(HOME)};lr>",))
        self.phone.stand.send(gone, self.bench.access())
        self.case("2.4.13", "17.1.1.3: an ACK is never answered", await nothing_came(self.phone.stand) + await nothing_came(self.bench.core_stand))

    async def sizes(self) -> None:
        for octets in (1472, 9000, 40000, 64000):
            body = bytes(index % 251 for index in range(octets))
            arrived = await self.passed(self.request("MESSAGE", body=body))
            self.case("2.4.14", f"18.1.1: {octets} octets, more than an MTU, arrive whole", same("body", arrived and arrived.body == body, True))
            arrived = await self.at_phone_of(self.phone, self.bench.toward_phone(self.dialog, "INFO", cseq=octets, body=body))
            self.case("2.4.14", f"18.1.1: {octets} octets toward a phone arrive whole", same("body", arrived and arrived.body == body, True))
        fitting = self.request("MESSAGE", body=b"x")
        fitting.body = b"x" * (65507 - len(fitting.encode()) - 4 + 1)
        self.case("2.4.14", "18.1.1: 65,507 octets are taken; with our headers they would not fit: 513",
                  same("octets", len(fitting.encode()), 65507) + status_is(await self.answered(fitting), 513))

    async def received(self) -> None:
        arrived = await self.passed(self.request(via=f"SIP/2.0/UDP 192.0.2.99:5099;branch={branch_new()}"))
        below = via_read(arrived.all("Via")[1]) if arrived else None
        self.case("2.4.15", "18.2.1: received where the sent-by is not the source", same("received", below and below.parameters.get("received"), self.phone.stand.host))
        arrived = await self.passed(self.request(via=f"SIP/2.0/UDP 192.0.2.99;branch={branch_new()};received=192.0.2.7;rport=9"))
        below = via_read(arrived.all("Via")[1]) if arrived else None
        wanted = [self.phone.stand.host, str(self.phone.stand.port)]
        self.case("2.5", "RFC 3581 4: received and rport are the source, whatever was written",
                  same("received, rport", below and [below.parameters.get(name) for name in ("received", "rport")], wanted))

    async def response_ways(self) -> None:
        elsewhere = self.bench.phone_stand(host=51)
        for what, via in (("to the source, by rport", f"SIP/2.0/UDP 192.0.2.99:1;branch={branch_new()};rport"),
                          ("to the source, though a maddr names another", f"SIP/2.0/UDP 192.0.2.99:1;branch={branch_new()};maddr={elsewhere.host}")):
            arrived = await self.passed(self.request(via=via))
            self.bench.core_stand.send(response_write(arrived, 200, "OK", self.bench.inner(), "x"), self.bench.inner())
            came = await self.phone.stand.take()
            self.case("2.4.16", f"18.2.2: a response goes {what}", same("source", came and came[1], self.bench.access()) + await nothing_came(elsewhere))
        message = request_write(self.bench.core_stand, "OPTIONS", "sip:nobody@weir.test", via=f"SIP/2.0/UDP {self.bench.core_stand};branch={branch_new()}")
        self.bench.core_stand.send(message, self.bench.inner())
        self.case("2.5", "RFC 3581 4: an answer leaves by the address and port that were asked",
                  same("source", (await self.bench.core_stand.take() or (b"", None))[1], self.bench.inner()))

    async def surplus_octets(self) -> None:
        octets = self.request("MESSAGE", body=b"abc").encode()
        arrived = await self.passed(octets + b"INVITE sip:x@y SIP/2.0\r\n")
        self.case("2.4.17", "18.3: octets behind the Content-Length are discarded", same("body", arrived and arrived.body, b"abc"))
        self.case("2.4.17", "18.3: a body shorter than its Content-Length: 400", status_is(await self.answered(octets[:-1]), 400))

    async def icmp(self) -> None:
        phone = await self.bench.register("gone", host=52)
        dialog = await self.bench.call(phone)
        phone.stand.close()
        self.bench.stands.remove(phone.stand)
        self.bench.core_stand.send(self.bench.toward_phone(dialog, "INFO"), self.bench.inner())
        counted, complaints = {}, []
        for cseq in range(2, 12):
            self.bench.served.since()
            self.bench.core_stand.send(self.bench.toward_phone(dialog, "INFO", cseq=cseq), self.bench.inner())
            counted = await self.bench.served.until(lambda delta: (HOME, "r1b-doubtful") in delta or (HOME, "r1-own") in delta)
            if (HOME, "r1b-doubtful") in counted:
                break
        else:
            complaints.append(f"the flow never became doubtful: {counted}")
        self.case("2.4.18", "18.4: ICMP unreachable: the flow is doubtful, other ways go first", complaints)


async def lab(bench: Bench, report: object) -> None:
    await Rfc3261(bench, report).run()


if __name__ == "__main__":
    runner.run("rfc3261", DRAWING, lambda driver: Bench((UDP, TCP), driver), lab)
