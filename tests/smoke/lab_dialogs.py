"""lab dialogs: many calls over three edges, one of which is killed while all of them end: none is lost.

Prints how many BYEs were answered in each tenth of a second. WEIR_DIALOGS: how many calls (1500); WEIR_RUNS: how often, another edge each
time (1).
"""

import asyncio
import os
import time

from lab import runner
from lab.callee import Account, Contact, Flow
from lab.cluster import Cluster
from lab.goodbyes import Goodbyes
from lab.house import ACCESS, DOMAIN, access_name
from lab.phone import Phone
from lab.report import Report
from lab.scenario import Call, End, SetupError, find_dialog
from lab.sip import Uri
from lab.udp import Port

DRAWING = r"""
             +-- edge1 --+
   phones ---+-- edge2 --+-- core
             +-- edge3 --+-- outside parties
   a flow at either of two edges; one edge: kill -9
"""

EDGES = (1, 2, 3)
DIALOGS = int(os.environ.get("WEIR_DIALOGS", "1500"))
RUNS = int(os.environ.get("WEIR_RUNS", "1"))
CALLS_OF_A_PHONE = 4
OUTSIDE = 20
PHONE_HOST = 200
WINDOW = 48  # set-ups at once
EXPIRES_S = 3600
SPAN_S, BEFORE_S = 5.0, 1.0  # in which all BYEs are sent; until the kill
LIMIT_S = 60.0 + RUNS * (20.0 + DIALOGS / 100)


class Dialogs:
    def __init__(self, cluster: Cluster, report: Report) -> None:
        self.cluster = cluster
        self.report = report
        self.phones: list[Phone] = []
        self.outside: list[tuple[Phone, Account]] = []

    async def run(self) -> None:
        await self.build()
        for number in range(RUNS):
            await self.once(EDGES[number % len(EDGES)], f"run {number + 1} of {RUNS}")

    async def build(self) -> None:
        self.cluster.make_edges(list(EDGES))
        self.cluster.make_core([])
        await self.cluster.start()
        for index in range(OUTSIDE):
            party = self.cluster.outside(f"outside{index}")
            await self.cluster.register_outside(*party)
            self.outside.append(party)
        space = self.cluster.network.space("phones")
        self.cluster.network.cable(space, "access", "access", f"{ACCESS}{PHONE_HOST}/24")
        begin = time.monotonic()
        await several(self.add_phone(space, index) for index in range(-(-DIALOGS // CALLS_OF_A_PHONE)))
        if complaints := self.cluster.failures():
            raise SetupError("\n".join(complaints[:5]))
        self.report.note(f"{len(self.phones)} phones registered at two edges each in {time.monotonic() - begin:.1f} s")

    async def add_phone(self, space, index: int) -> None:
        """One port, so both its edges know one contact."""
        phone = Phone(f"phone{index}", self.cluster.resolver(space, ACCESS), self.cluster.is_edge_access)
        port = Port(space.socket(), f"{ACCESS}{PHONE_HOST}")
        edges = EDGES[index % 3], EDGES[(index + 1 + index // 3 % 2) % 3]
        flows = [Flow(port, reg_id, Uri("sip", None, access_name(edge), None, {"lr": None})) for reg_id, edge in enumerate(edges, 1)]
        account = phone.add_account(Account(phone.name, DOMAIN, Contact(flows, phone.name)))
        self.cluster.phones.append(phone)
        self.phones.append(phone)
        for flow in reversed(flows):
            answer = await phone.register(account, flow, EXPIRES_S)
            if answer.status != 200:
                phone.fail(f"cannot register: {answer.status}")
        phone.keep_alive()  # who falls silent may be gone

    async def call(self, index: int, calls: list[Call]) -> None:
        phone, (outside, account) = self.phones[index % len(self.phones)], self.outside[index % OUTSIDE]
        result = await outside.invite(account, f"sip:{phone.name}@{DOMAIN}")
        if result.dialog is None:
            raise SetupError(f"{account.user} calls {phone.name}: {result.status or 'no answer'}")
        calls.append(Call(End(outside, result.dialog), End(phone, find_dialog(phone, result.dialog))))

    async def once(self, killed: int, what: str) -> None:
        calls: list[Call] = []
        begin = time.monotonic()
        await several(self.call(index, calls) for index in range(DIALOGS))
        await asyncio.sleep(0.2)  # the last ACK
        if complaints := self.cluster.failures():
            raise SetupError("\n".join(complaints[:5]))
        self.report.note(f"{what}: {len(calls)} calls made in {time.monotonic() - begin:.1f} s")
        goodbyes = Goodbyes(calls)
        await goodbyes.prepare()
        ending = asyncio.create_task(goodbyes.run(DIALOGS / SPAN_S))
        await asyncio.sleep(BEFORE_S)
        kill_s = time.monotonic()
        await self.cluster.weir[killed].kill()
        await ending
        self.judge(f"{what}, edge{killed} killed", goodbyes, kill_s)
        for phone in self.cluster.phones:
            phone.dialogs.clear()
            phone.arrivals.clear()
        await self.come_back(killed)

    def judge(self, what: str, goodbyes: Goodbyes, kill_s: float) -> None:
        byes = goodbyes.byes
        lost = [bye for bye in byes if bye.status != 200 or not bye.arrivals]
        self.time_line(byes, kill_s)
        waits = sorted(bye.answered_s - bye.sent_s for bye in byes if bye.status)
        again, twice = sum(bye.sends > 1 for bye in byes), sum(bye.arrivals > 1 for bye in byes)
        self.report.note(f"{again} sent more than once, {twice} came more than once; half answered within {waits[len(waits) // 2] * 1e3:.1f} ms, "
                         f"99 of 100 within {waits[len(waits) * 99 // 100] * 1e3:.0f} ms")
        # More of them than flows.moved-phones lets pass are answered 503, and ask the next edge.
        self.report.note(f"{goodbyes.turned_away} were answered 503 by an edge that is none of their phone's")
        complaints = [f"{bye.sender.phone.name} to {bye.receiver.phone.name}: {bye.status}, {bye.sends} sent, {bye.arrivals} came" for bye in lost[:5]]
        self.report.case(f"{what}: {len(lost)} of {len(byes)} dialogs lost, {len(goodbyes.wrong)} wrong deliveries", complaints + goodbyes.wrong[:5],
                         "", waits[-1])

    def time_line(self, byes: list, kill_s: float) -> None:
        """Answers in each tenth of a second, ten to a line; 0 is the kill."""
        tenths: dict[int, int] = {}
        for bye in byes:
            if bye.status:
                tenth = int((bye.answered_s - kill_s) * 10 // 1)
                tenths[tenth] = tenths.get(tenth, 0) + 1
        first, last = min(tenths) // 10, max(tenths) // 10
        print("    BYEs answered in each 100 ms, from the kill on:")
        for second in range(first, last + 1):
            print(f"    {second:+4} s  " + " ".join(f"{tenths.get(second * 10 + tenth, 0):5}" for tenth in range(10)), flush=True)

    async def come_back(self, killed: int) -> None:
        edge = self.cluster.weir[killed]
        await edge.start_dataplane()
        await edge.start_control()
        for one in self.cluster.weir.values():
            await one.wait_ready()
            for other in EDGES:
                if other != one.number:
                    await one.wait_peer(other, "up")


async def several(work) -> None:
    """All of them, WINDOW at a time."""
    slots = asyncio.Semaphore(WINDOW)

    async def one(item) -> None:
        async with slots:
            await item

    await asyncio.gather(*(one(item) for item in work))


async def lab(cluster: Cluster, report: Report) -> None:
    await Dialogs(cluster, report).run()


if __name__ == "__main__":
    runner.run("dialogs", DRAWING, lambda driver: Cluster(edges=EDGES, driver=driver), lab, limit_s=LIMIT_S)
