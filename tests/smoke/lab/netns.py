"""Network namespaces: a host each for edges, phones and the rest, cabled to switches (bridges) in a namespace of their own.

Needs root. Names hold the lab's pid, so labs run side by side; devices never appear in the machine's own namespace.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator

from .janitor import Janitor

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
OFFLOADS = ("tx", "rx", "gro", "gso", "tso", "txvlan", "rxvlan")
libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """Runs in a child before exec: a process of a lab does not outlive it."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Space:
    """One host: a network namespace."""

    def __init__(self, network: "Network", name: str) -> None:
        self.network = network
        self.name = name

    def ip(self, *words: str) -> None:
        run(["ip", "-n", self.name, *words])

    def command(self, *words: str) -> list[str]:
        return ["ip", "netns", "exec", self.name, *words]

    def run(self, *words: str) -> str:
        return run(self.command(*words))

    def sysctl(self, **settings: int) -> None:
        """Settings by their name with __ for a dot: sysctl(net__ipv4__ip_forward=1)."""
        with self.inside():
            for name, value in settings.items():
                with open("/proc/sys/" + name.replace("__", "/"), "w", encoding="ascii") as file:
                    file.write(str(value))

    def mac(self, device: str) -> str:
        return json.loads(run(["ip", "-n", self.name, "-j", "link", "show", "dev", device]))[0]["address"]

    def offloads_off(self, device: str) -> None:
        """No checksum, segment or VLAN tag is left to a card that is not there."""
        words = [word for name in OFFLOADS for word in (name, "off")]
        self.run("ethtool", "-K", device, *words)

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Sockets made in here belong to this namespace, for good. Never across an await."""
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            enter_namespace(there)
            try:
                yield
            finally:
                enter_namespace(home)
        finally:
            os.close(there)
            os.close(home)

    def socket(self, family: int = socket.AF_INET, kind: int = socket.SOCK_DGRAM, protocol: int = 0) -> socket.socket:
        with self.inside():
            return socket.socket(family, kind, protocol)

    async def spawn(self, *words: str, log: str) -> "Process":
        return await spawn(self.network.janitor, self.command(*words), log)

    def name_server_set(self, address: str) -> None:
        """For programs that know no other way than resolv.conf; `ip netns exec` puts the file in place."""
        os.makedirs(f"/etc/netns/{self.name}", exist_ok=True)
        with open(f"/etc/netns/{self.name}/resolv.conf", "w", encoding="ascii") as file:
            file.write(f"nameserver {address}\n")


class Network:
    """All namespaces of one lab, and the switches between them."""

    def __init__(self, janitor: Janitor) -> None:
        self.janitor = janitor
        self._prefix = f"weir-{os.getpid()}"
        self._ports = 0
        self.switch = self.space("switch")

    def space(self, name: str) -> Space:
        full = f"{self._prefix}-{name}"
        self.janitor.watch_space(full)
        run(["ip", "netns", "add", full])
        space = Space(self, full)
        space.ip("link", "set", "lo", "up")
        # A host answers every datagram to a closed port, not one a second.
        space.sysctl(net__ipv4__icmp_ratelimit=0)
        return space

    def bridge(self, name: str, *addresses: str) -> None:
        """A switch; it may have addresses of its own, for services in the network."""
        # What goes to a group goes everywhere: else a neighbour solicitation for an address that is new would be held back.
        self.switch.ip("link", "add", name, "type", "bridge", "mcast_snooping", "0")
        for address in addresses:
            self.switch.ip("address", "add", address, "dev", name)
        self.switch.ip("link", "set", name, "up")

    def cable(self, space: Space, device: str, bridge: str, *addresses: str, plain: bool = False) -> str:
        """Plug a host into a switch; the name of the switch's end. `plain`: what passes is frames as they are on a wire, for those who read them themselves."""
        self._ports += 1
        port = f"port{self._ports}"
        space.ip("link", "add", device, "type", "veth", "peer", "name", port, "netns", self.switch.name)
        if plain:
            space.offloads_off(device)
            self.switch.offloads_off(port)
        self.switch.ip("link", "set", port, "master", bridge, "up")
        self._bring_up(space, device, addresses)
        return port

    def cable_between(self, one: Space, device: str, address: str, other: Space, other_device: str,
                      other_address: str) -> None:
        one.ip("link", "add", device, "type", "veth", "peer", "name", other_device, "netns", other.name)
        self._bring_up(one, device, (address,))
        self._bring_up(other, other_device, (other_address,))

    @staticmethod
    def _bring_up(space: Space, device: str, addresses: tuple[str, ...]) -> None:
        for address in addresses:
            space.ip("address", "add", address, "dev", device)
        space.ip("link", "set", device, "up")


class Process:
    """A program that the lab started, and ends by its pid."""

    def __init__(self, process: asyncio.subprocess.Process, log: str) -> None:
        self._process = process
        self.log = log

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    def signal(self, number: int) -> None:
        if self.running:
            self._process.send_signal(number)

    async def suspend(self) -> None:
        """SIGSTOP, and wait until every thread stands still: what it did before is done."""
        self.signal(signal.SIGSTOP)
        while any(state not in "TtZX" for state in self._thread_states()):
            await asyncio.sleep(0.001)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def _thread_states(self) -> list[str]:
        states = []
        for thread in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{thread}/stat", encoding="ascii", errors="replace") as file:
                states.append(file.read().rsplit(")", 1)[1].split()[0])
        return states

    async def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        await self._process.wait()

    async def wait(self, patience_s: float) -> int:
        """Let it end by itself; the exit status. It is killed when that takes too long."""
        try:
            return await asyncio.wait_for(self._process.wait(), patience_s)
        except asyncio.TimeoutError:
            await self.kill()
            return -signal.SIGKILL

    async def terminate(self, patience_s: float = 5) -> int:
        """Ask it to end; the exit status."""
        self.signal(signal.SIGTERM)
        return await self.wait(patience_s)

    def log_tail(self, lines: int = 20) -> str:
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:])


async def spawn(janitor: Janitor, words: list[str], log: str, outlive: bool = False) -> Process:
    """Start a program, what it says going to a file. `outlive`: it stays when the lab ends."""
    with open(log, "ab") as file:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
            preexec_fn=None if outlive else die_with_parent)
    if not outlive:
        janitor.watch_process(process.pid)
    return Process(process, log)


def enter_namespace(descriptor: int) -> None:
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def run(words: list[str]) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip() or done.returncode}")
    return done.stdout
