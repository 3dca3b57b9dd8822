"""A host an edge and one for all the rest, on one switch: what the demo needs to show edges on DPDK devices."""

from .dns import Address
from .janitor import Janitor
from .netns import Network, Space

NET = "203.0.113."
INTERFACE = "net"


class Village:
    """Stands where loopback.Loopback stands. `edges`: last octets of the addresses of each; `others`: of everybody else."""

    def __init__(self, janitor: Janitor, edges: dict[int, list[int]], others: list[int]) -> None:
        network = Network(janitor)
        network.bridge("net")
        self._edges: dict[int, Space] = {}
        for edge, hosts in edges.items():
            self._edges[edge] = network.space(f"edge{edge}")
            network.cable(self._edges[edge], INTERFACE, "net", *(f"{NET}{host}/24" for host in hosts), plain=True)
        self._others = network.space("others")
        network.cable(self._others, INTERFACE, "net", *(f"{NET}{host}/24" for host in others))
        self.socket = self._others.socket
        self.spawn = self._others.spawn

    def address(self, host: int) -> str:
        return f"{NET}{host}"

    def at(self, host: int, port: int) -> Address:
        return self.address(host), port

    def edge_host(self, edge: int) -> Space:
        """Where the processes of an edge run."""
        return self._edges[edge]
