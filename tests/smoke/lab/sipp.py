"""sipp as a second opinion: a user agent that shares nothing with ours, and whose own statistics are what is judged."""

import asyncio
import dataclasses
import os
import subprocess
import uuid

from .dns import Address
from .netns import Process, Space
from .programs import ROOT

SCENARIOS = os.path.join(ROOT, "tests", "smoke", "sipp")
PATIENCE_S = 30
START_S = 5.0


def has_tls() -> bool:
    """What it was built with stands in its version: Debian's says SCTP, PCAP and RTPSTREAM."""
    said = subprocess.run(["sipp", "-v"], capture_output=True, text=True, check=False).stdout
    return any("TLS" in line for line in said.splitlines() if "SIPp v" in line)


@dataclasses.dataclass
class Agent:
    """A user agent, whichever of its scenarios is running. `proxies`: reg-id to (name, address) of an edge, or of the core."""

    user: str
    space: Space
    address: Address
    proxies: dict[int, tuple[str, Address]]
    instance: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def proxy(self) -> tuple[str, Address]:
        return self.proxies[1]


class Sipp:
    """One run of a scenario of tests/smoke/sipp."""

    def __init__(self, agent: Agent, scenario: str, folder: str, calls: int = 1, hold_ms: int = 0, **keys: str) -> None:
        self.agent = agent
        self.calls = calls
        self._name = f"{folder}/sipp-{agent.user}-{scenario}-{keys.get('flow', 0)}"
        self._words = ["sipp", "-sf", f"{SCENARIOS}/{scenario}.xml", "-i", agent.address[0], "-p", str(agent.address[1]),
                       "-m", str(calls), "-l", str(calls), "-r", str(calls), "-d", str(hold_ms), "-nostdin",
                       "-timeout", f"{PATIENCE_S}s", "-timeout_error", "-trace_stat", "-stf", f"{self._name}.csv", "-fd", "1",
                       "-t", "t1" if scenario.startswith("tcp-") else "u1", "-trace_err", "-error_file", f"{self._name}.err.log"]
        for key, value in {"user": agent.user, "instance": agent.instance, **keys}.items():
            self._words += ["-key", key, value]
        self._process: Process | None = None

    async def start(self, target: Address | None = None) -> None:
        """As a client of that target; without one as a server, which listens when this returns."""
        remote = [f"{target[0]}:{target[1]}"] if target else []
        self._process = await self.agent.space.spawn(*self._words, *remote, log=f"{self._name}.log")
        for _ in range(int(START_S / 0.01)):
            if target or is_bound(self.agent.space, self.agent.address):
                return
            await asyncio.sleep(0.01)
        raise RuntimeError(f"sipp does not listen: {self._process.log_tail()}")

    async def judge(self) -> list[str]:
        """What its statistics say against it, once it has ended."""
        status = await self._process.wait(PATIENCE_S + 5)
        counted = statistics_read(f"{self._name}.csv")
        wanted = {"SuccessfulCall": self.calls, "FailedCall": 0, "Retransmissions": 0, "OutOfCallMsgs": 0, "DeadCallMsgs": 0}
        complaints = [f"sipp {self.agent.user}: {name} {counted.get(name, 'missing')}, not {count}"
                      for name, count in wanted.items() if counted.get(name) != count]
        if status != 0:
            complaints.append(f"sipp {self.agent.user}: exit status {status}: {self._errors()}")
        return complaints

    def _errors(self) -> str:
        path = f"{self._name}.err.log"
        if not os.path.exists(path):
            return "it says no error"
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(1000).strip()


def statistics_read(path: str) -> dict[str, int]:
    """The cumulative counters of the last line, by their names without (C)."""
    if not os.path.exists(path):
        return {}
    with open(path, encoding="ascii") as file:
        lines = [line.rstrip("\n").split(";") for line in file if line.strip()]
    return {name.removesuffix("(C)"): int(value) for name, value in zip(lines[0], lines[-1])
            if name.endswith("(C)") and value.isdecimal()}


def is_bound(space: Space, address: Address) -> bool:
    """True if a UDP socket of that host has this address."""
    octets = bytes(reversed([int(part) for part in address[0].split(".")]))
    wanted = f"{octets.hex().upper()}:{address[1]:04X}"
    with space.inside(), open("/proc/thread-self/net/udp", encoding="ascii") as file:
        return any(line.split()[1] == wanted for line in file)
