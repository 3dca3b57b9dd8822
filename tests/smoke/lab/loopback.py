"""A host without namespaces: loopback addresses of this machine, for which nobody needs to be root."""

import os
import socket

from .dns import Address
from .janitor import Janitor
from .netns import Process, spawn

TRIES = 100


class Loopback:
    """A network of its own, 127.X.Y.0/24, so that several may stand at once."""

    def __init__(self, janitor: Janitor) -> None:
        self._janitor = janitor
        self._network = free_network()

    def address(self, host: int) -> str:
        return f"{self._network}.{host}"

    def at(self, host: int, port: int) -> Address:
        return self.address(host), port

    def edge_host(self, _edge: int) -> "Loopback":
        """Where the processes of an edge run."""
        return self

    def socket(self) -> socket.socket:
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    async def spawn(self, *words: str, log: str) -> Process:
        return await spawn(self._janitor, list(words), log)


def free_network() -> str:
    """The first from our pid on whose first address nobody uses for SIP."""
    for number in range(os.getpid(), os.getpid() + TRIES):
        network = f"127.{64 + number // 250 % 128}.{number % 250 + 1}"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((f"{network}.1", 5060))
                return network
            except OSError:
                continue
    raise RuntimeError("no free loopback network")
