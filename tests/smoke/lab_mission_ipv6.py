"""lab mission-ipv6: a call of phones on IPv6 outlives its edge, behind a core on IPv4."""

from lab import runner
from lab.cluster6 import Cluster6, address6
from lab.house import CORE, SIP_PORT
from lab.mission import SURVIVOR, Mission
from lab.report import Report

DRAWING = r"""
                       +--------- edge1 ---------+
                       |  owner of every call;   |  +-- core, on IPv4: registrar and proxy
   phones, on IPv6 ----+  kill -9                +--+
                       |                         |  +-- the outside party, on IPv4
                       +--------- edge2 ---------+
"""


class Mission6(Mission):
    nat_modes = {"IPv6": None}
    changing = keeping = "IPv6"
    survivors = [(f"{CORE}{SURVIVOR}", SIP_PORT), (address6(SURVIVOR), SIP_PORT)]


async def lab(cluster: Cluster6, report: Report) -> None:
    await Mission6(cluster, report).run()


if __name__ == "__main__":
    runner.run("mission-ipv6", DRAWING, Cluster6, lab)
