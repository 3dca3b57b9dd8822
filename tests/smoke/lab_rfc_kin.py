"""lab rfc-kin: what the RFCs around SIP ask of a proxy (Path, Service-Route, keep, GRUU, IPv6 and the rest), over the wire."""

from lab import runner
from lab.bench import ACCESS6, DOMAIN, HOME, OTHER, Bench, Phone
from lab.checklist import Checklist, begins, header, nothing_came, same, status_is
from lab.house import access_name, core_side_name
from lab.sip import Message, name_address_read, response_write, via_read
from lab.stand import branch_new, request_write

DRAWING = r"""
   sockets, IPv4 --+   +-- edge1 --+
                   +---+           +----- a socket at the core's address, IPv4
   sockets, IPv6 --+   +-- edge2 --+
"""

CHALLENGES = [f'Digest realm="r", algorithm={name}, nonce="n{index}"' for index, name in enumerate(("SHA-512-256", "SHA-256", "MD5"))]
SERVICE_ROUTE = ["<sip:s1.weir.test;lr>", "<sip:s2.weir.test;lr>"]


class Kin(Checklist):
    phone: Phone

    async def run(self) -> None:
        self.bench.make_edges([HOME, OTHER])
        # Of two edges one takes registrations only from phones that know Path.
        self.bench.weir[HOME].settings["flows"] = {"park": "0s"}
        self.bench.weir[OTHER].settings["flows"] = {"require-path": "yes"}
        await self.bench.start()
        self.phone = await self.bench.register("alice")
        for row in (self.path, self.path_required, self.registrar_answers, self.keep, self.keep_in_dialog, self.names, self.gruu, self.challenges,
                    self.every_2xx, self.gone, self.silence, self.family6, self.family6_dialog):
            await row()

    async def path(self) -> None:
        uri = name_address_read(self.phone.path).uri
        self.case("2.5", "RFC 3327 5.2: Path has lr and names the edge as its core side knows it",
                  same("Path", [uri.host, "lr" in uri.parameters], [core_side_name(HOME), True]))
        stand = self.bench.phone_stand(host=51)
        arrived = await self.at_core_of(stand, self.bench.register_write(stand, "p", "urn:uuid:p", supported="timer"))
        self.case("2.5", "RFC 3327 5.1: without Supported: path the Path is written all the same, unless it is required",
                  same("Path values", arrived and len(arrived.all("Path")), 1))
        stand.forget()
        arrived = await self.at_core_of(stand, self.bench.register_write(stand, "p", "urn:uuid:p", more=(("Path", "<sip:forged.test;lr>"),)))
        hosts = [name_address_read(value).uri.host for value in arrived.all("Path")] if arrived else []
        self.case("2.5", "RFC 3327 6: a Path of the phone's own is nobody's", same("hosts", hosts, [core_side_name(HOME)]))

    async def path_required(self) -> None:
        stand = self.bench.phone_stand(host=51)
        register = self.bench.register_write(stand, "q", "urn:uuid:q", supported="outbound")
        answer = await self.back_to(stand, register, OTHER)
        self.case("2.5", "RFC 3327 5.2: 421 with Require: path where it is required", status_is(answer, 421) + header(answer, "Require", "path"))

    async def registrar_answers(self) -> None:
        stand = self.bench.phone_stand(host=51)
        request = await self.at_core_of(stand, self.bench.register_write(stand, "r", "urn:uuid:r"))
        source = self.bench.inner()
        response = self.bench.registered_write(request, source)
        path = [request.get("Path"), "<sip:another.test;lr>"]
        response.put("Path", path[0])
        response.add("Path", path[1])
        for value in SERVICE_ROUTE:
            response.add("Service-Route", value)
        self.bench.core_stand.send(response, source)
        back = await stand.message()
        self.case("2.5", "RFC 3327 5.3: Path in the answer passes unaltered", header(back, "Path", *path))
        self.case("2.5", "RFC 3608 6: Service-Route passes unaltered", header(back, "Service-Route", *SERVICE_ROUTE))
        arrived = await self.at_core_of(stand, request_write(stand, "MESSAGE", f"sip:x@{DOMAIN}", routes=tuple(SERVICE_ROUTE)))
        self.case("2.5", "RFC 3608 6.1: a preloaded Service-Route is followed", header(arrived, "Route", *SERVICE_ROUTE))

    async def keep(self) -> None:
        for what, offered, wanted in (("an offer gets a value", {"keep": None}, "28"), ("no offer, no value", {}, "absent"),
                                      ("a value that is there stays the only one", {"keep": "90"}, "90")):
            stand = self.bench.phone_stand(host=51)
            parameters = "".join(f";{name}" + (f"={value}" if value else "") for name, value in offered.items())
            via = f"SIP/2.0/UDP {stand};branch={branch_new()};rport{parameters}"
            phone = await self.bench.register("k", stand=stand, via=via, outbound=False)
            found = phone.response.via.parameters.get("keep", "absent")
            self.case("2.5", f"RFC 6223 4.4: keep in REGISTER: {what}", same("keep", found, wanted))

    async def keep_in_dialog(self) -> None:
        for method, status, wanted in (("INVITE", 200, "28"), ("SUBSCRIBE", 200, "28"), ("INVITE", 486, None), ("MESSAGE", 200, None)):
            stand = self.phone.stand
            request = request_write(stand, method, f"sip:far@{DOMAIN}", sender=f"<{self.phone.aor}>;tag=a",
                                    via=f"SIP/2.0/UDP {stand};branch={branch_new()};rport;keep")
            arrived = await self.at_core_of(stand, request)
            self.bench.core_stand.send(response_write(arrived, status, "X", self.bench.inner(), "x"), self.bench.inner())
            back = await stand.message()
            self.case("2.5", f"RFC 6223 4.4: keep in {method}, answered {status}: {'a value' if wanted else 'none'}",
                      same("keep", back and back.via.parameters.get("keep"), wanted))

    async def names(self) -> None:
        arrived = await self.at_core_of(self.phone.stand, request_write(self.phone.stand, "INVITE", f"sip:far@{DOMAIN}"))
        ports = [name_address_read(value).uri.port for value in arrived.all("Record-Route")] if arrived else None
        self.case("2.5", "RFC 3263 4.2: what is to be looked up as SRV is written without a port", same("ports", ports, [None, None]))

    async def gruu(self) -> None:
        target = f"sip:b@{DOMAIN};gr=urn:uuid:1"
        arrived = await self.at_core_of(self.phone.stand, request_write(self.phone.stand, "INVITE", target))
        self.case("2.5", "RFC 5627: gr in a request-URI passes", begins(arrived, f"INVITE {target} "))

    async def challenges(self) -> None:
        stand = self.bench.phone_stand(host=51)
        request = await self.at_core_of(stand, self.bench.register_write(stand, "c", "urn:uuid:c"))
        response = response_write(request, 401, "Unauthorized", self.bench.inner(), "x")
        for value in CHALLENGES:
            response.add("WWW-Authenticate", value)
        self.bench.core_stand.send(response, self.bench.inner())
        self.case("2.5", "RFC 8760 2.4: challenges pass in their order", header(await stand.message(), "WWW-Authenticate", *CHALLENGES))

    async def every_2xx(self) -> None:
        arrived = await self.at_core_of(self.phone.stand, request_write(self.phone.stand, "INVITE", f"sip:far@{DOMAIN}"))
        tags = []
        for tag in ("one", "two", "one"):
            self.bench.core_stand.send(response_write(arrived, 200, "OK", self.bench.inner(), tag), self.bench.inner())
            back = await self.phone.stand.message()
            tags.append(back.recipient.tag if back else None)
        self.case("2.5", "RFC 6026: a stateless edge passes every 2xx, and each again", same("tags", tags, ["one", "two", "one"]))

    async def gone(self) -> None:
        phone = await self.bench.register("first", host=52, behind="192.168.1.2")
        dialog = await self.bench.call(phone)
        # A NAT gives its address and port to another phone.
        await self.bench.register("second", stand=phone.stand, behind="192.168.1.3")
        answer = await self.from_edge(self.bench.toward_phone(dialog, "BYE"))
        self.case("2.5", "RFC 5057 5: a flow that is gone is 430, which ends no dialog", status_is(answer, 430) + await nothing_came(phone.stand))

    async def silence(self) -> None:
        """RFC 4320 section 4.2: nobody but the end may say that there was no answer."""
        arrived = await self.at_core_of(self.phone.stand, request_write(self.phone.stand, "MESSAGE", f"sip:far@{DOMAIN}"))
        answer = await self.phone.stand.message(2.0)
        self.case("2.5", "RFC 4320 4: no 100 and no 408 of our own while the core is silent",
                  begins(arrived, "MESSAGE ") + ([] if answer is None else [answer.start]))

    async def family6(self) -> None:
        phone = await self.bench.register("sixty", family6=True)
        self.case("2.5", "IPv6: a phone registers with a core on IPv4", same("Path host", name_address_read(phone.path).uri.host, core_side_name(HOME)))
        arrived = await self.at_core_of(phone.stand, request_write(phone.stand, "MESSAGE", f"sip:far@{DOMAIN}"))
        vias = [via_read(value) for value in arrived.all("Via")] if arrived else []
        wanted = [f"10.9.0.{HOME}:5060", str(phone.stand), phone.stand.host, str(phone.stand.port)]
        found = [vias[0].sent_by, vias[1].sent_by, vias[1].parameters.get("received"), vias[1].parameters.get("rport")] if len(vias) == 2 else None
        self.case("2.5", "IPv6: received and rport of its Via, without brackets; ours has the core's family", same("Vias", found, wanted))
        self.bench.core_stand.send(response_write(arrived, 200, "OK", self.bench.inner(), "x"), self.bench.inner())
        came = await phone.stand.take()
        self.case("2.5", "IPv6: the response goes back by IPv6", same("source", came and came[1], (f"{ACCESS6}{HOME}", 5060)))
        self.sixty = phone

    async def family6_dialog(self) -> None:
        dialog = await self.bench.call(self.sixty)
        arrived = await self.at_phone_of(self.sixty, self.bench.toward_phone(dialog, "INFO"))
        self.case("2.5", "IPv6: a token leads the core's request to it", begins(arrived, f"INFO {self.sixty.contact} "))
        arrived = await self.at_core_of(self.sixty.stand, self.bench.toward_core(dialog, "BYE"))
        self.case("2.5", "IPv6: and its own to the core", begins(arrived, "BYE sip:far@"))
        arrived = await self.at_phone_of(self.sixty, self.bench.toward_phone(dialog, "INFO", cseq=2), OTHER)
        self.case("2.5", "IPv6: also by way of the other edge", begins(arrived, f"INFO {self.sixty.contact} "))
        body = b"x" * 20000
        arrived = await self.at_phone_of(self.sixty, self.bench.toward_phone(dialog, "INFO", cseq=3, body=body))
        self.case("2.5", "IPv6: more than an MTU arrives whole", same("body", arrived and arrived.body == body, True))
        arrived = await self.at_core_of(self.sixty.stand, request_write(self.sixty.stand, "OPTIONS", f"sip:x@[{ACCESS6}{HOME}]"))
        self.case("2.5", "IPv6: an own request-URI with a user, in brackets, goes to the core", begins(arrived, "OPTIONS sip:x@["))
        answer = await self.back_to(self.sixty.stand, request_write(self.sixty.stand, "OPTIONS", f"sip:{access_name(HOME)}"))
        self.case("2.5", "IPv6: OPTIONS to the edge is answered", status_is(answer, 200))

    sixty: Phone


async def lab(bench: Bench, report: object) -> None:
    await Kin(bench, report).run()


if __name__ == "__main__":
    runner.run("rfc-kin", DRAWING, lambda driver: Bench(driver=driver), lab)
