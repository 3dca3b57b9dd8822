"""lab reuse: a NAT gives one phone's address and port to another, and nothing that is meant for the first reaches the second.

The NAT has a single port. Two phones have it in turn; each time the one that has it is in a call. tests/torture/reuse.c does the same
with many more phones in memory. WEIR_REUSES says how often.
"""

import asyncio
import os
import time

from lab import runner
from lab.cluster import Cluster
from lab.forger import Forger
from lab.house import ACCESS, CORE, DOMAIN, NAT_HOST, SIP_PORT
from lab.nat import NatMode
from lab.phone import Phone
from lab.report import Report
from lab.scenario import Call, SetupError, make_call

DRAWING = r"""
   alice --+
           +-- NAT with one port -- edge1 -- core -- the outside party
   bob ----+
"""

HOME = 1
REUSES = int(os.environ.get("WEIR_REUSES", "100"))
LIMIT_S = 60.0 + REUSES / 5
PORT = 40000
# An edge keeps the last 128 REGISTERs of a source for 32 seconds; then the NAT has another port.
TIMES_A_PORT = 25
# Alone among the rules of the NAT it is about SIP, and before them.
ONE_PORT = """
table ip reuse
delete table ip reuse
table ip reuse {{ chain out {{ type nat hook postrouting priority srcnat - 10;
    oifname "outside" udp dport {sip} snat to {address}:{port}; }}
}}
"""
METHODS = ("INFO", "BYE", "UPDATE", "NOTIFY")
CORE_SIDE = (f"{CORE}{HOME}", SIP_PORT)


class Reuse:
    def __init__(self, cluster: Cluster, report: Report) -> None:
        self.cluster = cluster
        self.report = report
        self.answers: dict[int, int] = {}
        self.wrong: list[str] = []

    async def run(self) -> None:
        await self.build()
        await self.control()
        await self.trials()
        await self.judge()

    async def build(self) -> None:
        cluster = self.cluster
        cluster.make_edges([HOME])
        # A request for who has lost his flow is to be answered at once.
        cluster.weir[HOME].settings["flows"] = {"park": "0s"}
        cluster.make_core(["outside", "alice", "bob"])
        self.nat = cluster.add_nat("nat", NatMode.PRESERVING)
        self.open(PORT)
        await cluster.start()
        self.outside = cluster.outside("outside")
        await cluster.register_outside(*self.outside)
        self.phones = [cluster.add_phone(name, self.nat, [[name]], {1: HOME}) for name in ("alice", "bob")]
        self.asker = Forger(cluster.outside_space.socket(), f"{CORE}20")

    def open(self, port: int) -> None:
        self.nat.box.run("nft", ONE_PORT.format(sip=SIP_PORT, address=f"{ACCESS}{NAT_HOST + 1}", port=port))

    async def take(self, phone: Phone) -> None:
        """The NAT forgets who had its port, and this phone comes first."""
        self.nat.forget()
        answer = await phone.register(phone.accounts[0], phone.accounts[0].contact.flows[0])
        if answer.status != 200:
            raise SetupError(f"{phone.name} cannot register: {answer.status or 'no answer'}")

    async def call(self, phone: Phone) -> Call:
        return await make_call(*self.outside, phone, phone.accounts[0].user, DOMAIN)

    async def ask(self, call: Call, method: str) -> int:
        """A request inside the call, from outside; its status, 0: nobody answered."""
        answer = await self.asker.send(call.caller.dialog.request_write(method), CORE_SIDE, 0.5)
        return answer.status if answer else 0

    async def control(self) -> None:
        """Who has the port gets what is for him: else all silence below would prove nothing."""
        alice = self.phones[0]
        await self.take(alice)
        call = await self.call(alice)
        status = await self.ask(call, "INFO")
        flows = [flow["peer"] for flow in self.cluster.weir[HOME].ask("flows", "show")["flows"]]
        wanted = f"{ACCESS}{NAT_HOST + 1}:{PORT}"
        self.report.case("alice has the port: a request in her call reaches her",
                         [] if status == 200 and flows == [wanted] else [f"{status}, flows at {flows}"], "r1-own@1")
        self.held = call

    async def trials(self) -> None:
        begin = time.monotonic()
        for number in range(REUSES):
            if number % TIMES_A_PORT == 0:
                self.open(PORT + number // TIMES_A_PORT)
                await self.take(self.phones[number % 2])
                self.held = await self.call(self.phones[number % 2])
            taker = self.phones[(number + 1) % 2]
            await self.take(taker)
            seen = [len(phone.arrivals) for phone in self.phones]
            for method in (METHODS[number % len(METHODS)], "INFO"):
                status = await self.ask(self.held, method)
                self.answers[status] = self.answers.get(status, 0) + 1
            reached = [phone.name for phone, before in zip(self.phones, seen) if len(phone.arrivals) != before]
            self.wrong += [f"trial {number}: reached {name}" for name in reached]
            self.wrong += [f"trial {number}: {complaint}" for complaint in self.cluster.failures()]
            # The registrar still knows the first one by that address, under its old Path.
            if number % 10 == 0:
                await self.ring(number, self.phones[number % 2], taker)
            self.held = await self.call(taker)
        self.elapsed_s = time.monotonic() - begin

    async def ring(self, number: int, lost: Phone, taker: Phone) -> None:
        """A new call to who has lost the port: it fails, and the other one's phone does not ring."""
        before = len(taker.arrivals)
        done = await self.outside[0].invite(self.outside[1], f"sip:{lost.accounts[0].user}@{DOMAIN}")
        if done.dialog is not None or len(taker.arrivals) != before:
            self.wrong.append(f"trial {number}: a call to {lost.name} was answered {done.status}, {taker.name} rang")
        self.wrong += [f"trial {number}: {complaint}" for complaint in self.cluster.failures()]

    async def judge(self) -> None:
        await asyncio.sleep(0.2)
        told = self.answers.get(430, 0)
        self.report.case(f"{REUSES} times the port went to the other phone: {len(self.wrong)} requests went to the wrong one",
                         self.wrong[:5], "", self.elapsed_s / REUSES)
        self.report.case(f"{2 * REUSES} requests in calls of who had lost it: {told} answered 430",
                         [] if told == 2 * REUSES else [f"answered {self.answers}"], "r9-gone@1")


async def lab(cluster: Cluster, report: Report) -> None:
    await Reuse(cluster, report).run()


if __name__ == "__main__":
    runner.run("reuse", DRAWING, lambda driver: Cluster((HOME,), driver=driver), lab, limit_s=LIMIT_S)
