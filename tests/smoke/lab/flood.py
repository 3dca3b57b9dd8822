"""weir-load in a lab: senders, floods and sinks in their places, and what a process has spent meanwhile."""

import asyncio
import json
import os
import subprocess

from . import programs
from .netns import Space, die_with_parent
from .sip import Message

LOAD = os.path.join(programs.BUILD, "tools", "load", "weir-load")
MARK = "#" * 10
TEMPLATES = 32  # different ones, so that a burst is full


def templates_write(path: str, messages: list[bytes]) -> str:
    with open(path, "wb") as file:
        for octets in messages:
            file.write(b"%d\n" % len(octets) + octets)
    return path


def template_of(message: Message, host: str) -> bytes:
    """The message as weir-load sends it: a transaction of its own each time."""
    text = message.copy()
    text.remove("Via")
    text.headers.insert(0, ("Via", f"SIP/2.0/UDP {host};branch=z9hG4bKload-{MARK};rport"))
    text.put("CSeq", f"{MARK} {message.method}")
    return text.encode()


async def start(space: Space, *words: str, cpu: int | None = None) -> asyncio.subprocess.Process:
    def begin() -> None:
        die_with_parent()
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})
    return await asyncio.create_subprocess_exec(*space.command(LOAD, *words), stdout=subprocess.PIPE, start_new_session=True,
                                                preexec_fn=begin)


async def result(process: asyncio.subprocess.Process) -> dict:
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"weir-load failed: {process.returncode}")
    return json.loads(output)


async def hogs_start(count: int, cpu: int) -> list[asyncio.subprocess.Process]:
    """Loops that share a processor with whoever is pinned there: each is a session, since the kernel shares by session."""
    def begin() -> None:
        die_with_parent()
        os.sched_setaffinity(0, {cpu})
    return [await asyncio.create_subprocess_exec("sh", "-c", "while :; do :; done", preexec_fn=begin, start_new_session=True)
            for _ in range(count)]


async def hogs_end(hogs: list[asyncio.subprocess.Process]) -> None:
    for hog in hogs:
        hog.kill()
        await hog.wait()


def pin(pid: int, cpu: int) -> None:
    for task in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(task), {cpu})


def cpu_s(pid: int) -> float:
    """Processor time of all threads, in and out of the kernel."""
    spent = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            spent += int(file.read().split()[0])
    return spent / 1e9


def resident_kib(pid: int) -> int:
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Rss:"))
