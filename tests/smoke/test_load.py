"""weir-load on loopback: every message arrives once, and what is not right is counted as that."""

import json
import os
import socket
import subprocess
import tempfile
import unittest

LOAD = os.environ["WEIR_LOAD"]
MARK = b"#" * 10


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody has; the sockets are closed again."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for sock in sockets:
        sock.bind(("127.0.0.1", 0))
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


def message(port: int, number: bytes = MARK) -> bytes:
    return (b"BYE sip:bob@127.0.0.1:%d;ob SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKload-%s\r\n"
            b"CSeq: %s BYE\r\n\r\n" % (port, number, number))


class Load(unittest.TestCase):
    def setUp(self) -> None:
        self.processes: list[subprocess.Popen] = []
        self.sink_port, self.relay_port, self.sender_port = free_ports(3)

    def tearDown(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()

    def start(self, *words: str) -> subprocess.Popen:
        process = subprocess.Popen([LOAD, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.processes.append(process)
        return process

    def result(self, process: subprocess.Popen) -> dict:
        output, errors = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 0, errors)
        return json.loads(output)

    def sink(self) -> subprocess.Popen:
        process = self.start("sink", "--from", f"127.0.0.1:{self.sink_port}", "--seconds", "0.3")
        self.await_port(self.sink_port)
        return process

    def await_port(self, port: int) -> None:
        """Until somebody has it."""
        for _ in range(500):
            with open("/proc/net/udp", encoding="ascii") as file:
                if f"0100007F:{port:04X}" in file.read():
                    return
            subprocess.run(["sleep", "0.01"], check=True)
        self.fail(f"nobody listens on {port}")

    def test_every_message_arrives_once_through_the_relay(self) -> None:
        sink = self.sink()
        relay = self.start("relay", "--from", f"127.0.0.1:{self.relay_port}", "--to", f"127.0.0.1:{self.sink_port}",
                           "--seconds", "0.3")
        self.await_port(self.relay_port)
        with tempfile.NamedTemporaryFile() as file:
            for _ in range(3):
                file.write(b"%d\n" % len(message(self.sink_port)) + message(self.sink_port))
            file.flush()
            sender = self.start("send", "--from", f"127.0.0.1:{self.sender_port}", "--to", f"127.0.0.1:{self.relay_port}",
                                "--templates", file.name, "--rate", "2000", "--seconds", "0.5")
            sent = self.result(sender)["sent"]
        counts = self.result(sink)
        self.assertGreaterEqual(sent, 900)
        self.assertEqual((counts["received"], counts["duplicates"], counts["wrong"]), (sent, 0, 0))
        self.assertEqual(self.result(relay)["relayed"], sent)

    @unittest.skipIf(os.getuid() != 0, "raw sockets are root's")
    def test_a_flood_comes_from_every_address_that_it_is_told(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim, tempfile.NamedTemporaryFile() as file:
            victim.bind(("127.0.0.1", 0))
            victim.settimeout(0.2)
            file.write(b"%d\n" % len(message(1)) + message(1))
            file.flush()
            flood = self.start("flood", "--from", "127.1.0.1:5060", "--to", f"127.0.0.1:{victim.getsockname()[1]}", "--templates",
                               file.name, "--sources", "100", "--rate", "2000", "--seconds", "0.5")
            sent, sources, numbers = self.result(flood)["sent"], set(), set()
            try:
                while True:
                    octets, source = victim.recvfrom(2048)
                    sources.add(source)
                    numbers.add(octets.split(b"load-")[1][:10])
            except socket.timeout:
                pass
        self.assertEqual(sources, {(f"127.1.0.{number}", 5060) for number in range(1, 101)})
        self.assertGreater(len(numbers), 100)
        self.assertLessEqual(len(numbers), sent)

    def test_a_repeated_and_a_misdirected_message_are_counted_as_that(self) -> None:
        sink = self.sink()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for octets in (message(self.sink_port, b"0000000007"), message(self.sink_port, b"0000000007"),
                           message(self.sink_port + 1, b"0000000008"), message(self.sink_port), b"garbage"):
                sender.sendto(octets, ("127.0.0.1", self.sink_port))
        counts = self.result(sink)
        self.assertEqual((counts["received"], counts["duplicates"], counts["wrong"]), (1, 1, 3))

    def test_a_file_that_holds_no_templates_is_refused(self) -> None:
        for octets in (b"", b"12\nshort", b"-5\nhello", b"word"):
            with tempfile.NamedTemporaryFile() as file:
                file.write(octets)
                file.flush()
                sender = self.start("send", "--from", f"127.0.0.1:{self.sender_port}", "--to",
                                    f"127.0.0.1:{self.sink_port}", "--templates", file.name)
                _, errors = sender.communicate(timeout=30)
                self.assertEqual(sender.returncode, 1, octets)
                self.assertIn(file.name.encode(), errors)


if __name__ == "__main__":
    unittest.main()
