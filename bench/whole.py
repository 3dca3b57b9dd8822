"""What a whole edge costs: a process beside its peers, on the same packets, in namespaces of this machine.

The core's side sends BYEs of standing calls, as many as go; the phones' side counts and checks them. Only the receiver's processor
time is looked at, for each message that reached its phone. See docs/performance.md.
"""

import argparse
import asyncio
import dataclasses
import json
import os
import resource
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "tests", "smoke"), HERE]

from kamailio_edge import edge_write  # noqa: E402
from lab import kamailio, programs  # noqa: E402
from lab.callee import Account, Contact, Flow  # noqa: E402
from lab.cluster import Cluster  # noqa: E402
from lab.drivers import Driver  # noqa: E402
from lab.edge import endpoint, wait_until  # noqa: E402
from lab.house import ACCESS, CORE, DOMAIN, OUTSIDE_HOST, SIP_PORT, access_name  # noqa: E402
from lab.netns import die_with_parent  # noqa: E402
from lab.phone import Phone  # noqa: E402
from lab.scenario import make_call  # noqa: E402
from lab.sip import Uri, Via  # noqa: E402
from lab.udp import Port  # noqa: E402

LOAD = os.path.join(programs.BUILD, "tools", "load", "weir-load")
CROWD_HOST = 200
FIRST_PORT = 20000
OUTSIDE_PORT = 5066
MARK = "#" * 10
EDGE = 1
# The forwarder shares its processor with so many loops, which leave it a fifth: it always has more to do than it can, so that a driver that
# polls is not charged for waiting. Each is a session of its own, since the kernel shares by session. Sender and sink have the other processor.
HOGS = 4
FORWARDER_CPU, OTHERS_CPU = 1, 0
PEERS = ("relay", "kamailio")


@dataclasses.dataclass
class Sample:
    """One run: messages that arrived, and the processor time of who forwarded them."""

    forwarded: int
    seconds: float
    cpu_s: float

    @property
    def cost_us(self) -> float:
        return self.cpu_s / self.forwarded * 1e6

    @property
    def rate(self) -> float:
        return self.forwarded / self.seconds


class Scene:
    """One edge, many phones without a NAT, one party outside that has a call with each."""

    def __init__(self, driver: str, phones: int) -> None:
        self.driver = driver
        self.count = phones
        self.cluster = Cluster((EDGE,), driver=driver_of(driver))
        self.crowd = self.cluster.network.space("crowd")
        self.cluster.network.cable(self.crowd, "access", "access", f"{ACCESS}{CROWD_HOST}/24")
        self.templates = f"{self.cluster.folder}/templates"
        self.kamailio = None

    async def open(self) -> None:
        if self.driver == "relay":
            return
        if self.driver == "kamailio":
            await self.start_kamailio()
        else:
            self.cluster.make_edges([EDGE])
            self.cluster.make_core([])
            await self.cluster.start()
        await self.make_templates()

    async def start_kamailio(self) -> None:
        place = self.cluster.edge_place(EDGE)
        folder = f"{self.cluster.folder}/kamailio-edge"
        os.makedirs(folder)
        path = f"{folder}/kamailio.cfg"
        with open(path, "w", encoding="ascii") as file:
            file.write(edge_write(endpoint(place.access), endpoint(place.core), access_name(EDGE), f"{CORE}{OUTSIDE_HOST}:{OUTSIDE_PORT}"))
        await self.cluster.start_names()
        self.kamailio = await place.host.spawn(*kamailio.core_command(path, folder), log=f"{folder}/kamailio.log")
        await wait_until(lambda: "Listening on" in self.kamailio.log_tail(100), 10, "Kamailio to listen")

    async def make_templates(self) -> None:
        """A call from every phone, and of each the outside party's next BYE."""
        outside, account = self.outside()
        if self.driver != "kamailio":
            await self.cluster.register_outside(outside, account)
        crowd = Phone("crowd", self.cluster.resolver(self.crowd, ACCESS), self.cluster.is_edge_access)
        texts = [await self.make_template(crowd, outside, index) for index in range(self.count)]
        complaints = crowd.failures + outside.failures
        # A Kamailio without transactions answers from the socket that it heard by: here only its tokens matter.
        if complaints and self.driver != "kamailio":
            raise RuntimeError("\n".join(complaints[:5]))
        crowd.close()
        outside.close()
        with open(self.templates, "wb") as file:
            for text in texts:
                file.write(b"%d\n" % len(text) + text)

    def outside(self) -> tuple[Phone, Account]:
        space = self.cluster.outside_space
        phone = Phone("outside", self.cluster.resolver(space, CORE), self.cluster.is_core_side, outbound=False)
        flow = Flow(Port(space.socket(), f"{CORE}{OUTSIDE_HOST}", OUTSIDE_PORT), 0, None)
        return phone, phone.add_account(Account("outside", DOMAIN, Contact([flow], "outside")))

    async def make_template(self, crowd: Phone, outside: Phone, index: int) -> bytes:
        proxy = Uri("sip", None, access_name(EDGE), None, {"lr": None})
        flow = Flow(Port(self.crowd.socket(), f"{ACCESS}{CROWD_HOST}", FIRST_PORT + index), 1, proxy)
        account = crowd.add_account(Account(f"c{index}", DOMAIN, Contact([flow], f"c{index}")))
        if self.driver == "kamailio":
            flow.remote = self.cluster.edge_place(EDGE).access
        else:
            await crowd.register(account, flow)
        # Without a core, the request-URI is the contact at once.
        user = outside.accounts[0].contact.user if self.driver == "kamailio" else "outside"
        call = await make_call(crowd, account, outside, user, DOMAIN)
        message = call.callee.dialog.request_write("BYE")
        message.put("CSeq", f"{MARK} BYE")
        via = Via("UDP", f"{CORE}{OUTSIDE_HOST}:{OUTSIDE_PORT}", {"branch": f"z9hG4bKload-{MARK}", "rport": None})
        message.headers.insert(0, ("Via", str(via)))
        return message.encode()

    async def measure(self, seconds: float) -> Sample:
        place = self.cluster.edge_place(EDGE)
        sink = await self.start(self.crowd, "sink", "--from", f"{ACCESS}{CROWD_HOST}:{FIRST_PORT}", "--ports", str(self.count))
        relay = None
        if self.driver == "relay":
            relay = await self.start(place.host, "relay", "--from", endpoint(place.core), "--to",
                                     f"{ACCESS}{CROWD_HOST}:{FIRST_PORT}")
        await asyncio.sleep(0.3)
        pids = [relay.pid] if relay else self.pids()
        pin(pids, FORWARDER_CPU)
        hogs = [await asyncio.create_subprocess_exec("sh", "-c", "while :; do :; done", preexec_fn=become_hog, start_new_session=True)
                for _ in range(HOGS)]
        before = cpu_s(pids)
        sender = await self.start(self.cluster.outside_space, "send", "--from", f"{CORE}{OUTSIDE_HOST}:{OUTSIDE_PORT}", "--to",
                                  endpoint(place.core), "--templates", self.templates, "--seconds", str(seconds))
        await result(sender)
        await asyncio.sleep(0.3)
        spent = cpu_s(pids) - before
        for hog in hogs:
            hog.kill()
            await hog.wait()
        counts = await result(sink)
        if relay:
            await result(relay)
        if counts["wrong"] or counts["duplicates"] or not counts["received"]:
            raise RuntimeError(f"{self.driver}: {counts}")
        return Sample(counts["received"], counts["seconds"], spent)

    @staticmethod
    async def start(space: object, *words: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(*space.command(LOAD, *words), stdout=subprocess.PIPE, start_new_session=True,
                                                    preexec_fn=lambda: os.sched_setaffinity(0, {OTHERS_CPU}))

    def pids(self) -> list[int]:
        """Who forwards; not weir-control, which has nothing to do here."""
        if self.kamailio is None:
            return [self.cluster.weir[EDGE].dataplane.pid]
        return [self.kamailio.pid, *children(self.kamailio.pid)]

    def close(self) -> None:
        self.cluster.close()


def driver_of(name: str) -> Driver:
    """The peers stand on kernel sockets, in the same house."""
    return Driver.SOCKET if name in PEERS else Driver(name)


async def result(process: asyncio.subprocess.Process) -> dict:
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"weir-load failed: {process.returncode}")
    return json.loads(output)


def children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def pin(pids: list[int], cpu: int) -> None:
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(task), {cpu})


def become_hog() -> None:
    die_with_parent()
    os.sched_setaffinity(0, {FORWARDER_CPU})


def cpu_s(pids: list[int]) -> float:
    """Processor time of all threads, in and out of the kernel, as the scheduler counts it."""
    spent = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                spent += int(file.read().split()[0])
    return spent / 1e9


async def measure_all(options: argparse.Namespace) -> dict[str, list[Sample]]:
    """Interleaved, so that a slow minute hits all alike. The relay gets the first edge's packets."""
    samples: dict[str, list[Sample]] = {driver: [] for driver in options.drivers}
    templates = None
    for _ in range(options.runs):
        for driver in options.drivers:
            scene = Scene(driver, options.phones)
            try:
                if driver == "relay":
                    with open(scene.templates, "wb") as file:
                        file.write(templates)
                await scene.open()
                samples[driver].append(await scene.measure(options.seconds))
                if templates is None:
                    with open(scene.templates, "rb") as file:
                        templates = file.read()
            finally:
                scene.close()
            print(f"{driver:<10} {samples[driver][-1].rate:10,.0f} messages/s  {samples[driver][-1].cost_us:6.2f} us each",
                  file=sys.stderr, flush=True)
    return samples


def table_write(samples: dict[str, list[Sample]]) -> str:
    floor = statistics.median(sample.cost_us for sample in samples["relay"]) if samples.get("relay") else None
    lines = ["| | us of CPU a message | min | max | to the relay | messages/s |", "|---|--:|--:|--:|--:|--:|"]
    for driver, runs in samples.items():
        costs = sorted(sample.cost_us for sample in runs)
        median = statistics.median(costs)
        times = f"{median / floor:.2f}" if floor else "-"
        rate = statistics.median(sample.rate for sample in runs)
        lines.append(f"| {driver} | {median:.2f} | {costs[0]:.2f} | {costs[-1]:.2f} | {times} | {rate:,.0f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench/whole", description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("drivers", nargs="*", default=["socket", "relay", "kamailio"],
                        help="of socket, af_xdp, af_packet, relay, kamailio; one of Weir's first")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--phones", type=int, default=64)
    options = parser.parse_args()
    if options.drivers[0] in PEERS:
        parser.error("the relay forwards what was made for an edge of Weir: name one first")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    print(table_write(asyncio.run(measure_all(options))))


if __name__ == "__main__":
    main()
