"""Namespaces, NATs and the janitor: root only, skipped otherwise."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from lab.janitor import Janitor
from lab.nat import NatBox, NatMode
from lab.netns import Network, spawn
from lab.udp import Port

HERE = os.path.dirname(os.path.abspath(__file__))
ONE, TWO = ("203.0.113.1", 5060), ("203.0.113.2", 5060)
PHONE_PORT = 20000

# A lab that says where it is and then hangs, to be killed.
VICTIM = """
import asyncio, sys
sys.path.insert(0, {here!r})
from lab.janitor import Janitor
from lab.netns import Network

async def main():
    network = Network(Janitor())
    space = network.space("victim")
    process = await space.spawn("sleep", "1000", log="/dev/null")
    print(space.name, process.pid, flush=True)
    await asyncio.sleep(1000)

asyncio.run(main())
"""


@unittest.skipIf(os.getuid() != 0, "network namespaces need root")
class Nat(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.janitor = Janitor()
        network = Network(self.janitor)
        network.bridge("access")
        self.heard: list[tuple[tuple, tuple]] = []  # (heard at, from)
        self.edges = []
        for number, address in ((1, ONE), (2, TWO)):
            space = network.space(f"edge{number}")
            network.cable(space, "access", "access", f"{address[0]}/24")
            port = Port(space.socket(), *address)
            port.on_datagram = lambda octets, source, port: self.heard.append((port.address, source))
            self.edges.append(port)
        self.preserving = NatBox(network, "preserving", 1, "access", "203.0.113.101/24", NatMode.PRESERVING)
        self.random = NatBox(network, "random", 2, "access", "203.0.113.102/24", NatMode.RANDOM)
        self.ports = []

    async def asyncTearDown(self):
        for port in self.ports + self.edges:
            port.close()
        self.janitor.sweep()

    async def seen(self, port: Port, *targets: tuple) -> list[tuple]:
        """What the targets take for the phone's address."""
        self.heard.clear()
        for target in targets:
            port.send(b"hello", target)
        await asyncio.sleep(0.1)
        return [next(source for at, source in self.heard if at == target) for target in targets]

    def phone(self, nat: NatBox) -> Port:
        self.ports.append(Port(nat.phones.socket(), nat.phone_address(0), PHONE_PORT))
        return self.ports[-1]

    async def test_the_preserving_one_shows_the_phones_port_to_both_edges(self):
        self.assertEqual(await self.seen(self.phone(self.preserving), ONE, TWO), [("203.0.113.101", PHONE_PORT)] * 2)

    async def test_the_random_one_shows_each_edge_another_port(self):
        one, two = await self.seen(self.phone(self.random), ONE, TWO)
        self.assertEqual((one[0], two[0]), ("203.0.113.102", "203.0.113.102"))
        self.assertEqual(len({one[1], two[1], PHONE_PORT}), 3)

    async def test_the_random_one_gives_a_new_port_once_it_forgot(self):
        port = self.phone(self.random)
        before = await self.seen(port, ONE)
        self.assertEqual(await self.seen(port, ONE), before)
        self.random.forget(port.address[0])
        self.assertNotEqual(await self.seen(port, ONE), before)

    async def test_who_was_asked_may_answer_and_nobody_else(self):
        port = self.phone(self.preserving)
        got = []
        port.on_datagram = lambda octets, source, port: got.append(source)
        outside = (await self.seen(port, ONE))[0]
        for edge in self.edges:
            edge.send(b"answer", outside)
        await asyncio.sleep(0.1)
        self.assertEqual(got, [ONE])


class Suspending(unittest.IsolatedAsyncioTestCase):
    async def test_a_suspended_process_does_nothing_until_it_is_resumed(self):
        janitor = Janitor()
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/ticks"
            process = await spawn(janitor, ["sh", "-c", f"while :; do echo >>{path}; sleep 0.01; done"], f"{folder}/log")
            await self.until(lambda: ticks(path) > 2)
            await process.suspend()
            before = ticks(path)
            await asyncio.sleep(0.1)
            self.assertEqual(ticks(path), before)
            process.resume()
            await self.until(lambda: ticks(path) > before)
            await process.kill()
        janitor.sweep()

    async def until(self, true) -> None:
        end = time.monotonic() + 5
        while not true():
            self.assertLess(time.monotonic(), end)
            await asyncio.sleep(0.01)


def ticks(path: str) -> int:
    return os.path.getsize(path) if os.path.exists(path) else 0


@unittest.skipIf(os.getuid() != 0, "network namespaces need root")
class CleaningUp(unittest.TestCase):
    def test_a_lab_that_is_killed_leaves_nothing(self):
        victim = subprocess.Popen([sys.executable, "-c", VICTIM.format(here=HERE)], stdout=subprocess.PIPE, text=True)
        name, pid = victim.stdout.readline().split()
        self.assertIn(name, os.listdir("/run/netns"))
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        victim.stdout.close()
        end = time.monotonic() + 10
        while time.monotonic() < end and (name in os.listdir("/run/netns") or os.path.exists(f"/proc/{pid}")):
            time.sleep(0.05)
        self.assertNotIn(name, os.listdir("/run/netns"))
        self.assertFalse(os.path.exists(f"/proc/{pid}"))


if __name__ == "__main__":
    unittest.main()
