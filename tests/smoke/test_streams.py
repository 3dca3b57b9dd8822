"""Connections to a running edge: phones on TCP, a core behind it, all on loopback addresses."""

import base64
import contextlib
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import time
import unittest

from lab import programs
from lab.certificates import Authority
from lab.loopback import free_network

DOMAIN = "weir.test"
READY_S = 20.0
ANSWER_S = 5.0


def until(condition, seconds=READY_S):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(RuntimeError, OSError):
            if condition():
                return True
        time.sleep(0.02)
    return False


class Scene:
    """One edge and its core; what is started here is ended by close()."""

    def __init__(self, core=True, **streams):
        self.network = free_network()
        self.folder = tempfile.mkdtemp(prefix=f"weir-streams-{os.getpid()}-")
        self.access = (f"{self.network}.1", 5060)
        self.running = {}
        # All come from one address here, and at once.
        self.streams = {"new-per-second": 100000, "new-per-source": 100000} | streams
        subprocess.run([programs.WEIRCTL, "keys", "init", f"{self.folder}/keys", "--cluster", "edge.test", "--edge", "1:edge1.test"],
                       check=True, capture_output=True)
        self.authority = Authority(self.folder, "lab")
        self.certificate, self.key = self.authority.issue("edge", ["edge1.test", "edge.test"])
        self.write("core", self.core_settings())
        self.write("edge", self.edge_settings())
        if core:
            self.start("core", programs.CONTROL, "--config", f"{self.folder}/core.yaml")
        self.start("dataplane", programs.DATAPLANE, "--link", f"{self.folder}/link.sock")
        self.start("edge", programs.CONTROL, "--config", f"{self.folder}/edge.yaml")
        if not until(self.is_ready):
            self.close()
            raise RuntimeError("the edge does not become ready: " + self.log("edge"))
        time.sleep(1.1)  # slots are given out from the next wall clock second on

    def write(self, name, settings):
        with open(f"{self.folder}/{name}.yaml", "w", encoding="ascii") as file:
            file.write(programs.yaml_write(settings))

    def core_settings(self):
        return {"role": "core", "node": {"name": "core.test"},
                "listeners": [{"name": "core", "side": "core", "transport": "udp", "address": f"{self.network}.3:5060"}],
                "registrar": {"domains": [DOMAIN]},
                "admin": {"socket": f"{self.folder}/core.sock"}, "log": {"level": "debug", "format": "text"}}

    def edge_settings(self):
        return {"node": {"id": 1, "name": "edge1.test"},
                "listeners": [
                    {"name": "udp", "side": "access", "transport": "udp", "address": f"{self.network}.1:5060"},
                    {"name": "tcp", "side": "access", "transport": "tcp", "address": f"{self.network}.1:5060"},
                    {"name": "tls", "side": "access", "transport": "tls", "tls": "phones", "address": f"{self.network}.1:5061"},
                    {"name": "ws", "side": "access", "transport": "ws", "address": f"{self.network}.1:8080"},
                    {"name": "wss", "side": "access", "transport": "wss", "tls": "phones", "address": f"{self.network}.1:8443"},
                    {"name": "core-tcp", "side": "core", "transport": "tcp", "address": f"{self.network}.2:5060"},
                    # Nobody here resolves names.
                    {"name": "core", "side": "core", "transport": "udp", "address": f"{self.network}.2:5060",
                     "advertise": f"{self.network}.2:5060"}],
                "tls": [{"name": "phones", "certificate": self.certificate, "key": self.key}],
                "cluster": {"name": "edge.test"}, "upstream": {"targets": [f"sip:{self.network}.3:5060"]},
                "keys": {"directory": f"{self.folder}/keys"}, "store": {"path": f"{self.folder}/store"},
                "link": {"socket": f"{self.folder}/link.sock"}, "streams": self.streams or None,
                "dataplane": {"workers": 2},
                "admin": {"socket": f"{self.folder}/edge.sock"}, "log": {"level": "debug", "format": "text"}}

    def start(self, name, *words):
        with open(f"{self.folder}/{name}.log", "ab") as log:
            self.running[name] = subprocess.Popen(words, stdout=log, stderr=log)

    def kill(self, name):
        self.running[name].kill()
        self.running[name].wait()

    def log(self, name):
        with open(f"{self.folder}/{name}.log", encoding="utf-8", errors="replace") as file:
            return file.read()[-2000:]

    def resident(self, name):
        """Octets of memory that a process has."""
        with open(f"/proc/{self.running[name].pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def ask(self, *words):
        return programs.weirctl(f"{self.folder}/edge.sock", *words)

    def is_ready(self):
        return self.ask("status")["ready"] is True and self.ask("status")["upstream"]["up"] > 0

    def flows(self, transport):
        return [flow for flow in self.ask("flows", "show")["flows"] if flow["transport"] == transport]

    def close(self):
        """Ends everything, and raises if anything did not end well."""
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        bad = [name for name in self.running if not self._ended_well(name)]
        log = "".join(self.log(name) for name in bad)
        shutil.rmtree(self.folder, ignore_errors=True)
        if bad:
            raise RuntimeError(f"{', '.join(bad)}: {log}")

    def _ended_well(self, name):
        process = self.running[name]
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return process.returncode in (0, -signal.SIGKILL) and "Sanitizer" not in self.log(name) and "runtime error" not in self.log(name)


class Wire:
    """One phone's connection, with what has come by it and was not read."""

    PORTS = {"TCP": 5060, "TLS": 5061, "WS": 8080, "WSS": 8443}

    def __init__(self, scene, transport="TCP", context=None):
        self.scene = scene
        self.transport = transport
        self.rest = b""
        self.pongs = 0
        self.socket = socket.create_connection((scene.access[0], self.PORTS[transport]), timeout=ANSWER_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if transport in ("TLS", "WSS"):
            self.socket = (context or scene.authority.client_context()).wrap_socket(self.socket, server_hostname="edge1.test")
        self.local = self.socket.getsockname()

    def send(self, octets):
        self.socket.sendall(octets)

    def receive(self, octets):
        while len(self.rest) < octets:
            self._more()
        taken, self.rest = self.rest[:octets], self.rest[octets:]
        return taken

    def _more(self):
        came = self.socket.recv(65536)
        if not came:
            raise EOFError
        self.rest += came

    def message(self):
        """The next one; pongs before it are counted."""
        while b"\r\n\r\n" not in self.rest.lstrip(b"\r\n"):
            self._more()
        self.pongs += (len(self.rest) - len(self.rest.lstrip(b"\r\n"))) // 2
        self.rest = self.rest.lstrip(b"\r\n")
        head = self.rest.split(b"\r\n\r\n")[0]
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        return self.receive(len(head) + 4 + length).decode()

    def is_closed(self, seconds):
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def close(self):
        self.socket.close()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class WebSocket(Wire):
    """A browser: one SIP message a WebSocket message."""

    def __init__(self, scene, transport="WS"):
        super().__init__(scene, transport)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(f"GET / HTTP/1.1\r\nHost: edge1.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\n\r\n".encode())
        while b"\r\n\r\n" not in self.rest:
            self._more()
        self.answer, self.rest = self.rest.split(b"\r\n\r\n", 1)

    def send(self, octets, opcode=1):
        mask = os.urandom(4)
        length = bytes([0x80 | len(octets)]) if len(octets) < 126 else b"\xfe" + struct.pack(">H", len(octets))
        masked = bytes(octet ^ mask[at % 4] for at, octet in enumerate(octets))
        self.socket.sendall(bytes([0x80 | opcode]) + length + mask + masked)

    def frame(self):
        head = self.receive(2)
        length = head[1]
        if length == 126:
            length = struct.unpack(">H", self.receive(2))[0]
        return head[0] & 15, self.receive(length)

    def message(self):
        opcode, octets = self.frame()
        if opcode not in (1, 2):
            raise RuntimeError(f"a frame of opcode {opcode}")
        return octets.decode()


class Datagrams:
    """A phone on UDP."""

    def __init__(self, scene):
        self.scene = scene
        self.transport = "UDP"
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((f"{scene.network}.9", 0))
        self.socket.settimeout(ANSWER_S)
        self.local = self.socket.getsockname()

    def send(self, octets):
        self.socket.sendto(octets, self.scene.access)

    def message(self):
        return self.socket.recv(65536).decode()

    def close(self):
        self.socket.close()


def request(method, phone, target, user, peer, *headers, branch, call, cseq=1, to_tag="", body=""):
    lines = [f"{method} {target} SIP/2.0",
             f"Via: SIP/2.0/{phone.transport} {phone.local[0]}:{phone.local[1]};branch=z9hG4bK{branch};rport",
             "Max-Forwards: 70", f"From: <sip:{user}@{DOMAIN}>;tag={user}", f"To: <sip:{peer}@{DOMAIN}>{to_tag}", f"Call-ID: {call}",
             f"CSeq: {cseq} {method}", *headers, f"Content-Length: {len(body)}", "", body]
    return "\r\n".join(lines).encode()


def contact(phone, user):
    return f"sip:{user}@{phone.local[0]}:{phone.local[1]};transport={phone.transport.lower()}"


def register(phone, user, call=None):
    phone.send(request("REGISTER", phone, f"sip:{DOMAIN}", user, user, "Supported: path, outbound",
                       f'Contact: <{contact(phone, user)}>;+sip.instance="<urn:uuid:{user}>";reg-id=1', "Expires: 600",
                       branch=f"r{user}", call=call or f"register-{user}"))
    return phone.message()


def header(message, name):
    return [line.split(":", 1)[1].strip() for line in message.split("\r\n") if line.lower().startswith(name.lower() + ":")]


def response(message, status, tag="", *headers):
    kept = [line for line in message.split("\r\n\r\n")[0].split("\r\n")[1:]
            if line.split(":")[0] in ("Via", "From", "Call-ID", "CSeq", "Record-Route")]
    return "\r\n".join([f"SIP/2.0 {status}", *kept, f"To: {header(message, 'To')[0]}{tag}", *headers, "Content-Length: 0", "", ""]).encode()


def options(phone, branch, body=""):
    return request("OPTIONS", phone, "sip:edge1.test", "probe", "probe", branch=branch, call=f"options-{branch}", body=body)


class Streams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = Scene(**{"threads": 3, "headers": "1s", "first-message": "4s", "write-stall": "2s", "write-queue": "64KiB", "per-source": 20000})

    @classmethod
    def tearDownClass(cls):
        cls.scene.close()

    def wire(self):
        wire = Wire(self.scene)
        self.addCleanup(wire.close)
        return wire

    def datagrams(self):
        phone = Datagrams(self.scene)
        self.addCleanup(phone.close)
        return phone

    def test_a_phone_registers_over_tcp_and_its_flow_ends_with_the_connection(self):
        phone = self.wire()
        answer = register(phone, "carol")
        self.assertTrue(answer.startswith("SIP/2.0 200"), answer)
        self.assertEqual(header(answer, "Flow-Timer"), ["120"])
        flows = [flow for flow in self.scene.flows("tcp") if flow["peer"].endswith(f":{phone.local[1]}")]
        self.assertEqual([(flow["state"], flow["rows_count"]) for flow in flows], [("live", 1)])
        phone.close()
        self.assertTrue(until(lambda: not [flow for flow in self.scene.flows("tcp") if flow["slot"] == flows[0]["slot"]], 2.0))

    def test_a_call_goes_between_tcp_and_udp_and_ends_from_both_sides(self):
        for number, enders in enumerate(("caller", "callee")):
            alice, bob = self.wire(), self.datagrams()
            self.assertIn("200", register(alice, f"alice{number}").split("\r\n")[0])
            self.assertIn("200", register(bob, f"bob{number}").split("\r\n")[0])
            call = f"call-{number}"
            alice.send(request("INVITE", alice, f"sip:bob{number}@{DOMAIN}", f"alice{number}", f"bob{number}",
                               f"Contact: <{contact(alice, f'alice{number}')};ob>", branch=f"i{number}", call=call))
            invite = bob.message()
            while not invite.startswith("INVITE"):
                invite = bob.message()
            routes = header(invite, "Record-Route")
            self.assertTrue(any("transport=tcp" in route for route in routes), invite)
            bob.send(response(invite, "200 OK", ";tag=b", f"Contact: <{contact(bob, f'bob{number}')}>"))
            answer = alice.message()
            while not answer.startswith("SIP/2.0 200"):
                answer = alice.message()
            self.assertEqual(header(answer, "Record-Route"), routes)
            if enders == "callee":
                bob.send(request("BYE", bob, contact(alice, f"alice{number}"), f"bob{number}", f"alice{number}",
                                 *(f"Route: {route}" for route in routes), branch=f"b{number}", call=call, to_tag=f";tag=alice{number}")
                         .replace(f"tag=bob{number}".encode(), b"tag=b", 1))
                bye = alice.message()
            else:
                alice.send(request("BYE", alice, contact(bob, f"bob{number}"), f"alice{number}", f"bob{number}",
                                   *(f"Route: {route}" for route in reversed(routes)), branch=f"b{number}", call=call, cseq=2,
                                   to_tag=";tag=b"))
                bye = bob.message()
                while not bye.startswith("BYE"):
                    bye = bob.message()
            self.assertTrue(bye.startswith("BYE"), bye)

    def phone(self, transport):
        phone = WebSocket(self.scene, transport) if transport in ("WS", "WSS") else Wire(self.scene, transport)
        self.addCleanup(phone.close)
        return phone

    def test_phones_of_every_transport_register_and_are_called(self):
        for number, transport in enumerate(("TCP", "TLS", "WS", "WSS")):
            with self.subTest(transport):
                phone, caller = self.phone(transport), self.datagrams()
                self.assertTrue(register(phone, f"callee{number}").startswith("SIP/2.0 200"))
                self.assertEqual([flow["state"] for flow in self.scene.flows(transport.lower())
                                  if flow["peer"].endswith(f":{phone.local[1]}")], ["live"])
                self.assertTrue(register(caller, f"caller{number}").startswith("SIP/2.0 200"))
                caller.send(request("MESSAGE", caller, f"sip:callee{number}@{DOMAIN}", f"caller{number}", f"callee{number}",
                                    branch=f"m{number}", call=f"message-{number}", body="hello"))
                message = phone.message()
                self.assertTrue(message.startswith("MESSAGE") and message.endswith("\r\n\r\nhello"), message)
                self.assertTrue(header(message, "Via")[0].startswith(f"SIP/2.0/{transport} "), message)
                phone.send(response(message, "200 OK", ";tag=c"))
                answer = caller.message()
                while not answer.startswith("SIP/2.0 200"):
                    answer = caller.message()
                self.assertEqual(header(answer, "CSeq"), ["1 MESSAGE"])

    def test_a_websocket_speaks_sip_and_answers_pings(self):
        phone = self.phone("WS")
        self.assertIn(b"Sec-WebSocket-Protocol: sip", phone.answer)
        phone.send(b"are you there", opcode=9)
        self.assertEqual(phone.frame(), (10, b"are you there"))
        phone.send(b"\r\n\r\n")
        self.assertEqual(phone.frame(), (1, b"\r\n"))
        for n in range(50):
            phone.send(options(phone, f"ws{n}"), opcode=1 + n % 2)
        for n in range(50):
            self.assertEqual(header(phone.message(), "Call-ID"), [f"options-ws{n}"])
        phone.send(struct.pack(">H", 1000), opcode=8)
        self.assertEqual(phone.frame()[0], 8)
        self.assertTrue(phone.is_closed(2.0))

    def test_tls_of_before_1_2_is_refused(self):
        context = self.scene.authority.client_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context.minimum_version = context.maximum_version = version
            phone = Wire(self.scene, "TLS", context)
            self.addCleanup(phone.close)
            phone.send(options(phone, f"version{version}"))
            self.assertTrue(phone.message().startswith("SIP/2.0 200"))
        with socket.create_connection((self.scene.access[0], 5061), timeout=ANSWER_S) as old:
            # A ClientHello of TLS 1.0 (RFC 2246 section 7.4.1.2) with one cipher.
            hello = b"\x03\x01" + bytes(32) + b"\x00" + b"\x00\x02\xc0\x14" + b"\x01\x00"
            old.sendall(b"\x16\x03\x01" + struct.pack(">H", len(hello) + 4) + b"\x01" + struct.pack(">I", len(hello))[1:] + hello)
            self.assertEqual(old.recv(7)[0:1], b"\x15")

    def test_a_large_message_crosses_tls_records_and_segments(self):
        phone = self.phone("TLS")
        for n, length in enumerate((1, 1000, 8000, 15000)):
            text = options(phone, f"big{n}", "x" * length)
            for at in range(0, len(text), 700):
                phone.send(text[at:at + 700])
            self.assertTrue(phone.message().startswith("SIP/2.0 200"))
        phone.send(b"".join(options(phone, f"burst{n}", "x" * 3000) for n in range(20)))
        for n in range(20):
            self.assertEqual(header(phone.message(), "Call-ID"), [f"options-burst{n}"])

    def test_certificates_are_reloaded_and_connections_stay(self):
        before = self.phone("TLS")
        self.assertTrue(register(before, "stays").startswith("SIP/2.0 200"))
        certificate, key = self.scene.authority.issue("edge-new", ["edge1.test", "edge.test", "new.test"])
        shutil.copy(key, self.scene.key)
        shutil.copy(certificate, self.scene.certificate)
        self.scene.running["edge"].send_signal(signal.SIGHUP)

        def is_new():
            phone = Wire(self.scene, "TLS")
            names = [name for _, name in phone.socket.getpeercert()["subjectAltName"]]
            phone.close()
            return "new.test" in names
        self.assertTrue(until(is_new, 5.0))
        before.send(options(before, "still"))
        self.assertTrue(before.message().startswith("SIP/2.0 200"))

    def test_a_certificate_that_does_not_name_the_whole_cluster_is_refused(self):
        settings = self.scene.edge_settings()
        settings["tls"][0]["certificate"], settings["tls"][0]["key"] = self.scene.authority.issue("narrow", ["edge1.test"])
        self.scene.write("narrow", settings)
        done = subprocess.run([programs.WEIRCTL, "config", "check", f"{self.scene.folder}/narrow.yaml"], capture_output=True, text=True,
                              check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("does not name 'edge.test'", done.stdout + done.stderr)

    def test_two_crlfs_are_answered_by_one_at_once(self):
        phone = self.wire()
        phone.send(b"\r\n\r\n")
        self.assertEqual(phone.receive(2), b"\r\n")
        phone.send(b"\r\n" + options(phone, "ping") + b"\r\n\r\n" + options(phone, "pong"))
        self.assertTrue(phone.message().startswith("SIP/2.0 200"))
        self.assertTrue(phone.message().startswith("SIP/2.0 200"))
        self.assertEqual(phone.pongs, 1)

    def test_messages_in_one_segment_are_answered_in_their_order(self):
        phone = self.wire()
        phone.send(b"".join(options(phone, f"many{n}", "x" * n) for n in range(200)))
        for n in range(200):
            self.assertEqual(header(phone.message(), "Call-ID"), [f"options-many{n}"])

    def core_wire(self, source):
        """A connection to the core's listener, from one of this host's addresses."""
        wire = Wire.__new__(Wire)
        wire.scene, wire.transport, wire.rest, wire.pongs = self.scene, "TCP", b"", 0
        wire.socket = socket.create_connection((f"{self.scene.network}.2", 5060), timeout=ANSWER_S, source_address=(source, 0))
        wire.local = wire.socket.getsockname()
        self.addCleanup(wire.close)
        return wire

    def test_the_core_listener_hears_its_targets_and_gives_strangers_no_flow(self):
        target = self.core_wire(f"{self.scene.network}.3")
        target.send(options(target, "from-the-core"))
        self.assertTrue(target.message().startswith("SIP/2.0 200"))
        stranger = self.core_wire(f"{self.scene.network}.77")
        stranger.send(options(stranger, "from-a-stranger"))
        self.assertTrue(stranger.is_closed(2.0))
        self.assertFalse([flow for flow in self.scene.flows("tcp") if f"{self.scene.network}.77" in str(flow)])

    def test_slow_headers_are_cut(self):
        phone = self.wire()
        phone.send(options(phone, "slow")[:50])
        begun = time.monotonic()
        self.assertTrue(phone.is_closed(3.0))
        self.assertGreater(time.monotonic() - begun, 0.8)

    def test_a_connection_without_a_message_is_cut(self):
        phone = self.wire()
        self.assertTrue(phone.is_closed(6.0))

    def test_what_does_not_say_where_it_ends_is_refused_and_closed(self):
        phone = self.wire()
        phone.send(options(phone, "unended").replace(b"Content-Length: 0\r\n", b""))
        self.assertTrue(phone.message().startswith("SIP/2.0 400"))
        self.assertTrue(phone.is_closed(2.0))
        phone = self.wire()
        phone.send(options(phone, "twice").replace(b"Content-Length: 0\r\n", b"Content-Length: 0\r\nl: 5\r\n"))
        self.assertTrue(phone.message().startswith("SIP/2.0 400"))
        self.assertTrue(phone.is_closed(2.0))

    def test_a_message_beyond_the_limit_is_refused_before_it_has_come(self):
        phone = self.wire()
        phone.send(options(phone, "large").replace(b"Content-Length: 0", b"Content-Length: 100000"))
        self.assertTrue(phone.message().startswith("SIP/2.0 513"))
        self.assertTrue(phone.is_closed(2.0))

    def test_a_reader_that_does_not_read_is_closed_and_harms_nobody(self):
        stuck, other = self.wire(), self.wire()
        stuck.socket.settimeout(0.2)
        with contextlib.suppress(TimeoutError, ConnectionError):
            for n in range(100000):
                stuck.send(options(stuck, f"stuck{n}"))
                if n % 1000 == 0:
                    begun = time.monotonic()
                    other.send(options(other, f"other{n}"))
                    other.message()
                    self.assertLess(time.monotonic() - begun, 1.0)
        self.assertTrue(until(lambda: self.scene.ask("status")["streams"]["ended"].get("stalled", 0) > 0, 10.0))
        other.send(options(other, "after"))
        self.assertTrue(other.message().startswith("SIP/2.0 200"))

    def test_a_storm_of_resets_leaves_nothing_behind(self):
        for n in range(int(os.environ.get("WEIR_RESETS", "1000"))):
            phone = Wire(self.scene)
            phone.send(options(phone, f"reset{n}") * (n % 10))
            phone.reset()
        self.assertTrue(until(lambda: self.scene.ask("status")["streams"]["open_count"] <= 20, 10.0))
        phone = self.wire()
        phone.send(options(phone, "survivor"))
        self.assertTrue(phone.message().startswith("SIP/2.0 200"))

    def test_connections_outlive_the_dataplane_and_requests_wait_for_it(self):
        phone = self.wire()
        self.assertTrue(register(phone, "dora").startswith("SIP/2.0 200"))
        self.scene.kill("dataplane")
        phone.send(b"\r\n\r\n")
        self.assertEqual(phone.receive(2), b"\r\n")
        phone.send(options(phone, "held"))
        self.scene.start("dataplane", programs.DATAPLANE, "--link", f"{self.scene.folder}/link.sock")
        answer = phone.message()
        self.assertTrue(answer.startswith(("SIP/2.0 200", "SIP/2.0 503")), answer)
        self.assertTrue(until(self.scene.is_ready))
        phone.send(options(phone, "again"))
        self.assertTrue(phone.message().startswith("SIP/2.0 200"))


class Held(unittest.TestCase):
    """What came by TCP and left by UDP is repeated by the edge. The core is played."""

    def setUp(self):
        self.scene = Scene(core=False)
        self.addCleanup(self.scene.close)
        self.core = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.core.bind((f"{self.scene.network}.3", 5060))
        self.core.settimeout(8.0)
        self.addCleanup(self.core.close)
        self.phone = Wire(self.scene)
        self.addCleanup(self.phone.close)

    def heard(self):
        """The next request that is no probe, when it came, and from where."""
        while True:
            octets, source = self.core.recvfrom(65536)
            if not octets.startswith(b"OPTIONS"):
                return octets.decode(), time.monotonic(), source

    def answer(self, message, status, source):
        self.core.sendto(response(message, status, ";tag=core"), source)

    def test_a_request_is_repeated_until_it_is_answered(self):
        self.phone.send(request("MESSAGE", self.phone, f"sip:b@{DOMAIN}", "a", "b", branch="h1", call="held-1"))
        copies = [self.heard() for _ in range(3)]
        gaps = [later[1] - earlier[1] for earlier, later in zip(copies, copies[1:])]
        self.assertEqual(len({copy[0] for copy in copies}), 1, "each is the same, octet for octet")
        for gap, wanted in zip(gaps, (0.5, 1.0)):
            self.assertAlmostEqual(gap, wanted, delta=0.2)
        self.answer(copies[-1][0], "200 OK", copies[-1][2])
        self.assertTrue(self.phone.message().startswith("SIP/2.0 200"))
        self.core.settimeout(3.0)
        self.assertRaises(TimeoutError, self.heard)

    def test_an_invite_is_not_repeated_after_a_provisional_response(self):
        self.phone.send(request("INVITE", self.phone, f"sip:b@{DOMAIN}", "a", "b", branch="h2", call="held-2"))
        self.heard()
        invite, _, source = self.heard()
        self.answer(invite, "100 Trying", source)
        self.assertTrue(self.phone.message().startswith("SIP/2.0 100"))
        self.core.settimeout(3.0)
        self.assertRaises(TimeoutError, self.heard)

    def test_a_register_is_repeated_too_and_an_ack_is_not(self):
        self.phone.send(request("ACK", self.phone, f"sip:b@{DOMAIN}", "a", "b", branch="h3", call="held-3", to_tag=";tag=x"))
        self.assertTrue(self.heard()[0].startswith("ACK"))
        self.phone.send(request("REGISTER", self.phone, f"sip:{DOMAIN}", "a", "a", f"Contact: <{contact(self.phone, 'a')}>", branch="h4",
                                call="held-4"))
        first, second = self.heard(), self.heard()
        self.assertTrue(first[0].startswith("REGISTER"))
        self.assertEqual(first[0], second[0])
        self.answer(second[0], "403 Forbidden", second[2])
        self.assertTrue(self.phone.message().startswith("SIP/2.0 403"))

    def test_a_closed_connection_repeats_nothing(self):
        self.phone.send(request("MESSAGE", self.phone, f"sip:b@{DOMAIN}", "a", "b", branch="h5", call="held-5"))
        self.heard()
        self.phone.close()
        self.core.settimeout(2.5)
        self.assertRaises(TimeoutError, self.heard)


class Fewer(unittest.TestCase):
    def test_threads_that_the_dataplane_was_not_started_for_take_no_connections(self):
        scene = Scene(threads=1)
        self.addCleanup(scene.close)
        scene.running["edge"].send_signal(signal.SIGTERM)
        scene.running["edge"].wait(10)
        scene.streams = {"threads": 4}
        scene.write("edge", scene.edge_settings())
        scene.start("edge", programs.CONTROL, "--config", f"{scene.folder}/edge.yaml")
        self.assertTrue(until(scene.is_ready))
        self.assertIn("stream-lanes", scene.log("edge"))
        time.sleep(1.1)
        for n in range(40):
            phone = Wire(scene)
            phone.send(options(phone, f"fewer{n}"))
            self.assertTrue(phone.message().startswith("SIP/2.0 200"))
            phone.close()


class Many(unittest.TestCase):
    """How many is for the environment to say: WEIR_IDLE, WEIR_IDLE_TLS."""

    def serve_beside(self, transport, count):
        scene = Scene(**{"per-source": 20000})
        self.addCleanup(scene.close)
        before = scene.resident("edge")
        context = scene.authority.client_context()
        idle = [Wire(scene, transport, context) for _ in range(count)]
        try:
            self.assertTrue(until(lambda: scene.ask("status")["streams"]["open_count"] == count))
            time.sleep(0.2)
            each = (scene.resident("edge") - before) // count
            begun = time.monotonic()
            phone = Wire(scene, transport, context)
            phone.send(options(phone, "new"))
            self.assertTrue(phone.message().startswith("SIP/2.0 200"))
            taken = time.monotonic() - begun
            print(f"{count} idle {transport} connections: {each} octets each in weir-control; a new phone is served in {taken * 1000:.1f} ms")
            self.assertLess(taken, 0.1)
            phone.close()
        finally:
            for wire in idle:
                wire.close()

    def test_a_phone_is_served_at_once_beside_thousands_on_tcp_that_are_idle(self):
        self.serve_beside("TCP", int(os.environ.get("WEIR_IDLE", "1000")))

    def test_a_phone_is_served_at_once_beside_many_on_tls_that_are_idle(self):
        self.serve_beside("TLS", int(os.environ.get("WEIR_IDLE_TLS", "200")))


if __name__ == "__main__":
    unittest.main()
