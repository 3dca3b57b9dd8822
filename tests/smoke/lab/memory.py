"""The memory of a process as a core file would hold it, and what a core file must not hold."""

import dataclasses
import re

from .needles import Needles

HEAD = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+\s*(.*)$")
PAGE = 4096
PIECE = 1 << 22
OVERLAP = 256  # longer than any needle


@dataclasses.dataclass
class Region:
    start: int
    end: int
    name: str
    flags: frozenset[str]
    writable: bool

    @property
    def in_dumps(self) -> bool:
        return "dd" not in self.flags


def regions(pid: int) -> list[Region]:
    found = []
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as file:
        for line in file:
            if head := HEAD.match(line):
                if "r" in head[3]:
                    found.append(Region(int(head[1], 16), int(head[2], 16), head[4], frozenset(), "w" in head[3]))
                readable = "r" in head[3]
            elif line.startswith("VmFlags:") and readable:
                found[-1].flags = frozenset(line.split()[1:])
    return found


def search_octets(octets: bytes, needles: Needles) -> list[str]:
    return [name for needle, name in needles.items() if needle in octets]


def without_empty(octets: bytes) -> bytes:
    """Without pages of zeros, which hold no key: most memory is of them."""
    if not octets.strip(b"\0"):
        return b""
    return b"".join(octets[at:at + PAGE] for at in range(0, len(octets), PAGE) if octets.count(0, at, at + PAGE) < PAGE)


@dataclasses.dataclass
class Search:
    hits: list[str] = dataclasses.field(default_factory=list)
    octets: int = 0  # that were looked at, without empty pages
    refused: int = 0  # regions that nobody can read: memfd_secret's

    def in_region(self, memory: object, region: Region, needles: Needles) -> None:
        before = b""
        for at in range(region.start, region.end, PIECE):
            try:
                memory.seek(at)
                piece = memory.read(min(PIECE, region.end - at))
            except OSError:
                self.refused += 1
                return
            kept = without_empty(piece)
            self.octets += len(kept)
            self.hits += [f"{name} in {region.name or 'memory'} at {at:#x}" for name in search_octets(before + kept, needles)]
            before = kept[-OVERLAP:]


def search(pid: int, needles: Needles, in_dumps: bool) -> Search:
    """All memory that a core file would hold, or all that it would not."""
    done = Search()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for region in regions(pid):
            # What is read from a program's own file, and can only be read, is in no core file, and holds what the file holds.
            own = region.writable or not region.name.startswith("/")
            if own and region.in_dumps == in_dumps and region.name not in ("[vvar]", "[vsyscall]", "[vvar_vclock]"):
                done.in_region(memory, region, needles)
    return done
