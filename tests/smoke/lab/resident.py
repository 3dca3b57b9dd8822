"""The kernel at home at the address of an edge on DPDK: TCP there is its business, and reaches it past the fast path."""

from .house import ACCESS, House
from .report import Report
from .tcp import transfer

TCP_PORT = 7000
VISITOR_HOST = 40
MEGABYTE = 1 << 20
NEW_MAC = "02:00:00:00:00:40"


async def judge_streams(house: House, edge: int, report: Report) -> None:
    """A megabyte there and back, connected to from outside and from inside; and at once after a neighbour's MAC address changed."""
    visitor = house.network.space("visitor")
    house.network.cable(visitor, "access", "access", f"{ACCESS}{VISITOR_HOST}/24")
    resident = house.edge_spaces[edge]
    for when in ("", ", once the neighbour has another MAC address"):
        if when:
            visitor.ip("link", "set", "access", "address", NEW_MAC)
        for what, server, host, client in (("to", resident, edge, visitor), ("from", visitor, VISITOR_HOST, resident)):
            complaints, elapsed_s = await transfer(server, (f"{ACCESS}{host}", TCP_PORT), client, MEGABYTE)
            report.case(f"TCP {what} edge{edge}'s address, 1 MB each way{when}", complaints, "", elapsed_s)
