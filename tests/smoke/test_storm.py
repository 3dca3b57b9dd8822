"""Phones that come back all at once, and sources that come too often: who is there already is served as before."""

import contextlib
import socket
import ssl
import time
import unittest

from test_streams import Scene, Wire, options, register, until

A_SECOND = 200
A_SOURCE = 50
SOURCES = 30
STORM = 600
COMING = 4 * A_SOURCE
SERVED_S = 0.25  # beside other work on the machine


def client_hello(context):
    """What a phone says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    phone = context.wrap_bio(incoming, outgoing, server_hostname="edge1.test")
    with contextlib.suppress(ssl.SSLWantReadError):
        phone.do_handshake()
    return outgoing.read()


class Storm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = Scene(**{"new-per-second": A_SECOND, "new-per-source": A_SOURCE})

    @classmethod
    def tearDownClass(cls):
        cls.scene.close()

    def setUp(self):
        """Nothing of the test before still comes, and the second is another."""
        self.before = None
        while self.before is None or self.came("accepted_count") > 0:
            self.before = self.counts()
            time.sleep(1.1)

    def counts(self):
        return self.scene.ask("status")["streams"]

    def came(self, count):
        return self.counts()[count] - self.before[count]

    def connect(self, port, source):
        """Begun, and not waited for."""
        sock = socket.socket()
        self.addCleanup(sock.close)
        sock.setblocking(False)
        sock.bind((source, 0))
        with contextlib.suppress(BlockingIOError):
            sock.connect((self.scene.access[0], port))
        return sock

    def serve(self, phone, name):
        begun = time.monotonic()
        phone.send(options(phone, name))
        self.assertTrue(phone.message().startswith("SIP/2.0 200"))
        return time.monotonic() - begun

    def test_a_storm_waits_its_turn_and_a_phone_that_is_there_goes_on(self):
        phone = Wire(self.scene, "TLS")
        self.addCleanup(phone.close)
        self.assertTrue(register(phone, "stays").startswith("SIP/2.0 200"))
        self.before = self.counts()
        hello = client_hello(self.scene.authority.client_context())
        begun = time.monotonic()
        storm = [self.connect(5061, f"127.150.0.{1 + number % SOURCES}") for number in range(STORM)]
        for sock in storm:
            sock.send(hello)
        served = []
        while self.came("accepted_count") < STORM and time.monotonic() - begun < 15:
            served.append(self.serve(phone, f"storm{len(served)}"))
        taken = time.monotonic() - begun
        print(f"{STORM} TLS connections at once are taken in {taken:.1f} s; beside them a phone is served {len(served)} times, in "
              f"{max(served) * 1000:.1f} ms at most")
        self.assertEqual(self.came("accepted_count"), STORM)
        self.assertGreater(taken, STORM / A_SECOND - 0.5)
        self.assertEqual(self.came("turned_away_count"), 0)
        self.assertGreater(self.came("held_back_count"), 5)
        self.assertLess(max(served), SERVED_S)

    def test_a_source_that_comes_too_often_is_turned_away_and_others_are_served(self):
        storm = [self.connect(5060, "127.151.0.1") for _ in range(COMING)]
        self.assertTrue(until(lambda: self.came("accepted_count") + self.came("turned_away_count") == COMING, 5))
        # All but those of a second, or of two if one ended meanwhile.
        self.assertGreaterEqual(self.came("turned_away_count"), COMING - 2 * A_SOURCE)
        self.assertGreaterEqual(self.came("accepted_count"), A_SOURCE)
        gone = 0
        for sock in storm:
            try:
                gone += sock.recv(1) == b""
            except ConnectionResetError:
                gone += 1
            except BlockingIOError:
                pass
        self.assertEqual(gone, self.came("turned_away_count"))
        other = Wire(self.scene)
        self.addCleanup(other.close)
        self.serve(other, "other")

    def test_a_core_is_taken_whatever_phones_do(self):
        for number in range(STORM):
            self.connect(5060, f"127.152.0.{1 + number % SOURCES}")
        begun = time.monotonic()
        with socket.create_connection((f"{self.scene.network}.2", 5060), 5) as core:
            core.sendall(b"\r\n\r\n")
            self.assertEqual(core.recv(2), b"\r\n")
        taken = time.monotonic() - begun
        self.assertLess(taken, SERVED_S)
        self.assertLess(self.came("accepted_count"), STORM)


if __name__ == "__main__":
    unittest.main()
