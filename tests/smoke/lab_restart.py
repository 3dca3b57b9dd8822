"""lab restart: either process of an edge is killed and comes back, and the calls do not notice."""

import asyncio
import resource
import time

from lab import runner
from lab.callee import Account, Contact, Flow
from lab.cluster import Cluster
from lab.edge import wait_until
from lab.house import ACCESS, CORE, DOMAIN, SIP_PORT, access_name
from lab.load import Load
from lab.nat import NatMode
from lab.phone import Phone
from lab.report import Report
from lab.scenario import Call, SetupError, make_call
from lab.sip import Uri
from lab.udp import Port

DRAWING = r"""
                     +------------ edge1 -----------+
   20 phones --------+  weir-dataplane    kill -9   +-- core
   10,000 flows -----+  weir-control      kill -9   +-- the outside party: 1,000 requests/s in 20 calls
                     +------------ edge2 -----------+
"""

HOME, OTHER = 1, 2
CALLS = 20
RATE = 1000
CROWD = 10_000
CROWD_HOST = 200
WINDOW = 64  # REGISTERs in flight
FORWARDING_S = 1.0
DESCRIPTORS = 16_000


class Restart:
    def __init__(self, cluster: Cluster, report: Report) -> None:
        self.cluster = cluster
        self.report = report
        self.calls: list[Call] = []

    async def run(self) -> None:
        await self.build()
        await self.control_killed()
        await self.crowd()
        await self.dataplane_killed()

    async def build(self) -> None:
        self.cluster.make_edges([HOME, OTHER])
        self.cluster.make_core([])
        nat = self.cluster.add_nat("nat", NatMode.PRESERVING)
        await self.cluster.start()
        for index in range(CALLS):
            outside = self.cluster.outside(f"outside{index}")
            await self.cluster.register_outside(*outside)
            phone = self.cluster.add_phone(f"phone{index}", nat, [[f"phone{index}"]], {1: HOME})
            await self.cluster.settle(phone)
            self.calls.append(await make_call(*outside, phone, f"phone{index}", DOMAIN))
        complaints = self.cluster.failures()
        if complaints:
            raise SetupError("\n".join(complaints))

    def load(self, repeat: bool = False) -> Load:
        return Load(self.calls, (f"{CORE}{HOME}", SIP_PORT), repeat)

    def flow_count(self, edge: int) -> int:
        """Flows that an edge owns."""
        return self.cluster.weir[edge].ask("status")["flows"]["held_count"]

    async def control_killed(self) -> None:
        edge = self.cluster.weir[HOME]
        flows = self.flow_count(HOME)
        load = self.load()
        running = asyncio.create_task(load.run(RATE, 5.0))
        await asyncio.sleep(1.0)
        await edge.control.kill()
        self.report.note("control killed (SIGKILL)")
        await asyncio.sleep(1.0)
        await edge.start_control()
        await edge.wait_ready()
        self.report.note("control started again, and ready")
        await running
        await load.settle()
        complaints = [f"{load.lost()} lost: {load.statuses()}"] if load.statuses() != {200: len(load.sent)} else []
        self.report.case(f"control killed under {RATE} requests/s: {load.lost()} of {len(load.sent)} lost",
                         complaints + load.wrong[:3])
        await self.resynced(flows)

    async def resynced(self, flows: int) -> None:
        edge, other = self.cluster.weir[HOME], self.cluster.weir[OTHER]
        complaints = []
        try:
            await edge.wait_peer(OTHER, "up")
            await other.wait_peer(HOME, "up")
            await wait_until(lambda: self.flow_count(HOME) == flows, 5, f"edge{HOME} to know its {flows} flows again", edge)
        except RuntimeError as error:
            complaints.append(str(error))
        self.report.case(f"control back: it knows its {flows} flows and its peer again", complaints)

    async def crowd(self) -> None:
        """Many flows, from one host without a NAT, at the same edge."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(DESCRIPTORS, hard), hard))
        space = self.cluster.network.space("crowd")
        self.cluster.network.cable(space, "access", "access", f"{ACCESS}{CROWD_HOST}/24")
        phone = Phone("crowd", self.cluster.resolver(space, ACCESS), self.cluster.is_edge_access)
        self.cluster.phones.append(phone)
        proxy = Uri("sip", None, access_name(HOME), None, {"lr": None})
        slots = asyncio.Semaphore(WINDOW)
        refused: list[int] = []

        async def register(index: int) -> None:
            async with slots:
                flow = Flow(Port(space.socket(), f"{ACCESS}{CROWD_HOST}"), 0, proxy)
                account = phone.add_account(Account(f"c{index}", DOMAIN, Contact([flow], f"c{index}")))
                answer = await phone.register(account, flow)
                if answer.status != 200:
                    refused.append(answer.status)

        begin = time.monotonic()
        await asyncio.gather(*(register(index) for index in range(CROWD)))
        spent = time.monotonic() - begin
        complaints = [f"{len(refused)} refused: {sorted(set(refused))}"] if refused else []
        self.report.case(f"{CROWD} flows registered in {spent:.1f} s", complaints + self.cluster.failures()[:3])

    async def dataplane_killed(self) -> None:
        edge = self.cluster.weir[HOME]
        flows = self.flow_count(HOME)
        load = self.load(repeat=True)
        running = asyncio.create_task(load.run(RATE // 2, 5.0))
        await asyncio.sleep(1.0)
        await edge.dataplane.kill()
        killed = time.monotonic()
        await edge.start_dataplane()
        started = time.monotonic()
        await running
        await load.settle()
        again = load.first_answer_after(killed)
        late = (again - started) if again is not None else None
        complaints = []
        if late is None or late > FORWARDING_S:
            complaints.append(f"forwarding again after {late if late is not None else 'never'} s: {load.statuses()}")
        self.report.case(f"dataplane killed with {flows} flows: forwarding again", complaints + load.wrong[:3], "", late)
        statuses = load.statuses()
        self.report.case("dataplane killed: nobody was told that a flow is gone",
                         [f"answers: {statuses}"] if set(statuses) - {0, 200} else [])
        self.report.case(f"dataplane killed: {load.repeated()} of {len(load.sent)} requests had to be sent again, {load.lost()} lost",
                         [f"answers: {statuses}"] if load.lost() else [])
        self.report.note(f"{edge.verdicts()['not-ready']} requests met `not-ready`: read before the new dataplane knew their flows")
        complaints = []
        try:
            await edge.wait_ready()
            await wait_until(lambda: self.flow_count(HOME) == flows, 5, f"edge{HOME} to know its {flows} flows again", edge)
        except RuntimeError as error:
            complaints.append(str(error))
        self.report.case(f"dataplane back: ready, with its {flows} flows", complaints)


async def lab(cluster: Cluster, report: Report) -> None:
    await Restart(cluster, report).run()


if __name__ == "__main__":
    runner.run("restart", DRAWING, Cluster, lab)
