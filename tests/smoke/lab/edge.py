"""An edge under test: its configuration, its two processes, and what it counts."""

import asyncio
import dataclasses
import subprocess
import time
from collections.abc import Callable

from . import programs
from .dns import Address
from .drivers import Driver
from .netns import Process

READY_S = 15.0
COUNTED_S = 0.5
# Rules and verdicts that say how a message left; the rest says why it did not (include/weir/verdict.h).
RULES = ("r1-own", "r2-owner", "r3-here", "r4-address", "r5-there", "r1b-doubtful", "r6-contact", "moved", "upstream",
         "r8-parked", "r9-gone")


@dataclasses.dataclass
class EdgePlace:
    """Where an edge stands: the host (netns.Space or loopback.Loopback) and its addresses."""

    host: object
    access: Address
    core: Address
    peer: Address
    mesh: Address


class Edge:
    def __init__(self, number: int, place: EdgePlace, folder: str, settings: dict) -> None:
        """`settings`: the configuration file, as edge_settings() makes it."""
        self.number = number
        self.place = place
        self.folder = folder
        self.settings = settings
        self.before: list[str] = []  # words before each program's own: `env` and what it sets
        self.dataplane: Process | None = None
        self.control: Process | None = None

    @property
    def admin(self) -> str:
        return self.settings["admin"]["socket"]

    @property
    def config(self) -> str:
        return f"{self.folder}/weir.yaml"

    async def start(self) -> None:
        self.write()
        await self.start_dataplane()
        await self.start_control()

    def write(self) -> None:
        """Its settings, as a file."""
        with open(self.config, "w", encoding="ascii") as file:
            file.write(programs.yaml_write(self.settings))

    def said(self, event: str) -> list[str]:
        """What its control has said of that."""
        with open(f"{self.folder}/control.log", encoding="utf-8", errors="replace") as file:
            return [line for line in file if f"event={event}" in line.split()]

    async def start_dataplane(self) -> None:
        self.dataplane = await self.place.host.spawn(*self.before, programs.DATAPLANE, "--link", self.settings["link"]["socket"],
                                                     log=f"{self.folder}/dataplane.log")

    async def start_control(self) -> None:
        self.control = await self.place.host.spawn(*self.before, programs.CONTROL, "--config", self.config,
                                                   log=f"{self.folder}/control.log")

    async def kill(self) -> None:
        """kill -9 of both processes."""
        await asyncio.gather(self.dataplane.kill(), self.control.kill())

    def ask(self, *words: str) -> dict:
        return programs.weirctl(self.admin, *words)

    async def wait_ready(self, patience_s: float = READY_S) -> None:
        await wait_until(lambda: self.ask("status").get("ready") is True, patience_s, f"edge{self.number} to be ready", self)

    async def wait_peer(self, peer: int, *states: str) -> None:
        """Until this edge believes that of another edge."""
        def believes() -> bool:
            return self.peer_state(peer) in states
        await wait_until(believes, READY_S, f"edge{self.number} to see edge{peer} {' or '.join(states)}", self)

    def peer_state(self, peer: int) -> str:
        return next((item["state"].lower() for item in self.ask("peers", "show")["peers"] if item["id"] == peer), "unknown")

    def verdicts(self) -> dict[str, int]:
        """How many messages met each verdict."""
        return {item["reason"]: item["messages_count"] for item in self.ask("drops", "show", "--all")["drops"]}

    def logs(self) -> str:
        return "".join(f"--- {process.log}\n{process.log_tail()}" for process in (self.dataplane, self.control) if process)


def edge_settings(number: int, place: EdgePlace, folder: str, names: dict[str, str], peers: dict[int, Address],
                  upstream: list[str], resolver: Address, keys: str, driver: Driver = Driver.SOCKET, interface: str | None = None) -> dict:
    """The configuration of an edge. names: access, core (advertised names of the two sides) and cluster. With a DPDK driver all
    sides are on one device, if an interface is given, or else each on the interface of its name."""
    def listener(side: str, address: Address, **more: object) -> dict:
        device = driver.listener(0, interface) if interface else driver.listener(("access", "core", "peer").index(side), side)
        return {"name": side, "side": side, "transport": "udp", "address": endpoint(address), **device, **more}
    return {
        "node": {"id": number, "name": names["access"]},
        "listeners": [listener("access", place.access), listener("core", place.core, advertise=names["core"]),
                      listener("peer", place.peer)],
        "cluster": {
            "name": names["cluster"], "listen": endpoint(place.mesh),
            "peers": [{"id": peer, "address": endpoint(address)} for peer, address in peers.items()],
        },
        "keys": {"directory": keys},
        "upstream": {"targets": upstream, "probe": {"every": "500ms", "down-after": 2}},
        "resolver": {"servers": [endpoint(resolver)]},
        "store": {"path": f"{folder}/store"},
        "link": {"socket": f"{folder}/link.sock"},
        "admin": {"socket": f"{folder}/control.sock"},
        "log": {"level": "debug", "format": "text"},
    }


class Served:
    """What edges counted since the last look: which rule served a request."""

    def __init__(self, edges: list[Edge]) -> None:
        self._edges = edges
        self._before = self._read()

    def _read(self) -> dict[tuple[int, str], int]:
        return {(edge.number, verdict): count for edge in self._edges if edge.control and edge.control.running
                for verdict, count in edge.verdicts().items()}

    def since(self) -> dict[tuple[int, str], int]:
        """(edge, verdict) to how often, since the last call."""
        now = self._read()
        delta = {key: count - self._before.get(key, 0) for key, count in now.items() if count > self._before.get(key, 0)}
        self._before = now
        return delta


    async def until(self, good: Callable[[dict[tuple[int, str], int]], bool]) -> dict[tuple[int, str], int]:
        """As since(), once it is good, or in the end as it is: a worker may send first and count then."""
        before, end = self._before, time.monotonic() + COUNTED_S
        while True:
            delta = self.since()
            if good(delta) or time.monotonic() > end:
                return delta
            self._before = before
            await asyncio.sleep(0.01)


def rules_of(delta: dict[tuple[int, str], int]) -> str:
    """For people: the rules among what was counted, with their edges."""
    return " ".join(f"{verdict}@{edge}" for edge, verdict in sorted(delta) if verdict in RULES) or "-"


def keys_init(folder: str, cluster: str, names: dict[int, str]) -> None:
    """The secrets of a cluster and a certificate an edge, all in one folder."""
    words = [programs.WEIRCTL, "keys", "init", folder, "--cluster", cluster]
    for number, name in names.items():
        words += ["--edge", f"{number}:{name}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")


async def wait_until(true: "object", patience_s: float, what: str, edge: Edge | None = None) -> None:
    """Poll until it is true; a question that cannot be answered yet is not."""
    end = time.monotonic() + patience_s
    problem = ""
    while time.monotonic() < end:
        try:
            if true():
                return
        except (RuntimeError, KeyError, OSError) as error:
            problem = f": {error}"
        await asyncio.sleep(0.05)
    raise RuntimeError(f"waited {patience_s:.0f} s in vain for {what}{problem}\n{edge.logs() if edge else ''}")


def endpoint(address: Address) -> str:
    return f"{address[0]}:{address[1]}"
