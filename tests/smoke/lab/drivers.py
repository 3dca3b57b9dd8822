"""How edges are on the network: by the kernel's sockets, or by DPDK devices on the same interfaces."""

import argparse
import enum


class Driver(enum.Enum):
    SOCKET = "socket"
    AF_XDP = "af_xdp"
    AF_PACKET = "af_packet"

    @property
    def is_dpdk(self) -> bool:
        return self is not Driver.SOCKET

    def listener(self, number: int, interface: str) -> dict[str, str]:
        """What a listener's configuration says of it. `number`: of the device in its edge."""
        return {"driver": "dpdk", "port": f"net_{self.value}{number},iface={interface}"} if self.is_dpdk else {}

    def __str__(self) -> str:
        return self.value


def driver_of(words: list[str]) -> Driver:
    """From a lab's command line; exits when that is wrong."""
    parser = argparse.ArgumentParser(prog="tools/lab NAME", add_help=False)
    parser.add_argument("--driver", choices=[driver.value for driver in Driver], default=Driver.SOCKET.value)
    return Driver(parser.parse_args(words).driver)
