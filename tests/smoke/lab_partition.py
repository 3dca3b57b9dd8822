"""lab partition: the network between two edges is cut, both ways or one way, while phones and the core reach both. Each serves what it
knows, and when the cut heals both know the same again.

WEIR_CUT_S: how long (6).
"""

import asyncio
import dataclasses
import os
import time

from lab import runner
from lab.cluster import Cluster
from lab.cut import Cut
from lab.edge import rules_of, wait_until
from lab.house import CORE, DOMAIN, SIP_PORT
from lab.load import Load
from lab.nat import NatBox, NatMode
from lab.phone import Phone
from lab.report import Report
from lab.scenario import Call, SetupError, attempts_write, exchange, is_repetition, make_call
from lab.transport import TLS, UDP, Transport

DRAWING = r"""
                     +---- edge1 ----+
   phones -- NAT ----+    |  cut     +---- core
   UDP and TLS       |    |  and     +---- the outside party
                     |    |  healed  |
                     +---- edge2 ----+
"""

ONE, OTHER = 1, 2
EDGES = (ONE, OTHER)
TRANSPORTS = (UDP, TLS)
CUT_S = float(os.environ.get("WEIR_CUT_S", "6"))
PARK_S = 20.0  # the default of flows.park
HEALED_S = 5.0
RATE = 50
WAYS = {"cut both ways": ((ONE, OTHER), (OTHER, ONE)), f"edge{ONE} unheard": ((ONE, OTHER),), f"edge{OTHER} unheard": ((OTHER, ONE),)}
LIMIT_S = 60.0 + len(WAYS) * CUT_S


@dataclasses.dataclass
class Party:
    """A phone in a call from outside."""

    phone: Phone
    call: Call
    home: int

    @property
    def away(self) -> int:
        return OTHER if self.home == ONE else ONE


class Partition:
    def __init__(self, cluster: Cluster, report: Report) -> None:
        self.cluster = cluster
        self.report = report
        self.cut = Cut(cluster.network.switch)
        self.nat: NatBox | None = None
        self.count = 0

    async def run(self) -> None:
        self.cluster.make_edges(list(EDGES))
        self.cluster.make_core([])
        self.nat = self.cluster.add_nat("nat", NatMode.PRESERVING)
        await self.cluster.start()
        complaints = await self.equal()
        self.report.case("before: both edges hold the same", complaints)
        for what, ways in WAYS.items():
            await self.act(what, ways)

    async def act(self, what: str, ways: tuple[tuple[int, int], ...]) -> None:
        """Before, while and after the network is cut."""
        loads = [Load([(await self.party(home, {1: home}, UDP)).call for _ in range(3)], (f"{CORE}{home}", SIP_PORT)) for home in EDGES]
        backed = [await self.party(home, {1: home, 2: 3 - home}, transport) for home in EDGES for transport in TRANSPORTS]
        alone = [await self.party(home, {1: home}, transport) for home in EDGES for transport in TRANSPORTS]
        moving = [await self.party(home, {1: home}, UDP) for home in EDGES]
        if complaints := self.cluster.failures():
            raise SetupError("\n".join(complaints))
        begin = {edge: len(self.states(edge)) for edge in EDGES}
        for load in loads:
            load.start(RATE)
        self.cut.make(*((self.cluster.switch_port(one, "peer"), self.cluster.switch_port(other, "peer")) for one, other in ways))
        cut_at = time.monotonic()
        await self.judge_early(f"{what}, at once: two flows, asked at the wrong edge", backed)
        await self.wait_down(what)
        await self.judge(f"{what}: two flows, asked at the wrong edge", backed, True)
        await self.judge(f"{what}: one flow, asked at its edge", alone, False)
        await self.change(what, moving)
        waiting = [asyncio.create_task(self.ask(party, True)) for party in alone]
        await asyncio.sleep(max(0.0, cut_at + CUT_S - time.monotonic()))
        self.cut.heal()
        await self.healed(what)
        self.judge_waiting(what, await asyncio.gather(*waiting))
        for load in loads:
            await load.finish()
        self.judge_loads(what, loads)
        await self.judge(f"{what}, healed: one flow, asked at the wrong edge", alone, True)
        await self.judge(f"{what}, healed: moved meanwhile, asked at its old edge", moving, False)
        self.judge_states(what, begin)

    async def party(self, home: int, flows: dict[int, int], transport: Transport) -> Party:
        self.count += 1
        name = f"phone{self.count}"
        outside = self.cluster.outside(f"outside{self.count}")
        await self.cluster.register_outside(*outside)
        phone = self.cluster.add_phone(name, self.nat, [[name]], flows, one_port=not transport.stream, transport=transport)
        await self.cluster.settle(phone)
        phone.keep_alive()
        return Party(phone, await make_call(*outside, phone, name, DOMAIN), home)

    # Requests

    async def ask(self, party: Party, wrong: bool) -> tuple[list[str], float, int]:
        """An INFO from outside, by way of the phone's edge or of the wrong one."""
        target = party.away if wrong else party.home
        done = await exchange(party.call.caller, party.call.callee, "INFO", targets=[(f"{CORE}{target}", SIP_PORT)], patient=True)
        return done.complaints, done.elapsed_s, done.answer.status

    async def judge(self, what: str, parties: list[Party], wrong: bool) -> None:
        self.cluster.served.since()
        done = await asyncio.gather(*(self.ask(party, wrong) for party in parties))
        complaints = [text for found, _, _ in done for text in found]
        rules = rules_of(self.cluster.served.since())
        self.report.case(what, complaints + self.cluster.failures(), rules, max(elapsed_s for _, elapsed_s, _ in done))

    async def judge_early(self, what: str, parties: list[Party]) -> None:
        """Nobody knows yet. Cut one way, an edge delivers what the other relays, and cannot bring the answer back: it comes to the phone again,
        by the other edge."""
        self.cluster.served.since()
        done = await asyncio.gather(*(self.ask(party, True) for party in parties))
        failures = self.cluster.failures()
        complaints = [text for text in failures if not is_repetition(text)]
        for party, (found, _, status) in zip(parties, done):
            twice = any(is_repetition(text) for text in failures if text.startswith(f"{party.phone.name}:"))
            complaints += [] if twice and status == 481 else found
        twice = sum(is_repetition(text) for text in failures)
        self.report.case(f"{what}{f' ({twice} came twice)' if twice else ''}", complaints, rules_of(self.cluster.served.since()),
                         max(elapsed_s for _, elapsed_s, _ in done))

    def judge_waiting(self, what: str, done: list[tuple[list[str], float, int]]) -> None:
        """Who cannot be reached is waited for; but not for ever."""
        statuses = [status for _, _, status in done]
        late = CUT_S > PARK_S
        complaints = self.cluster.failures() + ([] if late else [text for found, _, _ in done for text in found])
        if late and set(statuses) - {200, 430}:
            complaints.append(f"answers: {statuses}")
        self.report.case(f"{what}: one flow, asked at the wrong edge: waited for{' or 430' if late else ''}", complaints, "",
                         max(elapsed_s for _, elapsed_s, _ in done))

    def judge_loads(self, what: str, loads: list[Load]) -> None:
        complaints = [f"answers: {load.statuses()}" for load in loads if load.statuses() != {200: len(load.sent)}]
        complaints += [text for load in loads for text in load.wrong[:3]]
        self.report.case(f"{what}: {sum(load.lost() for load in loads)} of {sum(len(load.sent) for load in loads)} lost by way of their edges",
                         complaints)

    # Registrations

    async def change(self, what: str, moving: list[Party]) -> None:
        """Each edge learns what the other cannot hear: who is new, who has gone, who has come over from there."""
        complaints = []
        for party in moving:
            account = party.phone.accounts[0]
            flow = account.contact.flows[0]
            flow.proxy.host = f"edge{party.away}.test"
            answer = await party.phone.register(account, flow)
            complaints += [] if answer.status == 200 and flow.remote[0].endswith(f".{party.away}") else [attempts_write(answer)]
        for home in EDGES:
            for transport in TRANSPORTS:
                await self.party(home, {1: home}, transport)
                gone = await self.party(home, {1: home}, transport)
                answer = await gone.phone.register(gone.phone.accounts[0], gone.phone.flows()[0], expires_s=0)
                complaints += [] if answer.status == 200 else [attempts_write(answer)]
        if self.tables(ONE) == self.tables(OTHER):
            complaints.append("both edges hold the same all the while")
        self.report.case(f"{what}: phones come, go and move", complaints + self.cluster.failures())

    def tables(self, edge: int) -> dict[int, tuple[int, str]]:
        """Of each edge: flows and their digest, as this one holds them."""
        return {item["id"]: (item["flows_count"], item["flows_digest"]) for item in
                self.cluster.weir[edge].ask("peers", "show", "--tables")["peers"]}

    async def equal(self) -> list[str]:
        try:
            await wait_until(lambda: self.tables(ONE) == self.tables(OTHER), HEALED_S, "both edges to hold the same", self.cluster.weir[ONE])
        except RuntimeError as error:
            return [str(error), str(self.tables(ONE)), str(self.tables(OTHER))]
        return []

    # What edges think of each other

    def states(self, edge: int) -> list[str]:
        """What it has thought of the other, in order."""
        words = f"event=peer-liveness edge={3 - edge} state="
        with open(f"{self.cluster.weir[edge].folder}/control.log", encoding="utf-8", errors="replace") as file:
            return [line.split(words)[1].split()[0] for line in file if words in line]

    async def wait_down(self, what: str) -> None:
        complaints = []
        for edge in EDGES:
            try:
                await self.cluster.weir[edge].wait_peer(3 - edge, "suspect", "dead")
            except RuntimeError as error:
                complaints.append(str(error))
        self.report.case(f"{what}: neither edge believes the other up", complaints)

    async def healed(self, what: str) -> None:
        begin, complaints = time.monotonic(), []
        for edge in EDGES:
            try:
                await self.cluster.weir[edge].wait_peer(3 - edge, "up")
            except RuntimeError as error:
                complaints.append(str(error))
        complaints += await self.equal()
        spent = time.monotonic() - begin
        if spent > HEALED_S:
            complaints.append("too late")
        flows = sum(count for count, _ in self.tables(ONE).values())
        self.report.case(f"{what}, healed: both edges hold the same {flows} flows", complaints, "", spent)

    def judge_states(self, what: str, begin: dict[int, int]) -> None:
        """Down once, up once."""
        complaints, found = [], []
        for edge in EDGES:
            seen = self.states(edge)[begin[edge]:]
            found.append(f"edge{edge}: {' '.join(seen)}")
            changes = [state == "up" for state in seen]
            if sum(one != other for one, other in zip([True, *changes], changes)) != 2:
                complaints.append(f"edge{edge} saw edge{3 - edge} {', '.join(seen)}")
        self.report.case(f"{what}: {'; '.join(found)}", complaints)


async def lab(cluster: Cluster, report: Report) -> None:
    await Partition(cluster, report).run()


if __name__ == "__main__":
    runner.run("partition", DRAWING, lambda driver: Cluster(transports=TRANSPORTS, driver=driver), lab, limit_s=LIMIT_S)
