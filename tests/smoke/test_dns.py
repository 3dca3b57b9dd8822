"""The labs' half of RFC 3263: which target is tried first, and what an answer says."""

import asyncio
import struct
import tempfile
import unittest

from lab.dns import Resolver, Srv, Zone, answer_read, is_literal, name_read, query_write, srv_order, TYPE_A, TYPE_SRV
from lab.transport import TCP, TLS, WS, WSS

NAME = b"\x05_sip\x04_udp\x02e1\x04test\0".replace(b"\x05_sip", b"\x04_sip")


def record(kind: int, octets: bytes) -> bytes:
    return b"\xc0\x0c" + struct.pack("!2HIH", kind, 1, 60, len(octets)) + octets


def answer(*records: bytes) -> bytes:
    return struct.pack("!6H", 1, 0x8180, 1, len(records), 0, 0) + NAME + struct.pack("!2H", 33, 1) + b"".join(records)


class Known(Resolver):
    """A resolver that was told everything beforehand."""

    def __init__(self, known: dict) -> None:
        super().__init__(("192.0.2.53", 53), lambda: None)
        self._known = known


class Srvs(unittest.TestCase):
    def test_lower_priority_numbers_come_first_whatever_the_order(self):
        records = [Srv(20, 0, 5060, "b"), Srv(10, 0, 5060, "a"), Srv(30, 5, 5060, "c")]
        self.assertEqual([item.target for item in srv_order(records)], ["a", "b", "c"])

    def test_equals_are_drawn_by_weight(self):
        records = [Srv(10, 1, 5060, "a"), Srv(10, 3, 5060, "b")]
        self.assertEqual([item.target for item in srv_order(records, lambda weights: weights.index(max(weights)))], ["b", "a"])

    def test_an_answer_is_read_through_its_pointers(self):
        target = b"\x07access1\xc0\x19"  # ...and then "test" of the question
        octets = answer(record(TYPE_SRV, struct.pack("!3H", 10, 0, 5060) + target))
        self.assertEqual(answer_read(octets, TYPE_SRV), [Srv(10, 0, 5060, "access1.test")])

    def test_records_of_other_types_are_passed_over(self):
        self.assertEqual(answer_read(answer(record(5, b"\0"), record(TYPE_A, b"\xc0\0\2\1")), TYPE_A), ["192.0.2.1"])

    def test_a_name_that_points_at_itself_is_refused(self):
        self.assertRaises(ValueError, name_read, b"\xc0\0", 0)

    def test_a_query_reads_back(self):
        self.assertEqual(name_read(query_write(1, "_sip._udp.e1.test", 33), 12)[0], "_sip._udp.e1.test")


class Zones(unittest.TestCase):
    def test_naptr_records_lead_to_the_srv_records_of_each_transport_in_order(self):
        zone = Zone()
        zone.add_preference("e1.test", TLS, TCP)
        with tempfile.NamedTemporaryFile(encoding="ascii", mode="r") as file:
            zone.write(file.name, "127.0.0.1", 53)
            lines = [line for line in file.read().splitlines() if line.startswith("naptr-record")]
        self.assertEqual(lines, ["naptr-record=e1.test,1,1,s,SIPS+D2T,,_sips._tcp.e1.test",
                                 "naptr-record=e1.test,2,1,s,SIP+D2T,,_sip._tcp.e1.test"])


class Locating(unittest.TestCase):
    KNOWN = {("_sip._udp.e1.test", TYPE_SRV): [Srv(20, 0, 5062, "two.test"), Srv(10, 0, 5060, "one.test")],
             ("one.test", TYPE_A): ["192.0.2.1"], ("two.test", TYPE_A): ["192.0.2.2"], ("e1.test", TYPE_A): ["192.0.2.9"]}

    def locate(self, host, port):
        return asyncio.run(Known(dict(self.KNOWN)).locate(host, port))

    def test_every_transport_asks_for_its_own_srv_and_has_its_own_port(self):
        known = dict(self.KNOWN) | {("_sips._tcp.e1.test", TYPE_SRV): [Srv(10, 0, 5061, "two.test")], ("_sip._tcp.e1.test", TYPE_SRV): []}
        for transport, target in ((TLS, ("192.0.2.2", 5061)), (TCP, ("192.0.2.9", 5060)), (WS, ("192.0.2.9", 80)),
                                  (WSS, ("192.0.2.9", 443))):
            self.assertEqual(asyncio.run(Known(known).locate("e1.test", None, transport)), [target], transport.name)

    def test_a_name_alone_is_asked_for_srv(self):
        self.assertEqual(self.locate("e1.test", None), [("192.0.2.1", 5060), ("192.0.2.2", 5062)])

    def test_a_name_with_a_port_is_not(self):
        self.assertEqual(self.locate("e1.test", 5070), [("192.0.2.9", 5070)])

    def test_a_literal_is_itself(self):
        self.assertEqual(self.locate("192.0.2.7", None), [("192.0.2.7", 5060)])
        self.assertFalse(is_literal("e1.test"))


if __name__ == "__main__":
    unittest.main()
