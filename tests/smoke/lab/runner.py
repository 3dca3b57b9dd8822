"""Runs a lab: its time limit, its end, and what is shown when it goes wrong."""

import asyncio
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable

from . import programs
from .drivers import Driver, driver_of
from .house import House
from .report import Report

LIMIT_S = 60.0


def run(name: str, drawing: str, new_house: Callable[..., House], lab: Callable[[House, Report], Awaitable[None]],
        built: bool = True, limit_s: float = LIMIT_S) -> None:
    """Exit with the lab's status. `built`: it needs Weir's programs. new_house takes `driver`, which the command line may name."""
    driver = driver_of(sys.argv[1:])
    if os.getuid() != 0:
        sys.exit("labs make network namespaces: run as root")
    if built and programs.missing():
        sys.exit(f"not built: {', '.join(programs.missing())}; run: meson setup build && ninja -C build")
    # A signal ends the lab like an error, so that what is there to say is said.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    named = f"{name} --driver {driver}" if driver.is_dpdk else name
    sys.exit(asyncio.run(_run(Report(named, drawing), lambda: new_house(driver=driver), lab, limit_s)))


async def _run(report: Report, new_house: Callable[[], House], lab: Callable[[House, Report], Awaitable[None]],
               limit_s: float) -> int:
    house = new_house()
    try:
        await asyncio.wait_for(lab(house, report), limit_s)
    except asyncio.TimeoutError:
        report.case(f"ends within {limit_s:.0f} s", ["it does not"])
    except Exception:  # pylint: disable=broad-except
        report.case("the lab runs to its end", [traceback.format_exc(), *house.logs()])
    finally:
        keep_logs(house)
        house.close()
    return report.close()


def keep_logs(house: House) -> None:
    """WEIR_LAB_LOGS names a folder that gets a copy of all logs and configurations."""
    folder = os.environ.get("WEIR_LAB_LOGS")
    if folder:
        house.copy_logs(folder)
