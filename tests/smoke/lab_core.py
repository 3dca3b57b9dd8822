"""lab core: the core role as a proxy: it forks, cancels, and tries the next flow of a phone.

The edges are strangers to each other, so that what one of them has lost the other cannot make good: that is left to the core.
"""

import asyncio
import dataclasses
import shutil
from collections.abc import Awaitable, Callable

from lab import runner
from lab.callee import SDP
from lab.cluster import Cluster
from lab.dialog import new_tag
from lab.drivers import Driver
from lab.edge import rules_of, wait_until
from lab.house import DOMAIN, access_name, core_side_name
from lab.nat import NatBox, NatMode
from lab.phone import Account, Phone
from lab.report import Report
from lab.scenario import SetupError
from lab.sip import Message
from lab.transaction import Client, Server

DRAWING = r"""
                        +-- edge1 --+
   phones -- NAT -------+           +-- core -- the outside party
                        +-- edge2 --+
                  (no peers: each alone)
"""

ONE, TWO = 1, 2
TEAM = "team"
TIMER_C_S = 4.0
PATIENCE_S = 8.0

Act = Callable[[Server], Awaitable[None]]


class Strangers(Cluster):
    """Edges whose names lead to themselves alone."""

    def __init__(self, driver: Driver = Driver.SOCKET) -> None:
        super().__init__(driver=driver)
        for edge in self.edges:
            self.zone.add_service(access_name(edge), (10, f"access{edge}.test"))
            self.zone.add_service(core_side_name(edge), (10, f"inner{edge}.test"))


@dataclasses.dataclass
class Rung:
    """A phone that rings, and what it got."""

    phone: Phone
    act: Act
    server: Server | None = None
    rings: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)

    def count(self, seen: int, method: str) -> int:
        return sum(arrival.method == method for arrival in self.phone.arrivals[seen:])


async def ring_on(_server: Server) -> None:
    """Neither accept nor refuse."""


class Scene:
    def __init__(self, cluster: Strangers, report: Report) -> None:
        self.cluster = cluster
        self.report = report
        self.outside: tuple[Phone, Account] | None = None
        self.team: list[Phone] = []

    async def run(self) -> None:
        self.cluster.make_edges([ONE], "one.test")
        self.cluster.make_edges([TWO], "two.test")
        self.cluster.make_core([])
        self.cluster.core.settings["proxy"]["timer-c"] = f"{TIMER_C_S:.0f}s"
        nat = self.cluster.add_nat("nat", NatMode.PRESERVING)
        await self.cluster.start()
        self.outside = self.cluster.outside("outside")
        await self.cluster.register_outside(*self.outside)
        for name, edge in (("desk", ONE), ("mobile", TWO)):
            phone = self.cluster.add_phone(name, nat, [[TEAM]], {1: edge})
            await self.cluster.settle(phone)
            self.team.append(phone)
        await self.forked()
        await self.declined()
        await self.cancelled()
        await self.repeated()
        await self.success_repeated()
        await self.timer_c()
        await self.flows(nat)

    def counted(self, name: str) -> int:
        return self.cluster.core.status()["core"][f"{name}_count"]

    async def call(self, rung: list[Rung], user: str = TEAM,
                   meanwhile: Callable[[Client], Awaitable[None]] | None = None) -> tuple[int, list[str]]:
        """The outside party calls; all phones ring before any of them acts. Final status, complaints."""
        clients: list[Client] = []
        together = asyncio.gather(*(item.rings.wait() for item in rung))

        def on_new(item: Rung) -> Callable[[Server, Account], Awaitable[None]]:
            async def ring(server: Server, _account: Account) -> None:
                item.server = server
                server.answer(180, "Ringing", new_tag())
                item.rings.set()
                await together
                await item.act(server)
            return ring

        for item in rung:
            item.phone.on_new = on_new(item)
        phone, account = self.outside
        calling = asyncio.create_task(phone.invite(account, f"sip:{user}@{DOMAIN}", on_start=clients.append))
        complaints = []
        try:
            await asyncio.wait_for(asyncio.shield(together), PATIENCE_S)
            if meanwhile is not None:
                await meanwhile(clients[-1])
            result = await asyncio.wait_for(calling, PATIENCE_S)
        except asyncio.TimeoutError:
            calling.cancel()
            together.cancel()
            return 0, ["not all phones rang, or the caller had no answer"]
        finally:
            for item in rung:
                item.phone.on_new = item.phone.accept
        if result.dialog is not None:
            ended = await phone.request(result.dialog, "BYE")
            complaints += [] if ended.status == 200 else [f"BYE: {ended.status or 'no answer'}"]
        return result.status, complaints

    def accept(self, phone: Phone) -> Act:
        async def act(server: Server) -> None:
            await phone.accept(server, phone.accounts[0])
        return act

    def refuse(self, phone: Phone, status: int, reason: str) -> Act:
        async def act(server: Server) -> None:
            await phone.refuse(server, status, reason)
        return act

    async def quiet(self, rung: list[Rung], seen: list[int], cancels: list[int]) -> list[str]:
        """Each phone got one INVITE and so many CANCELs, and the ACK to what it refused."""
        complaints = []
        for item, before, wanted in zip(rung, seen, cancels):
            name = item.phone.name
            try:
                await asyncio.wait_for(item.server.acknowledged.wait(), 2)
            except asyncio.TimeoutError:
                complaints.append(f"{name} got no ACK")
            if item.count(before, "INVITE") != 1 or item.count(before, "CANCEL") != wanted:
                complaints.append(f"{name} got {item.count(before, 'INVITE')} INVITEs and {item.count(before, 'CANCEL')} CANCELs")
        return complaints + self.cluster.failures()

    async def try_team(self, what: str, acts: list[Act], wanted: int, cancels: list[int],
                       meanwhile: Callable[[Client], Awaitable[None]] | None = None) -> None:
        rung = [Rung(phone, act) for phone, act in zip(self.team, acts)]
        seen = [len(phone.arrivals) for phone in self.team]
        status, complaints = await self.call(rung, meanwhile=meanwhile)
        if status != wanted:
            complaints.append(f"INVITE: {status or 'no answer'}, not {wanted}")
        self.report.case(what, complaints + await self.quiet(rung, seen, cancels))

    async def forked(self) -> None:
        desk, mobile = self.team
        await self.try_team("two phones ring, the first 200 wins, the other is cancelled", [self.accept(desk), ring_on], 200, [0, 1])
        await self.try_team("the same, the other phone wins", [ring_on, self.accept(mobile)], 200, [1, 0])

    async def declined(self) -> None:
        desk, mobile = self.team
        await self.try_team("both decline: the better answer is passed",
                            [self.refuse(desk, 500, "Server Internal Error"), self.refuse(mobile, 486, "Busy Here")], 486, [0, 0])
        await self.try_team("one declines for all: 603, and the other is cancelled",
                            [self.refuse(desk, 603, "Decline"), ring_on], 603, [0, 1])

    async def cancelled(self) -> None:
        complaints: list[str] = []

        async def cancel(client: Client) -> None:
            answer = await self.outside[0].transactions.cancel(client)
            complaints.extend([] if answer.status == 200 else [f"CANCEL: {answer.status or 'no answer'}"])

        await self.try_team("the caller cancels: both phones are cancelled, 487", [ring_on, ring_on], 487, [1, 1], cancel)
        self.report.case("the CANCEL itself was answered 200", complaints)

    async def repeated(self) -> None:
        """The caller's INVITE comes three times."""
        before = self.counted("retransmissions_absorbed")
        self.cluster.served.since()

        async def repeat(client: Client) -> None:
            client.send()
            client.send()
            await asyncio.sleep(0.1)
            await self.outside[0].transactions.cancel(client)

        await self.try_team("a retransmitted INVITE is absorbed", [ring_on, ring_on], 487, [1, 1], repeat)
        absorbed = self.counted("retransmissions_absorbed") - before
        wanted = {(edge, "r1-own"): 3 for edge in (ONE, TWO)}  # INVITE, CANCEL, ACK
        delta = await self.cluster.served.until(lambda counts: all(counts.get(key) == wanted[key] for key in wanted))
        complaints = [] if absorbed == 2 else [f"the core absorbed {absorbed}, not 2"]
        complaints += [f"{key}: {delta.get(key, 0)} requests, not {count}" for key, count in wanted.items()
                       if delta.get(key) != count]
        self.report.case("and neither edge saw one twice", complaints)

    async def success_repeated(self) -> None:
        """The caller's ACK comes late: the phone repeats its 200, and each one gets through."""
        phone, account = self.outside
        desk, mobile = self.team
        successes = 0
        acknowledge = phone._acknowledge  # pylint: disable=protected-access

        async def late(dialog: object, answer: object) -> None:
            def count() -> None:
                nonlocal successes
                successes += 1
            answer.client.ack = count
            await asyncio.sleep(1.8)  # the phone repeats after 0.5 and 1.5 s
            await acknowledge(dialog, answer)

        phone._acknowledge = late  # pylint: disable=protected-access
        rung = [Rung(desk, self.accept(desk)), Rung(mobile, ring_on)]
        seen = [len(item.arrivals) for item in self.team]
        status, complaints = await self.call(rung)
        phone._acknowledge = acknowledge  # pylint: disable=protected-access
        if status != 200 or successes != 2:
            complaints.append(f"INVITE: {status or 'no answer'}, and {successes} more 200s, not 2")
        self.report.case("retransmissions of a 200 pass, and so does its ACK", complaints + await self.quiet(rung, seen, [0, 1]))

    async def timer_c(self) -> None:
        before = self.counted("timer_c")
        began = asyncio.get_running_loop().time()
        await self.try_team(f"phones that ring for longer than timer C ({TIMER_C_S:.0f} s) are cancelled", [ring_on, ring_on], 487, [1, 1])
        spent = asyncio.get_running_loop().time() - began
        complaints = [] if TIMER_C_S <= spent < TIMER_C_S + 1 else [f"after {spent:.1f} s"]
        complaints += [] if self.counted("timer_c") - before == 2 else ["timer C was not counted twice"]
        self.report.case("not before that, and not much later", complaints, "", spent)

    # The flows of one phone

    async def reach(self, what: str, phone: Phone, edge: int, statuses: list[int]) -> None:
        """A call finds the phone by its flow at that edge, and the caller hears these final statuses alone."""
        caller, account = self.outside
        seen, heard = len(phone.arrivals), []
        self.cluster.served.since()
        before = self.counted("next_flow")
        watch = caller.transactions._receive_response  # pylint: disable=protected-access

        def listen(response: Message, *more: object) -> None:
            if response.method == "INVITE" and response.status >= 200:
                heard.append(response.status)
            watch(response, *more)

        caller.transactions._receive_response = listen  # pylint: disable=protected-access
        result = await caller.create("INVITE", account, f"sip:{phone.accounts[0].user}@{DOMAIN}", body=SDP)
        caller.transactions._receive_response = watch  # pylint: disable=protected-access
        complaints = [] if heard == statuses else [f"the caller heard {heard}, not {statuses}"]
        flow = next(item for item in phone.flows() if item.reg_id == edge)
        ports = [arrival.port for arrival in phone.arrivals[seen:] if arrival.method == "INVITE"]
        if ports != [flow.port]:
            complaints.append(f"INVITEs came to {[str(port) for port in ports]}, not once to {flow.port}")
        if self.counted("next_flow") == before:
            complaints.append("the core has tried no other flow")
        if result.dialog is not None:
            await caller.request(result.dialog, "BYE")
        rules = rules_of(self.cluster.served.since())
        self.report.case(what, complaints + self.cluster.failures(), rules, result.answer.elapsed_s)

    async def flows(self, nat: NatBox) -> None:
        phone = self.cluster.add_phone("roamer", nat, [["roamer"]], {1: ONE, 2: TWO})
        await self.cluster.settle(phone)
        edge = self.cluster.weir[ONE]
        await edge.kill()
        shutil.rmtree(edge.settings["store"]["path"])
        await edge.start()
        await edge.wait_ready()
        # The core has it for alive again.
        await asyncio.sleep(1.5)
        self.report.note("edge1 came back and remembers nothing")
        await self.reach("a flow gone: 430 at its edge, and the next flow is tried", phone, TWO, [200])
        await self.cluster.settle(phone)
        await edge.dataplane.suspend()
        self.report.note("edge1 stands still (SIGSTOP)")
        await self.reach("an edge that is silent: the next flow once it is known dead", phone, TWO, [200])
        edge.dataplane.resume()
        await wait_until(lambda: edge.ask("status").get("ready") is True, 10, "edge1 to be ready again", edge)
        await self.cluster.settle(phone)
        await asyncio.sleep(1.0)
        await edge.kill()
        self.report.note("edge1 is killed")
        await self.reach("an edge that is dead: ICMP, and the next flow", phone, TWO, [200])


async def lab(cluster: Strangers, report: Report) -> None:
    scene = Scene(cluster, report)
    await scene.run()
    if cluster.core.process is None or not cluster.core.process.running:
        raise SetupError("the core has ended")


if __name__ == "__main__":
    runner.run("core", DRAWING, Strangers, lab)
