"""Both programs of an edge on loopback: what it says of itself is true at once."""

import asyncio
import os
import socket
import tempfile
import time
import unittest

from lab import programs
from lab.edge import Edge, EdgePlace, edge_settings, keys_init, wait_until
from lab.janitor import Janitor
from lab.loopback import Loopback

PATIENCE_S = 15.0
REGISTER = ("REGISTER sip:example.test SIP/2.0\r\n"
            "Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bKready;rport\r\n"
            "Max-Forwards: 70\r\nFrom: <sip:bob@example.test>;tag=1\r\nTo: <sip:bob@example.test>\r\n"
            "Call-ID: ready\r\nCSeq: 1 REGISTER\r\nContact: <sip:bob@{host}:{port}>\r\nContent-Length: 0\r\n\r\n")


@unittest.skipIf(programs.missing(), "the programs have not been built")
class Ready(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.janitor = Janitor()
        self.folder = tempfile.mkdtemp(prefix="weir-ready-")
        self.janitor.watch_folder(self.folder)
        self.host = Loopback(self.janitor)
        self.core = self._socket(30)
        self.phone = self._socket(101)
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(f"{self.folder}/notify")
        self.manager.setblocking(False)
        os.environ["NOTIFY_SOCKET"] = f"{self.folder}/notify"
        place = EdgePlace(self.host, self.host.at(1, 5060), self.host.at(10, 5060), self.host.at(20, 5060),
                          self.host.at(20, 7060))
        names = {"access": "edge1.test", "core": "edge1-core.test", "cluster": "cluster.test"}
        keys_init(f"{self.folder}/keys", "cluster.test", {1: "edge1.test"})
        self.edge = Edge(1, place, self.folder,
                         edge_settings(1, place, self.folder, names, {}, [f"sip:{self.host.address(30)}:5060"],
                                       self.host.at(53, 53), f"{self.folder}/keys"))

    async def asyncTearDown(self):
        self.core.close()
        self.phone.close()
        self.manager.close()
        del os.environ["NOTIFY_SOCKET"]
        self.janitor.sweep()

    def _socket(self, host: int) -> socket.socket:
        made = self.host.socket()
        made.bind(self.host.at(host, 5060))
        made.setblocking(False)
        return made

    async def _heard_register(self) -> bytes:
        """The REGISTER that the core gets; probes are no matter."""
        loop = asyncio.get_running_loop()
        while True:
            octets = await loop.sock_recv(self.core, 65535)
            if octets.startswith(b"REGISTER "):
                return octets

    async def _told(self) -> str:
        """What the service manager is told next."""
        octets = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.manager, 4096), PATIENCE_S)
        return octets.decode()

    def _is_ready(self) -> bool:
        return self.edge.ask("status")["ready"]

    async def test_an_edge_that_says_ready_gives_out_a_flow_at_once(self):
        # Early in a second, so that the one in which it starts is the one in which it could not.
        await asyncio.sleep(1.01 - time.time() % 1)
        await self.edge.start()
        await wait_until(self._is_ready, PATIENCE_S, "the edge to be ready", self.edge)
        host, port = self.host.at(101, 5060)
        self.phone.sendto(REGISTER.format(host=host, port=port).encode(), self.host.at(1, 5060))
        octets = await asyncio.wait_for(self._heard_register(), PATIENCE_S)
        self.assertIn(b"\r\nPath: ", octets)

    async def test_the_service_manager_hears_started_when_the_edge_serves(self):
        await self.edge.start()
        told = await self._told()
        while "READY=1" not in told:
            self.assertRegex(told, "^STATUS=edge edge1.test: waits for ")
            told = await self._told()
        self.assertEqual(told, "READY=1\nSTATUS=edge edge1.test: ready")

    async def test_an_edge_without_a_dataplane_says_what_it_waits_for(self):
        with open(self.edge.config, "w", encoding="ascii") as file:
            file.write(programs.yaml_write(self.edge.settings))
        await self.edge.start_control()
        await wait_until(lambda: os.path.exists(self.edge.admin), PATIENCE_S, "the admin socket", self.edge)
        await wait_until(lambda: not self._is_ready(), PATIENCE_S, "an answer", self.edge)
        self.assertEqual(self.edge.ask("status")["waits_for"], "the dataplane")
        self.assertEqual(await self._told(), "STATUS=edge edge1.test: waits for the dataplane")


if __name__ == "__main__":
    unittest.main()
