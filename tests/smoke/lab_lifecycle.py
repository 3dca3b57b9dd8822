"""lab lifecycle: either process of an edge is killed and comes back, or both; its store is lost, damaged, or full. Calls go on, and
nobody at the other edge notices.

WEIR_KILLS: how often control is killed (4); WEIR_FLOWS: how many flows the edge holds (10000).
"""

import asyncio
import contextlib
import os
import random
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from lab import runner
from lab.cluster import Cluster
from lab.crowd import Crowd
from lab.disk import Disk
from lab.edge import Edge, wait_until
from lab.house import ACCESS, CORE, DOMAIN, SIP_PORT
from lab.load import Load
from lab.nat import NatMode
from lab.report import Report
from lab.scenario import Call, SetupError, make_call

DRAWING = r"""
                     +------------ edge1 -----------+
   20 phones --------+  weir-dataplane    kill -9   +-- core
   10,000 flows -----+  weir-control      kill -9   +-- the outside party: 1,000 requests/s in 20 calls
                     |  store             no, bad   |
   5 phones ---------+------------ edge2 -----------+-- another: 100 requests/s in 5 calls, which nothing may happen to
"""

HOME, OTHER = 1, 2
CALLS, GUESTS = 20, 5
RATE, RATE_GAP, RATE_GUESTS = 1000, 500, 100
KILLS = int(os.environ.get("WEIR_KILLS", "4"))
FLOWS = int(os.environ.get("WEIR_FLOWS", "10000"))
HOSTS = 1 + FLOWS // 50_000
DISK_OCTETS = (64 << 20) + 1024 * FLOWS
LATE_FLOWS = 2000  # registered while the disk is full: more than the store's file has room for
ROOM = 2 * (FLOWS + LATE_FLOWS)
FORWARDING_S, BOTH_FORWARDING_S = 1.0, 3.0 + FLOWS / 50_000  # a new control reads its store first, twice
RESYNC_S = 10.0 + FLOWS / 10_000
LIMIT_S = 60.0 + KILLS * 5 + FLOWS / 500
COMMIT_S = 1.5  # until a change is in the store, or cannot be
AFTER_S = 0.5  # of load, before and after what happens
SEED = 5

Step = Callable[[], Awaitable[None]]
Harm = Callable[[str], None]  # to the store in that folder, or to that file of its


class Lifecycle:
    def __init__(self, cluster: Cluster, report: Report) -> None:
        self.cluster = cluster
        self.report = report
        self.calls: list[Call] = []
        self.guests: list[Call] = []
        self.crowd = Crowd(cluster, HOSTS)
        self.disk: Disk | None = None
        self.random = random.Random(SEED)

    @property
    def home(self) -> Edge:
        return self.cluster.weir[HOME]

    async def run(self) -> None:
        await self.build()
        await self.controls_killed()
        await self.disk_full()
        await self.register_crowd()
        await self.dataplane_killed()
        await self.both_killed()
        await self.store_lost()
        for what, harm in (("a flow's octet flipped", self.flip_record), ("octets flipped all over", self.flip_all),
                           ("store cut in half", self.cut)):
            await self.store_harmed(what, harm)

    async def build(self) -> None:
        self.cluster.make_edges([HOME, OTHER])
        for edge in self.cluster.weir.values():
            edge.settings["limits"] = {"flows": ROOM, "peer-flows": ROOM, "rows": 2 * ROOM}
        self.disk = Disk(self.cluster.janitor, f"{self.cluster.folder}/disk", DISK_OCTETS)
        self.home.settings["store"]["path"] = f"{self.cluster.folder}/disk/store"
        self.cluster.make_core([])
        nat = self.cluster.add_nat("nat", NatMode.PRESERVING)
        await self.cluster.start()
        for name, count, calls, flows in (("phone", CALLS, self.calls, {1: HOME, 2: OTHER}), ("guest", GUESTS, self.guests, {1: OTHER})):
            for index in range(count):
                outside = self.cluster.outside(f"outside-{name}{index}")
                await self.cluster.register_outside(*outside)
                # One port for both flows: whichever edge delivers, the load's callee hears it.
                phone = self.cluster.add_phone(f"{name}{index}", nat, [[f"{name}{index}"]], flows, one_port=True)
                await self.cluster.settle(phone)
                phone.keep_alive()
                calls.append(await make_call(*outside, phone, f"{name}{index}", DOMAIN))
        if complaints := self.cluster.failures():
            raise SetupError("\n".join(complaints))

    @contextlib.asynccontextmanager
    async def under_load(self, what: str, rate: int, repeat: bool) -> AsyncIterator[Load]:
        """Requests by way of either edge while something happens to the first; nothing may be lost at the second."""
        load, guests = Load(self.calls, (f"{CORE}{HOME}", SIP_PORT), repeat), Load(self.guests, (f"{CORE}{OTHER}", SIP_PORT))
        load.start(rate)
        guests.start(RATE_GUESTS)
        await asyncio.sleep(AFTER_S)
        try:
            yield load
            await asyncio.sleep(AFTER_S)
        finally:
            await asyncio.gather(load.finish(), guests.finish())
        # Neither is anything lost, nor answered but by its phone, nor any flow said to be gone.
        complaints = [f"answers by way of edge{edge}: {one.statuses()}" for edge, one in ((HOME, load), (OTHER, guests))
                      if one.statuses() != {200: len(one.sent)}]
        again = f", {load.repeated()} sent again" if load.repeated() else ""
        self.report.case(f"{what}: {load.lost()} of {len(load.sent)} lost{again}; at edge{OTHER} {guests.lost()} of {len(guests.sent)}",
                         complaints + load.wrong[:3] + guests.wrong[:3] + self.cluster.failures()[:3])

    def flow_count(self, edge: int) -> int:
        """Flows that an edge owns."""
        return self.cluster.weir[edge].ask("status")["flows"]["held_count"]

    def synced(self, edge: int, peer: int) -> bool:
        return any(item["id"] == peer and item["state"] == "up" and item["mesh"] == "synced"
                   for item in self.cluster.weir[edge].ask("peers", "show")["peers"])

    async def resynced(self, flows: int) -> list[str]:
        """Ready, with its flows, and each edge knows the other's."""
        try:
            await self.home.wait_ready()
            await wait_until(lambda: self.flow_count(HOME) == flows and self.synced(HOME, OTHER) and self.synced(OTHER, HOME),
                             RESYNC_S, f"edge{HOME} to know its {flows} flows and its peer again", self.home)
        except RuntimeError as error:
            return [str(error)]
        return []

    # Who dies

    async def controls_killed(self) -> None:
        flows, complaints, slowest = self.flow_count(HOME), [], 0.0
        what = f"control killed {KILLS} times under {RATE} requests/s"
        async with self.under_load(what, RATE, repeat=False):
            for _ in range(KILLS):
                await self.home.control.kill()
                begin = time.monotonic()
                await self.home.start_control()
                complaints += await self.resynced(flows)
                slowest = max(slowest, time.monotonic() - begin)
                if complaints:
                    break
        self.report.case(f"control back {KILLS} times: it knows its {flows} flows and its peer again, at the slowest after", complaints, "", slowest)

    async def register_crowd(self) -> None:
        begin = time.monotonic()
        refused = await self.crowd.register(HOME, FLOWS)
        complaints = [f"{len(refused)} refused: {sorted(set(refused))}"] if refused else []
        self.report.case(f"{FLOWS} flows registered in {time.monotonic() - begin:.1f} s", complaints + self.cluster.failures()[:3])

    async def dataplane_killed(self) -> None:
        await self.gap("dataplane killed", self.home.dataplane.kill, self.home.start_dataplane, FORWARDING_S)

    async def both_killed(self) -> None:
        async def start() -> None:
            await self.home.start_dataplane()
            await self.home.start_control()
        await self.gap("both killed", self.home.kill, start, BOTH_FORWARDING_S)

    async def gap(self, what: str, kill: Step, start: Step, limit_s: float) -> None:
        """Requests meanwhile are sent again; nobody is told that a flow is gone because the edge does not know it yet."""
        flows = self.flow_count(HOME)
        async with self.under_load(what, RATE_GAP, repeat=True) as load:
            await kill()
            killed = time.monotonic()
            await start()
            complaints = await self.resynced(flows)
            spent = time.monotonic() - killed
        again = load.first_answer_after(killed)
        late = again - killed if again is not None else None
        slow = [] if late is not None and late <= limit_s * (2 if self.cluster.driver.is_dpdk else 1) else ["too late"]
        self.report.case(f"{what} with {flows} flows: forwarding again", slow, "", late)
        self.report.case(f"{what}: ready, with its {flows} flows ({spent * 1e6 / flows:.1f} s a million)", complaints, "", spent)
        self.report.note(f"{self.home.verdicts()['not-ready']} requests met `not-ready`: read before the dataplane knew their flows")

    # What becomes of the store

    def said(self, event: str) -> int:
        """How often control has said that."""
        with open(f"{self.home.folder}/control.log", encoding="utf-8", errors="replace") as file:
            return sum(event in line for line in file)

    async def disk_full(self) -> None:
        """While the store's file is still small: it must grow for more flows."""
        before = self.said("store-failed")
        async with self.under_load("disk full", RATE_GAP, repeat=False):
            self.disk.fill()
            refused = await self.crowd.register(HOME, LATE_FLOWS)
            await asyncio.sleep(COMMIT_S)
        told = self.said("store-failed") - before
        self.report.case(f"disk full: {LATE_FLOWS} phones more are registered, and the operator is told once",
                         ([f"refused: {refused}"] if refused else []) + ([] if told == 1 else [f"told {told} times"]))
        flows = self.flow_count(HOME)
        self.disk.free()
        try:
            await wait_until(lambda: self.said("store-works-again") == 1, 5, "the store to work again", self.home)
            complaints = []
        except RuntimeError as error:
            complaints = [str(error)]
        self.disk.fill()
        async with self.under_load("control killed, disk full again", RATE_GAP, repeat=False):
            await self.home.control.kill()
            await self.home.start_control()
            complaints += await self.resynced(flows)
        self.disk.free()
        self.report.case(f"disk free for a while: control has kept all {flows} flows", complaints)

    async def store_lost(self) -> None:
        await self.without_store("store deleted", shutil.rmtree, 0)

    async def store_harmed(self, what: str, harm: Harm) -> None:
        await self.without_store(what, lambda path: harm(f"{path}/data.mdb"), 1)

    async def without_store(self, what: str, harm: Harm, wanted: int) -> None:
        """Control comes back with nothing: no flow of before is known, and each phone is reached by its second flow until it registers
        again, by slots and generations that never were. `wanted`: how often it says that it has set a file aside."""
        before, told = self.generations(), self.said("store-set-aside")
        async with self.under_load(what, RATE_GAP, repeat=True):
            await self.home.control.kill()
            harm(self.home.settings["store"]["path"])
            await self.home.start_control()
            complaints = await self.resynced(0)
        for call in self.calls:
            await self.cluster.settle(call.callee.phone)
        async with self.under_load(f"{what}, phones back", RATE_GAP, repeat=False):
            pass
        said = self.said("store-set-aside") - told
        complaints += [] if said == wanted else [f"said {said} times that it was set aside"]
        complaints += [f"{key} is there again" for key in before & self.generations()]
        self.report.case(f"{what}: control begins empty{', says that a file is set aside' if wanted else ''}", complaints)

    def generations(self) -> set[tuple[int, int]]:
        """(slot, generation) of each flow, or of the first thousand."""
        return {(flow["slot"], flow["generation"]) for flow in self.home.ask("flows", "show", "--limit", "1000")["flows"]}

    def flip_record(self, path: str) -> None:
        """Wherever the address of a phone stands."""
        wanted = bytes(int(part) for part in next(iter(self.cluster.nats.values())).address.split("."))
        octets = bytearray(read(path))
        at = octets.find(wanted)
        if at < 0:
            raise SetupError("no flow of a phone is in the store")
        while at >= 0:
            octets[at + 3] ^= 1
            at = octets.find(wanted, at + 1)
        write(path, octets)

    def flip_all(self, path: str) -> None:
        octets = bytearray(read(path))
        for at in self.random.sample(range(len(octets)), len(octets) // 100):
            octets[at] ^= self.random.randrange(1, 256)
        write(path, octets)

    def cut(self, path: str) -> None:
        octets = read(path)
        write(path, octets[:len(octets) // 2])


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def write(path: str, octets: bytes) -> None:
    with open(path, "wb") as file:
        file.write(octets)


async def lab(cluster: Cluster, report: Report) -> None:
    await Lifecycle(cluster, report).run()


if __name__ == "__main__":
    runner.run("lifecycle", DRAWING, Cluster, lab, limit_s=LIMIT_S)
