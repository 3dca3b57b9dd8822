"""Which driver a lab runs with."""

import unittest

from lab.drivers import Driver, driver_of


class Drivers(unittest.TestCase):
    def test_a_socket_says_nothing_of_itself(self):
        self.assertEqual(Driver.SOCKET.listener(0, "access"), {})

    def test_a_device_is_named_with_its_interface(self):
        self.assertEqual(Driver.AF_XDP.listener(1, "core"), {"driver": "dpdk", "port": "net_af_xdp1,iface=core"})

    def test_the_command_line_names_one(self):
        self.assertEqual((driver_of([]), driver_of(["--driver", "af_packet"])), (Driver.SOCKET, Driver.AF_PACKET))


if __name__ == "__main__":
    unittest.main()
