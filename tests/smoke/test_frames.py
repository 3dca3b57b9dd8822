"""Frames, fragments and streams, as the labs of the kernel bypass use them; the kernel is the judge. Root only."""

import asyncio
import os
import socket
import unittest

from lab import fragments
from lab.capture import Capture, packet_read
from lab.fragments import cuts_of, overlapping, packets_send, pieces_write, tiny_first, udp_write
from lab.janitor import Janitor
from lab.netns import Network
from lab.tcp import transfer

PORT = 5060
HOSTS = {"v4": ("203.0.113.1", "203.0.113.2"), "v6": ("2001:db8::1", "2001:db8::2")}


@unittest.skipIf(os.getuid() != 0, "network namespaces need root")
class Frames(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.janitor = Janitor()
        self.network = Network(self.janitor)
        self.network.bridge("access")
        self.one, self.two = (self.network.space(name) for name in ("one", "two"))
        for index, space in enumerate((self.one, self.two)):
            space.sysctl(net__ipv6__conf__default__accept_dad=0)
            self.network.cable(space, "access", "access", *(f"{HOSTS[family][index]}/{bits}"
                                                            for family, bits in (("v4", 24), ("v6", 64))), plain=True)
        self.sockets = []

    async def asyncTearDown(self):
        for sock in self.sockets:
            sock.close()
        self.janitor.sweep()

    def listen(self, family: str) -> socket.socket:
        sock = self.two.socket(socket.AF_INET6 if family == "v6" else socket.AF_INET)
        sock.bind((HOSTS[family][1], PORT))
        sock.setblocking(False)
        self.sockets.append(sock)
        return sock

    async def receive(self, sock: socket.socket) -> bytes | None:
        try:
            return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(sock, 65535), 0.3)
        except asyncio.TimeoutError:
            return None

    async def deliver(self, family: str, octets: bytes, cut, piece: int) -> bytes | None:
        """What a kernel makes of a datagram in pieces."""
        sock = self.listen(family)
        source, destination = ((host, PORT) for host in HOSTS[family])
        datagram = udp_write(source, destination, octets)
        packets_send(self.one, pieces_write(source, destination, datagram, cut(len(datagram), piece)))
        heard = await self.receive(sock)
        self.sockets.remove(sock)
        sock.close()
        return heard

    async def test_the_pieces_of_a_datagram_are_that_datagram(self):
        for family in HOSTS:
            for length in (9, 1400, 4000, 60000):
                octets = os.urandom(length)
                self.assertEqual(await self.deliver(family, octets, cuts_of, 1400), octets)

    async def test_a_tiny_first_piece_is_a_piece(self):
        for family in HOSTS:
            octets = os.urandom(4000)
            self.assertEqual(await self.deliver(family, octets, tiny_first, 1400), octets)

    async def test_pieces_that_overlap_are_refused(self):
        for family in HOSTS:
            self.assertIsNone(await self.deliver(family, os.urandom(4000), overlapping, 1400))

    async def test_a_datagram_in_one_piece_has_a_good_checksum(self):
        octets = os.urandom(100)
        self.assertEqual(await self.deliver("v4", octets, lambda length, piece: [(0, length)], 0), octets)

    async def test_a_plain_cable_carries_whole_checksums(self):
        capture = Capture(self.two, "access")
        self.listen("v4")
        with self.one.socket() as sock:
            sock.sendto(b"hello", (HOSTS["v4"][1], PORT))
            source = (HOSTS["v4"][0], sock.getsockname()[1])
        await asyncio.sleep(0.1)
        heard = [packet.octets for packet in map(packet_read, capture.frames) if packet and packet.protocol == socket.IPPROTO_UDP]
        self.assertEqual([octets[:13] for octets in heard], [udp_write(source, (HOSTS["v4"][1], PORT), b"hello")])
        capture.close()

    async def test_an_icmp_unreachable_is_seen(self):
        capture = Capture(self.one, "access")
        for family, kind in (("v4", socket.AF_INET), ("v6", socket.AF_INET6)):
            with self.one.socket(kind) as sock:
                sock.sendto(b"hello", (HOSTS[family][1], PORT))
        await asyncio.sleep(0.1)
        self.assertEqual(sorted(capture.unreachables()), [HOSTS["v6"][1], HOSTS["v4"][1]])
        capture.close()

    async def test_what_is_answered_is_no_unreachable(self):
        capture = Capture(self.one, "access")
        self.one.run("ping", "-c", "1", "-W", "1", HOSTS["v4"][1])
        self.one.run("ping", "-c", "1", "-W", "1", HOSTS["v6"][1])
        await asyncio.sleep(0.1)
        self.assertEqual(capture.unreachables(), [])
        capture.close()

    async def test_a_megabyte_goes_there_and_back(self):
        for _, there in HOSTS.values():
            self.assertEqual((await transfer(self.two, (there, 7000), self.one, 1 << 20))[0], [])

    async def test_nobody_there_is_a_complaint(self):
        complaints, _ = await transfer(self.one, (HOSTS["v4"][0], 7000), self.network.space("nowhere"), 10)
        self.assertIn("TCP to 203.0.113.1:7000", complaints[0])


class Checksum(unittest.TestCase):
    def test_is_that_of_rfc_1071(self):
        self.assertEqual(fragments.checksum(bytes.fromhex("0001f203f4f5f6f7")), 0x220D)


if __name__ == "__main__":
    unittest.main()
