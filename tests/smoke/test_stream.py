"""Phones of the labs over TCP, TLS and WebSocket, against an edge that is a few lines of Python."""

import asyncio
import re
import shutil
import socket
import ssl
import tempfile
import unittest

from lab.certificates import Authority
from lab.dns import Resolver
from lab.phone import Account, Contact, Flow, Phone
from lab.sip import Message, message_read, response_write, uri_read
from lab.stream import StreamPort, message_receive
from lab.transport import TCP, TLS, WS, WSS, Transport
from lab.websocket import BINARY, CONTINUATION, PING, PONG, TEXT, accept_write, frame_read, frame_write

HERE = "127.0.0.1"
NAME = "edge1.test"


class FakeEdge:
    """Answers every request with 200, as `answer` wants it written; remembers what came."""

    def __init__(self, transport: Transport, context: ssl.SSLContext | None = None) -> None:
        self.transport = transport
        self.context = context
        self.messages: list[Message] = []
        self.frames: list[tuple[int, bytes]] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.answers = True
        self.subprotocol = "sip"
        self.spoil = lambda accept: accept
        self.write = lambda writer, octets: self.write_message(writer, octets)
        self.address = (HERE, 0)

    async def start(self) -> "FakeEdge":
        self.server = await asyncio.start_server(self._serve, HERE, 0, ssl=self.context)
        self.address = self.server.sockets[0].getsockname()
        return self

    async def stop(self) -> None:
        self.server.close()
        for writer in self.writers:
            writer.transport.abort()
        await self.server.wait_closed()

    def write_message(self, writer: asyncio.StreamWriter, octets: bytes) -> None:
        writer.write(frame_write(TEXT, octets) if self.transport.web else octets)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            if self.transport.web:
                await self._shake_hands(reader, writer)
            while True:
                await self._serve_one(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        octets = await (self._frame(reader) if self.transport.web else message_receive(reader))
        if octets.strip():
            self.messages.append(message_read(octets))
        elif self.answers and octets == (b"\r\n\r\n" if self.transport.web else b"\r\n"):
            self.write_message(writer, b"\r\n")
            # On a stream the second CRLF of a ping comes as a message of its own.
            return None if self.transport.web else await self._second(reader)
        if octets.strip() and self.messages[-1].is_request and self.messages[-1].method != "ACK" and self.answers:
            self.write(writer, ok_write(self.messages[-1]))

    async def _second(self, reader: asyncio.StreamReader) -> None:
        await reader.readexactly(2)

    async def _shake_hands(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = re.search(r"Sec-WebSocket-Key: (\S+)", request)[1]
        writer.write(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      f"Sec-WebSocket-Accept: {self.spoil(accept_write(key))}\r\n"
                      f"Sec-WebSocket-Protocol: {self.subprotocol}\r\n\r\n").encode())

    async def _frame(self, reader: asyncio.StreamReader) -> bytes:
        _, opcode, masked, payload = await frame_read(reader)
        self.frames.append((opcode, payload))
        assert masked, "a client's frames are masked"
        return payload if opcode in (TEXT, BINARY) else b""


def ok_write(request: Message) -> bytes:
    response = response_write(request, 200, "OK", (HERE, 1), "edge")
    response.add("Contact", request.get("Contact"))
    response.add("Require", "outbound")
    return response.encode()


def new_port(transport: Transport, context: ssl.SSLContext | None = None) -> StreamPort:
    return StreamPort(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM), HERE, transport, context, NAME)


class Streams(unittest.IsolatedAsyncioTestCase):
    """Tools of the tests below: an edge and a phone with an account and a flow to it."""

    phone: Phone | None = None

    async def scene(self, transport: Transport = TCP) -> None:
        self.transport = transport
        self.edge = await FakeEdge(transport).start()
        self.phone = Phone("alice", Resolver((HERE, 1), lambda: None), lambda source: True)
        self.port = new_port(transport)
        proxy = uri_read(f"sip:{HERE}:{self.edge.address[1]}")
        proxy.parameters = transport.parameters | {"lr": None}
        self.account = self.phone.add_account(Account("alice", "weir.test", Contact([Flow(self.port, 1, proxy)], "alice")))
        self.flow = self.phone.flows()[0]

    async def asyncTearDown(self):
        await self.leave()

    async def leave(self) -> None:
        if self.phone is not None:
            self.phone.close()
            self.phone = None
            await self.edge.stop()

    async def register(self) -> int:
        return (await self.phone.register(self.account, self.flow)).status

    def request_to_phone(self, via: str) -> bytes:
        request = Message(f"OPTIONS {self.account.contact.uri(self.port)} SIP/2.0")
        for name, value in (("Via", f"SIP/2.0/{via} {HERE}:1;branch=z9hG4bKx"), ("From", "<sip:b@b>;tag=1"), ("To", "<sip:a@a>"),
                            ("Call-ID", "x"), ("CSeq", "1 OPTIONS"), ("Contact", "<sip:b@b>")):
            request.add(name, value)
        return request.encode()


class Messages(Streams):
    async def test_a_phone_registers_and_calls_over_every_transport_without_complaint(self):
        for transport in (TCP, WS):
            await self.scene(transport)
            self.assertEqual(await self.register(), 200)
            self.assertEqual((await self.phone.create("OPTIONS", self.account, "sip:bob@weir.test")).status, 200)
            register = self.edge.messages[0]
            self.assertEqual(register.via.transport, transport.via)
            self.assertEqual(register.get("Contact").count(f";transport={transport.parameter}>"), 1)
            self.assertEqual(self.phone.failures, [])
            self.assertEqual(len(self.edge.writers), 1, "one flow is one connection")
            await self.leave()

    async def test_an_answer_is_read_whatever_its_segments_are(self):
        await self.scene()

        def octet_by_octet(writer, octets):
            async def slowly():
                for at in range(len(octets)):
                    writer.write(octets[at:at + 1])
                    await asyncio.sleep(0)
            self.slowly = asyncio.create_task(slowly())
        self.edge.write = octet_by_octet
        self.assertEqual(await self.register(), 200)
        self.edge.write = lambda writer, octets: writer.write(b"\r\n" + octets + octets)
        self.assertEqual(await self.register(), 200)
        self.assertEqual(self.phone.failures, [])

    async def test_a_message_without_content_length_is_a_failure(self):
        await self.scene()
        self.edge.write = lambda writer, octets: writer.write(re.sub(rb"Content-Length: 0\r\n", b"", octets))
        self.assertEqual(await self.register(), 0)
        self.assertIn("without Content-Length", self.phone.failures[0])

    async def test_a_request_with_the_via_of_another_transport_is_a_failure(self):
        for via, failures in (("UDP", 1), ("TCP", 0)):
            await self.scene()
            await self.register()
            self.edge.write_message(self.edge.writers[0], self.request_to_phone(via))
            await asyncio.sleep(0.05)
            self.assertEqual(len(self.phone.failures), failures, via)
            await self.leave()

    async def test_a_route_over_another_transport_is_a_failure(self):
        await self.scene()
        self.flow.proxy.parameters.pop("transport")
        await self.register()
        self.assertIn("leads over UDP", self.phone.failures[0])

    async def test_who_connects_to_a_phone_is_a_failure(self):
        await self.scene()
        _, writer = await asyncio.open_connection(*self.port.address)
        await asyncio.sleep(0.05)
        writer.close()
        self.assertIn("over flows alone", self.phone.failures[0])

    async def test_a_ping_is_answered_by_a_pong_or_it_is_a_failure(self):
        for transport in (TCP, WS):
            await self.scene(transport)
            await self.register()
            connection = self.port.connection(self.edge.address)
            self.assertLess(await connection.ping(1), 0.5)
            self.edge.answers = False
            self.assertIsNone(await connection.ping(0.05))
            self.assertEqual(self.phone.failures, [])
            await self.leave()


class Ending(Streams):
    async def test_a_refused_connection_leads_to_the_next_target_at_once(self):
        await self.scene()
        closed = new_port(TCP)
        closed.close()
        self.phone.resolver.locate = self.first(closed.address)
        answer = await self.phone.register(self.account, self.flow)
        self.assertEqual([attempt.outcome for attempt in answer.attempts], ["unreachable", "200"])
        self.assertLess(answer.elapsed_s, 0.5)

    def first(self, target):
        async def locate(*_):
            return [target, self.edge.address]
        return locate

    async def test_a_connection_that_ends_fails_what_was_asked_over_it(self):
        await self.scene()
        self.edge.answers = False
        asking = asyncio.create_task(self.register())
        while not self.edge.messages:
            await asyncio.sleep(0.01)
        self.edge.writers[0].transport.abort()
        self.assertEqual(await asyncio.wait_for(asking, 1), 0)

    async def test_a_phone_that_returns_registers_again_over_a_new_connection(self):
        await self.scene()
        self.phone.returns = True
        await self.register()
        self.edge.writers[0].transport.abort()
        await asyncio.sleep(0.05)
        self.assertTrue(await self.phone.returned(1))
        self.assertEqual([message.method for message in self.edge.messages], ["REGISTER"] * 2)
        self.assertEqual([lost[0] for lost in self.phone.lost], [1])
        self.assertEqual(self.phone.failures, [])

    async def test_a_connection_that_the_phone_resets_is_opened_anew_by_the_next_message(self):
        await self.scene()
        await self.register()
        self.port.connection(self.edge.address).reset()
        self.assertEqual(await self.register(), 200)
        self.assertEqual((len(self.edge.writers), self.phone.lost, self.phone.failures), (2, [], []))

    async def test_a_phone_that_does_not_return_stays_away(self):
        await self.scene()
        await self.register()
        self.edge.writers[0].transport.abort()
        await asyncio.sleep(0.05)
        self.assertFalse(await self.phone.returned(0.2))
        self.assertEqual(len(self.edge.messages), 1)


class Tls(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="weir-test-")
        cls.authority = Authority(cls.folder)
        cls.stranger = Authority(cls.folder, "stranger")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    async def connect(self, authority: Authority, names: list[str], transport: Transport = TLS) -> tuple[bool, list[str], list]:
        """Whether the connection stood, what the port complained of, and what the edge got."""
        # An edge whose certificate is refused would say so on standard error.
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*authority.issue("edge", names))
        edge = await FakeEdge(transport, context).start()
        port = new_port(transport, self.authority.client_context())
        faults: list[str] = []
        port.on_fault = faults.append
        connection = port.connect(edge.address)
        connection.send(Message("ACK sip:x@y SIP/2.0", [("Via", f"SIP/2.0/{transport.via} {port}")]).encode())
        await asyncio.sleep(0.2)
        opened = connection.opened
        port.close()
        await edge.stop()
        return opened, faults, edge.messages

    async def test_an_edge_with_the_name_and_the_ca_is_believed(self):
        for transport in (TLS, WSS):
            opened, faults, messages = await self.connect(self.authority, ["edge2.test", NAME], transport)
            self.assertEqual((opened, faults, len(messages)), (True, [], 1), transport.name)

    async def test_an_edge_of_another_name_is_a_failure(self):
        opened, faults, messages = await self.connect(self.authority, ["edge2.test"])
        self.assertEqual((opened, messages), (False, []))
        self.assertIn("Hostname mismatch", faults[0])

    async def test_a_certificate_of_another_ca_is_a_failure(self):
        opened, faults, messages = await self.connect(self.stranger, [NAME])
        self.assertEqual((opened, messages), (False, []))
        self.assertIn("certificate verify failed", faults[0])


class WebSockets(Streams):
    async def asyncSetUp(self):
        await self.scene(WS)

    async def refused(self) -> str:
        connection = self.port.connect(self.edge.address)
        self.assertTrue(await connection.wait_ended(1))
        return connection.why

    async def test_an_accept_key_of_another_request_is_refused(self):
        self.edge.spoil = lambda accept: accept_write("another")
        self.assertIn("accept key", await self.refused())

    async def test_another_subprotocol_is_refused(self):
        self.edge.subprotocol = "chat"
        self.assertIn("subprotocol is chat", await self.refused())

    async def test_a_message_in_fragments_with_a_ping_between_is_one_message(self):
        def in_fragments(writer, octets):
            writer.write(frame_write(BINARY, octets[:7], final=False) + frame_write(PING, b"p")
                         + frame_write(CONTINUATION, octets[7:9], final=False) + frame_write(CONTINUATION, octets[9:]))
        self.edge.write = in_fragments
        self.assertEqual(await self.register(), 200)
        await asyncio.sleep(0.05)
        self.assertIn((PONG, b"p"), self.edge.frames)
        self.assertEqual(self.phone.failures, [])

    async def test_lengths_of_two_and_eight_octets_read_back(self):
        for length in (125, 126, 65535, 65536):
            reader = asyncio.StreamReader(limit=1 << 20)
            reader.feed_data(frame_write(TEXT, b"x" * length, b"mask"))
            self.assertEqual(await frame_read(reader), (True, TEXT, True, b"x" * length))

    async def test_a_masked_frame_of_a_server_ends_the_connection(self):
        self.edge.write = lambda writer, octets: writer.write(frame_write(TEXT, octets, b"mask"))
        self.assertEqual(await self.register(), 0)


if __name__ == "__main__":
    unittest.main()
