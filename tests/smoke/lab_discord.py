"""lab discord: an edge that is not of one mind with the others: the secret is replaced under calls; one edge has another secret, a clock that is
off, or the id of another one. It says so and is not ready; the others say so and go on.
"""

import asyncio
import os
import secrets
import shutil
import signal
from collections.abc import Callable

from lab import programs, runner
from lab.cluster import Cluster
from lab.edge import Edge, wait_until
from lab.house import CLUSTER, CORE, DOMAIN, SIP_PORT, access_name
from lab.load import Load
from lab.nat import NatBox, NatMode
from lab.report import Report
from lab.scenario import Call, SetupError, exchange, make_call

DRAWING = r"""
                     +---- edge1 ----+
   phones -- NAT ----+---- edge2 ----+---- core
                     +---- edge3 ----+---- the outside party
                     +-- edge1 too? -+
"""

EDGES = (1, 2, 3)
ODD, OTHERS = 3, (1, 2)
TWIN = 4  # where the second edge 1 stands
CALLS, RATE = 3, 50  # of each edge, and requests a second
EPOCH_S, SKEW_S = 60, -200
PATIENCE_S = 15.0
WATCH_S = 1.0
LIMIT_S = 90.0


class Discord:
    def __init__(self, cluster: Cluster, report: Report) -> None:
        self.cluster = cluster
        self.report = report
        self.nat: NatBox | None = None
        self.count = 0

    @property
    def keys(self) -> str:
        return f"{self.cluster.folder}/keys-{EDGES[0]}"

    async def run(self) -> None:
        self.cluster.make_edges(list(EDGES))
        for edge in self.cluster.weir.values():
            edge.settings["keys"]["rotate-every"] = f"{EPOCH_S}s"
        self.cluster.make_core([])
        self.nat = self.cluster.add_nat("nat", NatMode.PRESERVING)
        await self.cluster.start()
        calls = await self.secret_replaced()
        await self.another_secret(calls)
        await self.another_time(calls)
        await self.another_of_that_id(calls)

    async def make_calls(self) -> dict[int, list[Call]]:
        """From outside, to phones with a flow at one edge; by that edge."""
        made: dict[int, list[Call]] = {edge: [] for edge in EDGES}
        for edge in EDGES:
            for _ in range(CALLS):
                self.count += 1
                name = f"phone{self.count}"
                outside = self.cluster.outside(f"outside{self.count}")
                await self.cluster.register_outside(*outside)
                phone = self.cluster.add_phone(name, self.nat, [[name]], {1: edge})
                await self.cluster.settle(phone)
                phone.keep_alive()
                made[edge].append(await make_call(*outside, phone, name, DOMAIN))
        if complaints := self.cluster.failures():
            raise SetupError("\n".join(complaints))
        return made

    def loads(self, calls: dict[int, list[Call]], edges: tuple[int, ...]) -> list[Load]:
        """Two calls of each edge by way of it, one by way of the next."""
        found = []
        for index, edge in enumerate(edges):
            other = edges[(index + 1) % len(edges)]
            found += [Load(calls[edge][:-1], (f"{CORE}{edge}", SIP_PORT)), Load(calls[edge][-1:], (f"{CORE}{other}", SIP_PORT))]
        for load in found:
            load.start(RATE)
        return found

    async def judge(self, what: str, loads: list[Load]) -> None:
        await asyncio.sleep(WATCH_S)
        await asyncio.gather(*(load.finish() for load in loads))
        complaints = [f"answers: {load.statuses()}" for load in loads if load.statuses() != {200: len(load.sent)}]
        self.report.case(f"{what}: {sum(load.lost() for load in loads)} of {sum(len(load.sent) for load in loads)} requests lost",
                         complaints + [text for load in loads for text in load.wrong[:3]] + self.cluster.failures()[:3])

    async def until(self, what: str, true: Callable[[], bool]) -> None:
        """A case of its own."""
        try:
            await wait_until(true, PATIENCE_S, what)
            self.report.case(what, [])
        except RuntimeError:
            self.report.case(what, ["it does not come true", *(str(edge.ask("status")) for edge in self.cluster.weir.values())])

    def waits_for(self, edge: Edge, words: str) -> bool:
        status = edge.ask("status")
        return not status["ready"] and words in status.get("waits_for", "")

    def all_ready(self, edges: tuple[int, ...]) -> bool:
        return all(self.cluster.weir[edge].ask("status")["ready"] for edge in edges)

    # The secret, under calls

    async def secret_replaced(self) -> dict[int, list[Call]]:
        """Calls that stand when it is dropped have tokens under the new one, all but those from before it minted."""
        before = await self.make_calls()
        loads = self.loads(before, EDGES)
        await self.reload("token 0", f"token 1 {secrets.token_hex(32)}\ntoken 0")
        await self.reload("mint 0", "mint 1")
        await self.judge("secret replaced, edge by edge: accepted, then minted", loads)
        after = await self.make_calls()
        loads = self.loads(after, EDGES)
        old = next(line for line in self.lines() if line.startswith("token 0"))
        await self.reload(old + "\n", "")
        await self.judge("old secret dropped, edge by edge: calls since the new one minted", loads)
        retired = self.cluster.weir[1].verdicts().get("token-retired", 0)
        done = await exchange(before[1][0].caller, before[1][0].callee, "INFO", targets=[(f"{CORE}1", SIP_PORT)], patient=True)
        told = self.cluster.weir[1].verdicts().get("token-retired", 0) - retired
        self.report.case("old secret dropped: a call from before is told that its flow is gone",
                         [f"{done.answer.status}, retired: {told}"] if done.answer.status != 430 or told != 1 else [])
        return after

    def lines(self) -> list[str]:
        with open(f"{self.keys}/token-keys", encoding="ascii") as file:
            return file.read().splitlines()

    async def reload(self, old: str, new: str) -> None:
        """One step of it, at one edge after the other; the file is common to all."""
        text = "\n".join(self.lines()) + "\n"
        if old not in text:
            raise SetupError(f"the key file has no {old.split()[0]}")
        with open(f"{self.keys}/token-keys", "w", encoding="ascii") as file:
            file.write(text.replace(old, new, 1))
        for edge in self.cluster.weir.values():
            count = len(edge.said("keys-changed"))
            edge.control.signal(signal.SIGHUP)
            await wait_until(lambda: len(edge.said("keys-changed")) > count, PATIENCE_S, "the keys to be read again", edge)  # noqa: B023
            await asyncio.sleep(0.2)

    # One that is not like the others

    async def another_secret(self, calls: dict[int, list[Call]]) -> None:
        odd, loads = self.cluster.weir[ODD], self.loads(calls, OTHERS)
        folder = f"{self.cluster.folder}/keys-odd"
        shutil.copytree(self.keys, folder)
        with open(f"{folder}/token-keys", "w", encoding="ascii") as file:
            file.write("\n".join(f"token 1 {secrets.token_hex(32)}" if line.startswith("token 1") else line for line in self.lines()) + "\n")
        await self.restart(odd, folder)
        await self.until(f"edge{ODD} has another secret: it is not ready, and says why", lambda: self.waits_for(odd, "secret"))
        await self.until("the others say so, and are ready",
                         lambda: self.all_ready(OTHERS) and all(self.cluster.weir[edge].said("secret-differs") for edge in OTHERS))
        await self.judge("another secret: the others go on", loads)
        shutil.copy(f"{self.keys}/token-keys", f"{folder}/token-keys")
        odd.control.signal(signal.SIGHUP)
        await self.until(f"edge{ODD} has read the right secret: all are ready", lambda: self.all_ready(EDGES) and bool(odd.said("secret-agrees")))

    async def another_time(self, calls: dict[int, list[Call]]) -> None:
        odd, loads = self.cluster.weir[ODD], self.loads(calls, OTHERS)
        odd.before = ["env", f"LD_PRELOAD={programs.SKEW}", f"WEIR_SKEW_S={SKEW_S}"]
        await self.restart(odd, self.keys)
        await self.until(f"edge{ODD} is {-SKEW_S} s behind, more than three epochs: it is not ready, and says why",
                         lambda: self.waits_for(odd, "the clock: the other edges are in another epoch"))
        await self.until("the others are ready", lambda: self.all_ready(OTHERS))
        await self.judge("another time: the others go on", loads)
        odd.before = []
        await self.restart(odd, self.keys)
        await self.until(f"edge{ODD} has the right time: all are ready", lambda: self.all_ready(EDGES))

    async def restart(self, edge: Edge, keys: str) -> None:
        await edge.kill()
        edge.settings["keys"]["directory"] = keys
        await edge.start()

    async def another_of_that_id(self, calls: dict[int, list[Call]]) -> None:
        """Its store is newer, so it is the newer one."""
        for edge in EDGES:
            await self.cluster.weir[edge].wait_peer(2 if edge != 2 else 1, "up")
        loads = self.loads(calls, OTHERS[1:])
        old, peers = self.cluster.weir[1], (2, 3)
        twin = self.twin(list(peers))
        await twin.start()
        await self.until("a second edge1: it is heard, for it is newer, and ready", lambda: twin.ask("status")["ready"] and bool(twin.said("mesh-twin")))
        await self.until("the first edge1 is not ready, and says why", lambda: self.waits_for(old, "an id of its own"))
        await asyncio.sleep(WATCH_S)
        said = {edge: len(self.cluster.weir[edge].said("mesh-twin")) for edge in peers}
        self.report.case("the others say so, each once", [f"{said}"] if said != {edge: 1 for edge in peers} else [])
        await twin.kill()
        await self.until("the second edge1 is gone: the first one is heard again, and all are ready", lambda: self.all_ready(EDGES)
                         and all(self.cluster.weir[edge].peer_state(1) == "up" for edge in peers))
        await self.judge("a second edge1: the others go on", loads)

    def twin(self, peers: list[int]) -> Edge:
        folder = f"{self.cluster.folder}/edge{TWIN}"
        os.makedirs(folder)
        settings = self.cluster.edge_configuration(TWIN, peers, CLUSTER, self.keys)
        settings["node"] = {"id": 1, "name": access_name(TWIN)}
        settings["keys"]["rotate-every"] = f"{EPOCH_S}s"
        return Edge(TWIN, self.cluster.edge_place(TWIN), folder, settings)


async def lab(cluster: Cluster, report: Report) -> None:
    await Discord(cluster, report).run()


if __name__ == "__main__":
    runner.run("discord", DRAWING, lambda driver: Cluster(edges=(*EDGES, TWIN), driver=driver), lab, limit_s=LIMIT_S)
