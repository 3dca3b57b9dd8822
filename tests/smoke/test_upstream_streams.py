"""Connections of a running edge to its core: one here that the test plays, on TCP and TLS, on loopback addresses."""

import contextlib
import queue
import select
import socket
import ssl
import threading
import time
import unittest

from lab import programs
from test_streams import ANSWER_S, DOMAIN, Scene, Wire, until


class Line:
    """One connection at the core; messages that came by it, in order."""

    def __init__(self, core, sock):
        self.core = core
        self.socket = sock
        self.socket.settimeout(0.5)
        # OpenSSL has one connection used by one thread at a time.
        self.lock = threading.Lock()
        self.rest = b""
        self.messages = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with contextlib.suppress(OSError, ValueError):
            while came := self._receive():
                self.rest += came
                while message := self._cut():
                    self._take(message)
        self.messages.put(None)

    def _receive(self):
        while True:
            select.select([self.socket], [], [])
            with self.lock, contextlib.suppress(TimeoutError):
                return self.socket.recv(65536)

    def _cut(self):
        head, found, _ = self.rest.partition(b"\r\n\r\n")
        if not found:
            return None
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        message, self.rest = self.rest[:len(head) + 4 + length], self.rest[len(head) + 4 + length:]
        return message.decode()

    def _take(self, message):
        if message.startswith("OPTIONS"):
            self.core.probes += 1
            if self.core.answers:
                self.send(answer(message))
        else:
            self.messages.put(message)

    def send(self, text):
        with self.lock:
            self.socket.sendall(text.encode())

    def next(self):
        return self.messages.get(timeout=ANSWER_S)

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Core:
    """A registrar that says 200 to all that it is asked."""

    def __init__(self, address, context=None):
        self.address = address
        self.context = context
        self.answers = True
        self.probes = 0
        self.refused = 0
        self.lines = queue.Queue()
        self.all = []
        self.listen()

    def listen(self):
        self.ear = socket.create_server(self.address)
        threading.Thread(target=self._accept, args=(self.ear,), daemon=True).start()

    def _accept(self, ear):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = ear.accept()
                try:
                    line = Line(self, self.context.wrap_socket(sock, server_side=True) if self.context else sock)
                except (ssl.SSLError, OSError):
                    self.refused += 1
                    sock.close()
                    continue
                self.all.append(line)
                self.lines.put(line)

    def line(self):
        return self.lines.get(timeout=ANSWER_S)

    def close(self):
        with contextlib.suppress(OSError):
            self.ear.shutdown(socket.SHUT_RDWR)
        self.ear.close()
        for line in self.all:
            line.close()
        self.all.clear()


def header(message, name):
    return [line.split(":", 1)[1].strip() for line in message.split("\r\n") if line.lower().startswith(name.lower() + ":")]


def answer(request, status="200 OK", more=""):
    lines = [line for line in request.split("\r\n") if line.split(":")[0] in ("Via", "From", "Call-ID", "CSeq", "Record-Route", "Path")]
    to = header(request, "To")[0]
    return "\r\n".join([f"SIP/2.0 {status}", *lines, f"To: {to}" + ("" if ";tag=" in to else ";tag=core"), more + "Content-Length: 0", "", ""])


class CoreScene(Scene):
    """An edge whose core is reached by connections."""

    def __init__(self, targets, cores, tls=None):
        self.targets = targets
        self.tls = tls
        self.cores = cores
        self.made = []
        super().__init__(core=False)

    def edge_settings(self):
        self.made = [Core((f"{self.network}.{host}", port), context and context(self)) for host, port, context in self.cores]
        settings = super().edge_settings()
        settings["listeners"].append({"name": "core-tls", "side": "core", "transport": "tls", "tls": "core",
                                      "address": f"{self.network}.2:5061", "advertise": f"{self.network}.2:5061"})
        settings["tls"].append({"name": "core", "certificate": self.certificate, "key": self.key, "ca": self.authority.certificate,
                                **(self.tls or {})})
        settings["upstream"] = {"targets": [target.format(net=self.network) for target in self.targets],
                                "probe": {"every": "200ms", "down-after": 2}}
        return settings

    def is_ready(self):
        return self.ask("status")["ready"] is True

    def states(self):
        return [target["state"] for target in self.ask("upstream", "show")["targets"]]

    def close(self):
        for core in self.made:
            core.close()
        super().close()


def request(method, call, wire, more="", user="bob"):
    return (f"{method} sip:{user}@{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/TCP {wire.local[0]}:{wire.local[1]};branch=z9hG4bK{call}{method}\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:alice@{DOMAIN}>;tag=fa\r\nTo: <sip:{user}@{DOMAIN}>\r\nCall-ID: {call}\r\n"
            f"CSeq: 1 {method}\r\n{more}Content-Length: 0\r\n\r\n").encode()


def from_core(core, host, call, uri, route=None, port=5060, more="", transport="TCP"):
    return (f"MESSAGE {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {core}.{host}:{port};branch=z9hG4bK{call}{more}\r\n"
            + (f"Route: {route}\r\n" if route else "")
            + f"Max-Forwards: 70\r\nFrom: <sip:bob@{DOMAIN}>;tag=fb\r\nTo: <sip:alice@{DOMAIN}>\r\nCall-ID: {call}\r\n"
              "CSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n")


class Case(unittest.TestCase):
    targets = []
    cores = []
    tls = None

    def setUp(self):
        self.scene = CoreScene(self.targets, self.cores, self.tls)
        self.addCleanup(self.scene.close)
        self.net = self.scene.network

    def wait_states(self, *states):
        self.assertTrue(until(lambda: self.scene.states() == list(states)), f"{self.scene.states()}: {self.scene.log('edge')}")

    def wire(self, transport="TCP"):
        wire = Wire(self.scene, transport)
        self.addCleanup(wire.close)
        return wire


class One(Case):
    targets = ["sip:{net}.3:5060;transport=tcp"]
    cores = [(3, 5060, None)]

    def register(self, wire, line, call="r1"):
        """The phone alice; the Path that the core is to use."""
        contact = f"sip:alice@{wire.local[0]}:{wire.local[1]};transport=tcp"
        wire.send(request("REGISTER", call, wire, f'Supported: path, outbound\r\nContact: <{contact}>;reg-id=1;+sip.instance="<urn:uuid:1>"\r\n',
                          "alice"))
        came = line.next()
        line.send(answer(came, more=f'Contact: <{contact}>;reg-id=1;+sip.instance="<urn:uuid:1>";expires=600\r\n'))
        self.assertIn("200 OK", wire.message())
        return contact, header(came, "Path")[0], came

    def test_requests_and_answers_go_by_one_connection_both_ways(self):
        self.wait_states("up")
        core, wire = self.scene.made[0], self.wire()
        line = core.line()
        contact, path, came = self.register(wire, line)
        self.assertTrue(header(came, "Via")[0].startswith(f"SIP/2.0/TCP {self.net}.2:5060;"))
        self.assertIn("transport=tcp", path)
        # The core calls by a connection of its own, and is answered there.
        with socket.create_connection((f"{self.net}.2", 5060), ANSWER_S, (f"{self.net}.3", 0)) as own:
            own.sendall(from_core(self.net, 3, "m1", contact, path).encode())
            got = wire.message()
            self.assertIn("transport=tcp", header(got, "Record-Route")[-1])
            wire.send(answer(got).encode())
            self.assertIn("200 OK", own.recv(65536).decode())
            # Another, and its connection is gone before it is answered: by ours, since that goes to where its Via is from.
            own.sendall(from_core(self.net, 3, "m2", contact, path).encode())
            got = wire.message()
        self.assertTrue(until(lambda: len(self.scene.flows("tcp")) == 2))
        time.sleep(0.2)  # and workers know it, too
        wire.send(answer(got).encode())
        back = line.next()
        self.assertIn("200 OK", back)
        self.assertEqual(header(back, "Call-ID"), ["m2"])
        # By our connection it is the core that speaks, too.
        line.send(from_core(self.net, 3, "m3", contact, path))
        wire.send(answer(wire.message()).encode())
        self.assertEqual(header(line.next(), "Call-ID"), ["m3"])
        self.assertEqual(len(core.all), 1)

    def test_a_core_that_does_not_answer_is_left_and_tried_again(self):
        self.wait_states("up")
        core = self.scene.made[0]
        line = core.line()
        core.answers = False
        self.wait_states("down")
        self.assertIsNone(line.next())
        core.answers = True
        self.wait_states("up")
        self.assertGreaterEqual(len(core.all), 2)

    def test_without_a_connection_a_request_is_answered_503(self):
        self.wait_states("up")
        self.scene.made[0].close()
        self.wait_states("down")
        wire = self.wire()
        wire.send(request("MESSAGE", "n1", wire))
        self.assertIn("503", wire.message().split("\r\n")[0])

    def test_connections_to_the_core_outlive_the_dataplane(self):
        self.wait_states("up")
        line = self.scene.made[0].line()
        self.scene.kill("dataplane")
        self.scene.start("dataplane", programs.DATAPLANE, "--link", f"{self.scene.folder}/link.sock")
        self.assertTrue(until(lambda: self.scene.ask("status")["ready"] is True))
        self.wait_states("up")
        wire = self.wire()
        wire.send(request("MESSAGE", "d1", wire))
        self.assertIn("MESSAGE", line.next())


class Two(Case):
    targets = ["sip:{net}.3:5060;transport=tcp", "sip:{net}.4:5060;transport=tcp"]
    cores = [(3, 5060, None), (4, 5060, None)]

    def test_another_target_takes_over_at_once_and_the_lost_one_comes_back(self):
        self.wait_states("up", "up")
        first, second = self.scene.made
        lines = [first.line(), second.line()]
        wire = self.wire()
        first.close()
        self.wait_states("down", "up")
        for number in range(10):
            wire.send(request("MESSAGE", f"o{number}", wire))
            came = lines[1].next()
            lines[1].send(answer(came))
            self.assertIn("200 OK", wire.message())
        first.listen()
        self.wait_states("up", "up")
        # It has no share before its time, so that CANCEL and ACK follow their INVITE.
        self.assertEqual([target["share"] for target in self.scene.ask("upstream", "show")["targets"]], [False, True])


def server(scene, names, wants=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*scene.authority.issue(names[0], names))
    if wants:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(scene.authority.certificate)
    return context


class Tls(Case):
    """Nobody here resolves names, so addresses are what certificates name."""

    targets = ["sips:{net}.3:5061"]
    cores = [(3, 5061, lambda scene: server(scene, [f"{scene.network}.3"], True))]

    def test_where_both_have_shown_certificates_the_connection_is_used_both_ways(self):
        self.wait_states("up")
        line, wire = self.scene.made[0].line(), self.wire()
        wire.send(request("MESSAGE", "t1", wire))
        came = line.next()
        self.assertTrue(header(came, "Via")[0].startswith(f"SIP/2.0/TLS {self.net}.2:5061;"))
        self.assertTrue(header(came, "Via")[0].endswith(";alias"))
        line.send(answer(came))
        self.assertIn("200 OK", wire.message())
        line.send(from_core(self.net, 3, "t2", f"sip:nobody@{self.net}.1", port=5061, transport="TLS"))
        self.assertIn("404", line.next().split("\r\n")[0])


class TlsOneSided(Case):
    targets = ["sips:{net}.3:5061"]
    cores = [(3, 5061, lambda scene: server(scene, [f"{scene.network}.3"]))]

    def test_who_has_not_seen_our_certificate_is_not_told_to_use_the_connection(self):
        self.wait_states("up")
        line, wire = self.scene.made[0].line(), self.wire()
        wire.send(request("MESSAGE", "t3", wire))
        self.assertNotIn("alias", header(line.next(), "Via")[0])


class TlsImpostor(Case):
    targets = ["sips:{net}.3:5061"]
    cores = [(3, 5061, lambda scene: server(scene, [f"{scene.network}.4", "core.test"]))]

    def test_a_server_with_another_name_gets_no_request(self):
        core = self.scene.made[0]
        self.assertTrue(until(lambda: len(core.all) + core.refused >= 2))
        self.assertEqual(self.scene.states(), ["down"])
        self.assertEqual(core.probes, 0)
        self.assertGreaterEqual(self.scene.ask("status")["streams"]["ended"]["impostor"], 1)


class TlsAlias(Case):
    """The core cannot be connected to, but connects itself."""

    targets = ["sips:{net}.4:5061"]
    tls = {"client-auth": "optional"}

    def connect(self, names, alias):
        context = self.scene.authority.client_context()
        context.check_hostname = False
        context.load_cert_chain(*self.scene.authority.issue(f"client-{names[0]}", names))
        sock = context.wrap_socket(socket.create_connection((f"{self.net}.2", 5061), ANSWER_S, (f"{self.net}.4", 0)))
        core = Core.__new__(Core)
        core.answers, core.probes = True, 0
        line = Line(core, sock)
        self.addCleanup(line.close)
        line.send(from_core(self.net, 4, f"a-{names[0]}", f"sip:nobody@{self.net}.1", port=5061, transport="TLS", more=";alias" if alias else ""))
        self.assertIn("404", line.next().split("\r\n")[0])
        return line

    def test_its_own_connection_serves_if_it_has_shown_who_it_is_and_says_so(self):
        self.assertEqual(self.scene.states(), ["down"])
        self.connect([f"{self.net}.5"], True)
        self.connect([f"{self.net}.4"], False)
        self.assertEqual(self.scene.states(), ["down"])
        line = self.connect([f"{self.net}.4"], True)
        self.wait_states("up")
        wire = self.wire()
        wire.send(request("MESSAGE", "t4", wire))
        came = line.next()
        line.send(answer(came))
        self.assertIn("200 OK", wire.message())
        line.close()
        self.wait_states("down")


if __name__ == "__main__":
    unittest.main()
