"""What foreign phones say, read: a lab that misreads them would believe a call ended that did not."""

import asyncio
import json
import os
import tempfile
import unittest

from lab.baresip import Baresip
from lab.foreign import Place
from lab.jssip import Jssip
from lab.transport import TLS

LOG = """UDP 10.1.0.1:5060 -> 203.0.113.1:5060\r
BYE sip:x@y SIP/2.0\r
CSeq: 2 BYE\r
\r
SIP/2.0 100 Trying\r
CSeq: 2 BYE\r
\r
SIP/2.0 200 OK\r
Via: SIP/2.0/UDP 10.1.0.1\r
CSeq: 1 INVITE\r
\r
SIP/2.0 430 Flow Failed\r
Via: SIP/2.0/UDP 10.1.0.1\r
CSeq: 2 BYE\r
Content-Length: 0\r
\r
"""


def fed(octets: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    reader.feed_data(octets)
    return reader


class Reading(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.place = Place(None, "10.1.0.1", ("203.0.113.53", 53), self.folder.name, "/ca.pem", 3)

    def tearDown(self):
        self.folder.cleanup()

    def baresip(self) -> Baresip:
        phone = Baresip("bob", "weir.test", ["edge1.test", "edge2.test"], TLS, self.place)
        os.makedirs(phone.folder)
        return phone

    def test_final_responses_to_the_method_alone_are_answers(self):
        phone = self.baresip()
        with open(phone.log, "w", encoding="ascii", newline="") as file:
            file.write(LOG)
        self.assertEqual((phone.answered("BYE"), phone.answered("INVITE"), phone.answered("INFO")), ([430], [200], []))

    def test_baresip_gets_a_flow_to_every_proxy_over_its_transport(self):
        phone = self.baresip()
        self.assertEqual(phone.command_line(), ["baresip", "-s", "-f", phone.folder])
        with open(f"{phone.folder}/accounts", encoding="ascii") as file:
            account = file.read()
        self.assertIn(';outbound="sip:edge1.test;transport=tls";outbound2="sip:edge2.test;transport=tls"', account)
        with open(f"{phone.folder}/config", encoding="ascii") as file:
            config = file.read()
        self.assertIn("sip_cafile /ca.pem\n", config)
        self.assertIn("ctrl_tcp_listen 127.0.0.1:4447\n", config)

    async def test_events_of_baresip_are_told_from_its_answers(self):
        phone = self.baresip()
        items = [{"event": True, "type": "CALL_RINGING"}, {"response": True, "data": "hello"}, {"event": True, "type": "CALL_CLOSED"}]
        texts = [json.dumps(item) for item in items]
        reader = fed("".join(f"{len(text)}:{text}," for text in texts).encode())
        for _ in items:
            await phone.read(reader)
        self.assertEqual(phone.events, ["closed"])
        self.assertEqual(phone._answers.get_nowait()["data"], "hello")

    async def test_an_event_counts_as_often_as_it_came(self):
        phone = Jssip("bob", "weir.test", ["ws://edge1.test/"], self.place)
        reader = fed(b'{"event":"registered"}\n{"event":"registered"}\n')
        await phone.read(reader)
        self.assertFalse(await phone.wait_event("registered", 0.1, count=2))
        await phone.read(reader)
        self.assertTrue(await phone.wait_event("registered", 0.1, count=2))


if __name__ == "__main__":
    unittest.main()
