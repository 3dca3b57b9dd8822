"""The network's name server (dnsmasq) and a phone's side of RFC 3263: from a name to the targets to try, in order."""

import asyncio
import dataclasses
import os
import random
import socket
import struct
from collections.abc import Callable

from .transport import UDP, Transport

TYPE_A = 1
TYPE_AAAA = 28
TYPE_SRV = 33
QUERY_TIMEOUT_S = 1.0
QUERY_TRIES = 3

Address = tuple[str, int]


@dataclasses.dataclass(frozen=True)
class Srv:
    priority: int
    weight: int
    port: int
    target: str


class Zone:
    """What the name server knows."""

    def __init__(self) -> None:
        self.hosts: dict[str, str] = {}
        self.services: dict[str, list[Srv]] = {}
        self.preferences: list[tuple[str, int, str, str]] = []

    def add_host(self, name: str, address: str) -> None:
        self.hosts[name] = address

    def add_host6(self, name: str, address6: str) -> None:
        """A second address, of the other family."""
        self.hosts[name] += f",{address6}"

    def add_service(self, name: str, *targets: tuple[int, str], transport: Transport = UDP) -> None:
        """SRV records of a transport, at its own port: (priority, host) each."""
        self.services[f"{transport.service}.{name}"] = [Srv(priority, 0, transport.port, host) for priority, host in targets]

    def add_preference(self, name: str, *transports: Transport) -> None:
        """NAPTR records that lead to the SRV records of these transports, the most preferred first (RFC 3263 section 4.1)."""
        self.preferences += [(name, order, transport.naptr, f"{transport.service}.{name}")
                             for order, transport in enumerate(transports, 1)]

    def write(self, path: str, address: str, port: int) -> None:
        """As a configuration file of dnsmasq."""
        lines = ["no-resolv", "no-hosts", "no-daemon", "local=/test/", "bind-interfaces", f"listen-address={address}",
                 f"port={port}", "local-ttl=2", "user=root" if os.getuid() == 0 else "", "pid-file="]
        lines += [f"host-record={name},{host}" for name, host in self.hosts.items()]
        lines += [f"srv-host={name},{srv.target},{srv.port},{srv.priority},{srv.weight}"
                  for name, records in self.services.items() for srv in records]
        lines += [f"naptr-record={name},{order},1,s,{service},,{replacement}"
                  for name, order, service, replacement in self.preferences]
        with open(path, "w", encoding="ascii") as file:
            file.write("\n".join(lines) + "\n")


class NameError3263(Exception):
    """A name that leads nowhere."""


class Resolver:
    """Asks one name server; remembers what it heard for the whole of a lab (records there never change)."""

    def __init__(self, server: Address, new_socket: Callable[[], socket.socket], family6: bool = False) -> None:
        """`family6`: addresses are asked for in IPv6; the server itself is asked over IPv4."""
        self._type = TYPE_AAAA if family6 else TYPE_A
        self._server = server
        self._new_socket = new_socket
        self._known: dict[tuple[str, int], list] = {}

    async def locate(self, host: str, port: int | None, transport: Transport = UDP) -> list[Address]:
        """RFC 3263 section 4.2: a literal is itself, a port asks for A records only, a name alone for SRV first."""
        if is_literal(host):
            return [(host.strip("[]"), port or transport.port)]
        if port is None and transport.service is not None:
            services = await self.ask(f"{transport.service}.{host}", TYPE_SRV)
            if services:
                return [(address, srv.port) for srv in srv_order(services)
                        for address in await self.ask(srv.target, self._type)]
        addresses = await self.ask(host, self._type)
        if not addresses:
            raise NameError3263(host)
        return [(address, port or transport.port) for address in addresses]

    async def ask(self, name: str, kind: int) -> list:
        key = (name.lower(), kind)
        if key not in self._known:
            self._known[key] = await self._query(*key)
        return self._known[key]

    async def _query(self, name: str, kind: int) -> list:
        number = random.randrange(1 << 16)
        loop = asyncio.get_running_loop()
        with self._new_socket() as sock:
            sock.setblocking(False)
            sock.connect(self._server)
            for _ in range(QUERY_TRIES):
                await loop.sock_sendall(sock, query_write(number, name, kind))
                try:
                    answer = await asyncio.wait_for(loop.sock_recv(sock, 4096), QUERY_TIMEOUT_S)
                except (asyncio.TimeoutError, ConnectionRefusedError):
                    continue
                if answer[:2] == number.to_bytes(2, "big"):
                    return answer_read(answer, kind)
        raise NameError3263(f"no answer about {name} from {self._server[0]}")


def srv_order(records: list[Srv], choose: Callable[[list[int]], int] | None = None) -> list[Srv]:
    """RFC 2782: by priority; among equals drawn by weight. `choose` picks an index by weights (tests)."""
    draw = choose or (lambda weights: random.choices(range(len(weights)), [weight + 1 for weight in weights])[0])
    ordered = []
    for priority in sorted({record.priority for record in records}):
        equals = [record for record in records if record.priority == priority]
        while equals:
            ordered.append(equals.pop(draw([record.weight for record in equals])))
    return ordered


def is_literal(host: str) -> bool:
    if host.startswith("["):
        return True
    try:
        socket.inet_aton(host)
    except OSError:
        return False
    return host.count(".") == 3


def query_write(number: int, name: str, kind: int) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode("ascii") for label in name.split("."))
    return struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, 1)


def answer_read(octets: bytes, kind: int) -> list:
    """The records of one type in the answer section; an error answers with none."""
    questions, answers = struct.unpack_from("!2H", octets, 4)
    at = 12
    for _ in range(questions):
        at = name_read(octets, at)[1] + 4
    found = []
    for _ in range(answers):
        at = name_read(octets, at)[1]
        record, length = struct.unpack_from("!H", octets, at)[0], struct.unpack_from("!H", octets, at + 8)[0]
        at += 10
        if record == kind == TYPE_A:
            found.append(socket.inet_ntoa(octets[at:at + 4]))
        elif record == kind == TYPE_AAAA:
            found.append(socket.inet_ntop(socket.AF_INET6, octets[at:at + 16]))
        elif record == kind == TYPE_SRV:
            priority, weight, port = struct.unpack_from("!3H", octets, at)
            found.append(Srv(priority, weight, port, name_read(octets, at + 6)[0]))
        at += length
    return found


def name_read(octets: bytes, at: int) -> tuple[str, int]:
    """A name, and where what follows it begins (RFC 1035 section 4.1.4: a pointer ends it)."""
    labels: list[str] = []
    after = None
    for _ in range(128):
        length = octets[at]
        if length >= 0xC0:
            after = after or at + 2
            at = struct.unpack_from("!H", octets, at)[0] & 0x3FFF
        elif length == 0:
            return ".".join(labels).lower(), after or at + 1
        else:
            labels.append(octets[at + 1:at + 1 + length].decode("ascii"))
            at += 1 + length
    raise ValueError("a name without an end")
