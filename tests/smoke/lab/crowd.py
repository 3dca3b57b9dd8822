"""Many flows at an edge that nobody asks anything: phones of one host without a NAT, whose ports are closed once they are registered."""

import asyncio

from .callee import Account, Contact, Flow
from .cluster import Cluster
from .house import ACCESS, DOMAIN, access_name
from .phone import Phone
from .sip import Uri
from .udp import Port

WINDOW = 64  # REGISTERs in flight
HOST = 200  # and those that follow
PORTS = range(2000, 62000)  # of a host; a port of the kernel's choice might be one that has been closed: another phone's flow
EXPIRES_S = 3600


class Crowd:
    def __init__(self, cluster: Cluster, hosts: int) -> None:
        self._cluster = cluster
        self._space = cluster.network.space("crowd")
        self._count = 0
        self._voice = self._phone("crowd")
        cluster.phones.append(self._voice)  # what any of them complained of is heard
        addresses = [f"{ACCESS}{HOST + index}/24" for index in range(hosts)]
        cluster.network.cable(self._space, "access", "access", *addresses)

    async def register(self, edge: int, count: int) -> list[int]:
        """So many flows more; the answers that were not 200."""
        slots = asyncio.Semaphore(WINDOW)
        refused: list[int] = []

        async def one(index: int) -> None:
            async with slots:
                status = await self._register_one(edge, index)
                if status != 200:
                    refused.append(status)

        begin, self._count = self._count, self._count + count
        await asyncio.gather(*(one(index) for index in range(begin, begin + count)))
        return refused

    async def _register_one(self, edge: int, index: int) -> int:
        address = f"{ACCESS}{HOST + index // len(PORTS)}"
        phone, port = self._phone(f"crowd{index}"), Port(self._space.socket(), address, PORTS[index % len(PORTS)])
        flow = Flow(port, 0, Uri("sip", None, access_name(edge), None, {"lr": None}))
        account = phone.add_account(Account(phone.name, DOMAIN, Contact([flow], phone.name)))
        answer = await phone.register(account, flow, EXPIRES_S)
        phone.close()
        self._voice.failures += phone.failures
        return answer.status

    def _phone(self, name: str) -> Phone:
        return Phone(name, self._cluster.resolver(self._space, ACCESS), self._cluster.is_edge_access)
