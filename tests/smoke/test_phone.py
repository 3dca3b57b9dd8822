"""Phones of the labs: a wrong delivery never passes, and a dead target is passed over."""

import asyncio
import socket
import time
import unittest

from lab.dns import Resolver, Srv, TYPE_A, TYPE_SRV
from lab.phone import Account, Contact, Flow, Phone
from lab.sip import Message, uri_read
from lab.udp import Port

HERE = "127.0.0.1"


def new_port() -> Port:
    return Port(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), HERE)


def new_phone(name: str, resolver: Resolver | None = None, strangers: bool = False) -> tuple[Phone, Account]:
    phone = Phone(name, resolver or Resolver((HERE, 1), lambda: None), lambda source: not strangers, outbound=False)
    account = phone.add_account(Account(name, "weir.test", Contact([Flow(new_port(), 0, None)], name)))
    return phone, account


class Calls(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.alice, self.alice_account = new_phone("alice")
        self.bob, self.bob_account = new_phone("bob")
        self.bob_port = self.bob_account.contact.flows[0].port
        self.call = (await self.alice.invite(self.alice_account, self.bob_uri())).dialog
        self.wrong = new_port()

    async def asyncTearDown(self):
        self.alice.close()
        self.bob.close()
        self.wrong.close()

    def bob_uri(self) -> str:
        return str(self.bob_account.contact.uri(self.bob_port))

    async def inject(self, **changes: str) -> None:
        """A BYE of this call as the network might spoil it, straight to Bob's port."""
        bye = self.call.request_write("BYE")
        bye.headers.insert(0, ("Via", f"SIP/2.0/UDP {self.wrong};branch=z9hG4bK{time.monotonic_ns()}"))
        for name, value in changes.items():
            if name == "target":
                bye.start = f"BYE {value} SIP/2.0"
            else:
                bye.put(name.replace("_", "-"), value)
        self.wrong.send(bye.encode(), self.bob_port.address)
        await asyncio.sleep(0.05)

    async def test_a_call_is_made_changed_and_ended_without_complaint(self):
        for method in ("INFO", "INVITE", "BYE"):
            answer = await self.alice.request(self.call, method)
            self.assertEqual((answer.status, answer.first_time), (200, True), method)
        self.assertEqual([arrival.method for arrival in self.bob.arrivals],
                         ["INVITE", "ACK", "INFO", "INVITE", "ACK", "BYE"])
        self.assertEqual(self.alice.failures + self.bob.failures, [])

    async def test_the_callee_may_end_it_too(self):
        dialog = next(iter(self.bob.dialogs.values()))
        self.assertEqual((await self.bob.request(dialog, "BYE")).status, 200)
        self.assertEqual(self.alice.arrivals[-1].method, "BYE")
        self.assertEqual(self.alice.failures + self.bob.failures, [])

    async def test_a_request_for_another_contact_is_a_failure(self):
        await self.inject(target="sip:carol@127.0.0.1")
        self.assertIn("not my contact", self.bob.failures[0])

    async def test_a_request_of_another_dialog_is_a_failure(self):
        await self.inject(Call_ID="another")
        self.assertIn("not mine", self.bob.failures[0])

    async def test_a_request_with_another_tag_is_a_failure(self):
        await self.inject(From="<sip:alice@weir.test>;tag=another")
        self.assertIn("From-tag", self.bob.failures[0])

    async def test_a_request_that_comes_again_as_another_transaction_is_a_failure(self):
        await self.alice.request(self.call, "INFO")
        await self.inject(CSeq=f"{self.call.local_cseq} BYE")
        self.assertIn("CSeq", self.bob.failures[0])

    async def test_a_route_that_is_left_is_a_failure(self):
        await self.inject(Route="<sip:edge1.test;lr>")
        self.assertIn("Route", self.bob.failures[0])

    async def test_a_request_at_a_port_of_another_contact_is_a_failure(self):
        other = self.bob.add_account(Account("bobby", "weir.test", Contact([Flow(new_port(), 0, None)], "bobby")))
        bye = self.call.request_write("BYE")
        bye.headers.insert(0, ("Via", f"SIP/2.0/UDP {self.wrong};branch=z9hG4bKother"))
        self.wrong.send(bye.encode(), other.contact.flows[0].port.address)
        await asyncio.sleep(0.05)
        self.assertIn("no flow of that contact", self.bob.failures[0])

    async def test_a_request_from_a_stranger_is_a_failure(self):
        self.bob.trusted = lambda source: source != self.wrong.address
        await self.inject()
        self.assertIn("a stranger", self.bob.failures[0])

    async def test_a_new_request_for_nobody_here_is_a_failure(self):
        result = await self.alice.invite(self.alice_account, f"sip:carol@{self.bob_port}")
        self.assertEqual(result.status, 404)
        self.assertIn("nobody here", self.bob.failures[0])

    async def test_a_response_to_nothing_is_a_failure(self):
        octets = Message("SIP/2.0 200 OK", [("Via", "SIP/2.0/UDP x;branch=z9hG4bKx"), ("CSeq", "1 BYE")]).encode()
        self.wrong.send(octets, self.bob_port.address)
        await asyncio.sleep(0.05)
        self.assertIn("no request of mine", self.bob.failures[0])

    async def test_a_response_from_elsewhere_is_a_failure(self):
        silent = new_port()
        silent.on_datagram = lambda octets, source, port: self.wrong.send(
            octets.replace(octets.split(b"\r\n")[0], b"SIP/2.0 200 OK", 1), source)
        await self.alice.transactions.request(self.call.request_write("INFO"), [silent.address],
                                              lambda _: self.alice_account.contact.flows[0].port)
        self.assertIn("answered by", self.alice.failures[0])
        silent.close()

    async def test_what_is_no_sip_is_a_failure(self):
        self.wrong.send(b"nonsense", self.bob_port.address)
        await asyncio.sleep(0.05)
        self.assertIn("cannot read", self.bob.failures[0])


class Cancelling(unittest.IsolatedAsyncioTestCase):
    async def test_a_ringing_call_is_cancelled_and_its_487_acknowledged(self):
        alice, account = new_phone("alice")
        bob, bob_account = new_phone("bob")
        started = asyncio.Event()
        clients = []

        async def ring(server, _account):
            server.answer(180, "Ringing", "ring")
            started.set()

        bob.on_new = ring
        calling = asyncio.create_task(alice.invite(
            account, str(bob_account.contact.uri(bob_account.contact.flows[0].port)), on_start=clients.append))
        await started.wait()
        self.assertEqual((await alice.transactions.cancel(clients[0])).status, 200)
        self.assertEqual((await calling).status, 487)
        await asyncio.sleep(0.05)
        self.assertEqual([arrival.method for arrival in bob.arrivals], ["INVITE", "CANCEL"])
        self.assertTrue(all(server.acknowledged.is_set() for key, server in bob.transactions._servers.items()
                            if key[2] == "INVITE"))
        self.assertEqual(alice.failures + bob.failures, [])
        alice.close()
        bob.close()


class Failover(unittest.IsolatedAsyncioTestCase):
    """alice asks for a name with two targets, of which the first does not answer."""

    async def asyncSetUp(self):
        self.bob, self.bob_account = new_phone("bob")
        self.silent = new_port()
        self.closed = new_port()
        self.closed.close()

    async def asyncTearDown(self):
        self.bob.close()
        self.silent.close()

    async def ask(self, first_port: int, times: int):
        bob_port = self.bob_account.contact.flows[0].port.address[1]
        resolver = Resolver((HERE, 1), lambda: None)
        resolver._known = {("_sip._udp.two.test", TYPE_SRV): [Srv(20, 0, bob_port, "h.test"), Srv(10, 0, first_port, "h.test")],
                           ("h.test", TYPE_A): [HERE]}
        alice, account = new_phone("alice", resolver)
        answers = []
        for _ in range(times):
            message = Message(f"OPTIONS sip:{self.bob_account.contact.user}@two.test SIP/2.0")
            for name, value in (("From", "<sip:a@a>;tag=1"), ("To", "<sip:b@b>"), ("Call-ID", "c"), ("CSeq", "1 OPTIONS")):
                message.add(name, value)
            targets = await resolver.locate(uri_read("sip:two.test").host, None)
            answers.append(await alice.transactions.request(message, targets, lambda _: account.contact.flows[0].port))
        alice.close()
        return answers

    async def test_icmp_leads_to_the_next_target_at_once_and_is_remembered(self):
        first, second = await self.ask(self.closed.address[1], 2)
        self.assertEqual([attempt.outcome for attempt in first.attempts], ["unreachable", "200"])
        self.assertLess(first.elapsed_s, 0.5)
        self.assertEqual([attempt.outcome for attempt in second.attempts], ["200"])

    async def test_silence_leads_to_the_next_target_after_a_second(self):
        answer = (await self.ask(self.silent.address[1], 1))[0]
        self.assertEqual([attempt.outcome for attempt in answer.attempts], ["silence", "200"])
        self.assertEqual(answer.attempts[0].sends, 2)  # at 0 and after T1
        self.assertAlmostEqual(answer.elapsed_s, 1.0, delta=0.3)


if __name__ == "__main__":
    unittest.main()
