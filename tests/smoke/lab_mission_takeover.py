"""lab mission-takeover: a call over UDP outlives its edge where that edge's address moves to the other one: nobody registers again, phones with
one flow are reached over it."""

import itertools

from lab import runner
from lab.cluster6 import address6
from lab.house import ACCESS, SIP_PORT
from lab.mission import ACCOUNTS, ENDS, FLOWS, OWNER, SIDES, SURVIVOR, SURVIVORS, Cell, Mission, wanted_rule
from lab.moving6 import MovingCluster6
from lab.nat import NatMode
from lab.report import Report
from lab.scenario import Call, End, SetupError

DRAWING = r"""
                                    +--------- edge1 ---------+
   phones -- NAT (keeps ports) --+  |  owner of every call;   |  +-- core: registrar and proxy
   phones -- NAT (random ports) -+--+  kill -9; its address   +--+
   phones -- NAT (full cone) ----+  |  moves to edge2         |  +-- the outside party, which has no edge
   phones, on IPv6 --------------+  +--------- edge2 ---------+
"""


class MissionTakeover(Mission):
    nat_modes = {"keeps ports": NatMode.PRESERVING, "random ports": NatMode.RANDOM, "full cone": NatMode.FULL_CONE,
                 "IPv6": None}
    survivors = [*SURVIVORS, (f"{ACCESS}{OWNER}", SIP_PORT), *((address6(edge), SIP_PORT) for edge in (OWNER, SURVIVOR))]

    def __init__(self, cluster: MovingCluster6, report: Report) -> None:
        super().__init__(cluster, report)
        self.heard: set[int] = set()  # contacts that have sent something to the address since it moved

    async def run(self) -> None:
        await self.build()
        cells = [Cell(kind, sender, await self.make_calls(kind))
                 for kind in itertools.product(self.transports, self.nat_modes, FLOWS, ACCOUNTS, SIDES) for sender in ENDS]
        complaints = self.cluster.failures()
        if complaints:
            raise SetupError("\n".join(complaints))
        self.report.note(f"{sum(len(cell.calls) for cell in cells)} calls of {len(self.phones)} phones stand")
        await self.kill_owner()
        await self.cluster.move_and_wait(OWNER, SURVIVOR)
        self.report.note(f"edge{SURVIVOR} has the address of edge{OWNER}")
        self.cluster.served.since()
        for cell in cells:
            name = str(cell).replace("re-registers", "one flow    ")
            for method in cell.methods:
                await self.judge(name, cell.calls, cell.sender, method, self.wanted(cell.calls[0], cell.sender))
                self.hear(cell.calls, cell.sender)

    def wanted(self, call: Call, sender: str) -> str:
        """Another flow that lives goes before the dead edge's, until its phone has been heard at the address: then it is as any other."""
        receiver: End = call.ends(sender)[1]
        if not receiver.phone.outbound:
            return wanted_rule(receiver)
        if id(receiver.dialog.contact) in self.heard:
            return f"r1-own@{SURVIVOR}"
        return f"r3-here@{SURVIVOR}" if len(receiver.dialog.contact.flows) > 1 else f"r4-address@{SURVIVOR}"

    def hear(self, calls: list[Call], sender: str) -> None:
        self.heard |= {id(call.ends(sender)[0].dialog.contact) for call in calls}


async def lab(cluster: MovingCluster6, report: Report) -> None:
    await MissionTakeover(cluster, report).run()


if __name__ == "__main__":
    runner.run("mission-takeover", DRAWING, MovingCluster6, lab)
