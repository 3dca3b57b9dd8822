"""lab differential: Weir and Kamailio read the same messages; what both take they must not read in two ways.

WEIR_MUTATIONS: how many mutations of the corpus, 10,000 unless it says otherwise; WEIR_SEED: which. All requests of the corpus come first.
"""

import asyncio
import dataclasses
import glob
import os
import shutil
import socket
import subprocess

from lab import runner
from lab.corpus import corpus_folder, rows_read
from lab.edge import wait_until
from lab.house import House
from lab.mutator import Mutator
from lab.netns import Process
from lab.programs import BUILD, ROOT
from lab.report import Report

DRAWING = r"""
   a corpus and its mutations --+-- read-message: Weir's parser
                                +-- Kamailio 5.6, which logs what it reads
"""

MUTATIONS = int(os.environ.get("WEIR_MUTATIONS", "10000"))
SEED = int(os.environ.get("WEIR_SEED", "1"))
READER = os.path.join(BUILD, "tests", "interop", "read-message")
PORT = 5999
BATCH, BATCH_OCTETS = 200, 60000
SHOWN = 5
LEAST_SHARE = 0.1  # of the mutations both must take, or the run would prove nothing
FIELDS = ("request-URI host", "Route", "top Via host", "top Via port", "top Via branch", "Content-Length")
CONFIG = """
#!KAMAILIO
debug=-5
log_stderror=yes
fork=yes
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:{port}
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "rr.so"
loadmodule "textops.so"
request_route {{
    # It reads headers when it is asked for one; this asks for all of them.
    $var(whole) = 0;
    if (append_hf("X: y\\r\\n")) $var(whole) = 1;
    xlog("L_ALERT", "READ $sp {fields} END\\n");
    exit;
}}
"""
# The last says whether Kamailio could read all headers: a name with a `%`, which RFC 3261 section 25.1 allows, is one that it cannot.
READ = ("$(rd{s.encode.hexa})", "$(route_uri{s.encode.hexa})", "$(via0(host){s.encode.hexa})", "$via0(port)",
        "$(via0(branch){s.encode.hexa})", "$cl", "$var(whole)")


@dataclasses.dataclass
class Reading:
    """What one of the two has read of a request that it takes; None: that is not there."""

    fields: list[str | None]


class Kamailio:
    """One child, so what it logs is in the order of what came; whose message a line is of, its source port says."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._log = f"{house.folder}/kamailio.log"
        self._sockets: list[socket.socket] = []
        self._at = 0
        self._marks = 0
        self.process: Process | None = None

    async def start(self) -> None:
        path = f"{self._house.folder}/kamailio.cfg"
        with open(path, "w", encoding="ascii") as file:
            file.write(CONFIG.format(port=PORT, fields="|".join(READ)))
        space = self._house.core_space
        self.process = await space.spawn("kamailio", "-DD", "-E", "-f", path, "-Y", self._house.folder, "-w", self._house.folder,
                                         "-P", f"{self._house.folder}/kamailio.pid", "-m", "64", "-M", "16", log=self._log)
        await wait_until(lambda: "Listening on" in self.process.log_tail(100), 20, "Kamailio to listen")
        for _ in range(BATCH + 1):
            sock = space.socket()
            sock.bind(("127.0.0.1", 0))
            self._sockets.append(sock)
        for _ in range(50):
            if await self._batch_end(0.2):
                return
        raise RuntimeError("Kamailio reads nothing: " + self.process.log_tail())

    async def read(self, messages: list[bytes]) -> list[Reading | None]:
        found: list[Reading | None] = []
        while len(found) < len(messages):
            count, octets = 0, 0
            for message in messages[len(found):len(found) + BATCH]:
                octets += len(message)
                if count > 0 and octets > BATCH_OCTETS:
                    break
                self._sockets[count].sendto(message, ("127.0.0.1", PORT))
                count += 1
            lines = await self._batch_end(20.0)
            if lines is None:
                raise RuntimeError("Kamailio does not read on: " + self.process.log_tail())
            ports = [sock.getsockname()[1] for sock in self._sockets[:count]]
            found += [lines.get(port) for port in ports]
        return found

    async def _batch_end(self, patience_s: float) -> dict[int, Reading] | None:
        """All that was read before a message that is good."""
        self._marks += 1
        branch = f"z9hG4bKmark{self._marks}"
        mark = (f"OPTIONS sip:mark SIP/2.0\r\nVia: SIP/2.0/UDP mark;branch={branch}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n"
                f"Call-ID: {branch}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")
        self._sockets[BATCH].sendto(mark.encode(), ("127.0.0.1", PORT))
        end, text = asyncio.get_running_loop().time() + patience_s, ""
        while branch.encode().hex() not in text or not text.endswith("END\n"):
            if asyncio.get_running_loop().time() > end:
                return None
            await asyncio.sleep(0.002)
            with open(self._log, "rb") as file:
                file.seek(self._at)
                text = file.read().decode("ascii", "replace")
        self._at += len(text.encode("ascii", "replace"))
        lines = [line.split("READ ", 1)[1].split(" ", 1) for line in text.splitlines() if "READ " in line and line.endswith(" END")]
        return {int(port): reading for port, rest in lines if (reading := reading_of_kamailio(rest.removesuffix(" END")))}


def reading_of_kamailio(text: str) -> Reading | None:
    fields: list[str | None] = [value if value not in ("", "<null>") else None for value in text.split("|")]
    if fields.pop() != "1":
        return None
    if fields[3] == "0":
        fields[3] = None
    return Reading(fields)


def read_by_weir(messages: list[bytes]) -> list[Reading | None]:
    """By a program on Weir's parser."""
    octets = b"".join(len(message).to_bytes(2, "big") + message for message in messages)
    done = subprocess.run([READER], input=octets, capture_output=True, check=True)
    lines = done.stdout.decode("ascii").splitlines()
    return [Reading([value if value != "." else None for value in line.split()[1:]]) if line[0] == "+" else None for line in lines]


def differences(ours: Reading, theirs: Reading) -> list[int]:
    """Fields that both have read, and not alike; names without case. A Route or Content-Length that only one of them sees is a
    difference, too: the other would take the request elsewhere, or end it elsewhere."""
    found = []
    for index, (one, other) in enumerate(zip(ours.fields, theirs.fields)):
        if one is not None and other is not None:
            equal = plain(index, one) == plain(index, other)
        else:
            equal = one == other or FIELDS[index] not in ("Route", "Content-Length")
        if not equal:
            found.append(index)
    return found


def plain(index: int, value: str) -> object:
    value = value.strip()
    if FIELDS[index].endswith("host"):
        return bytes.fromhex(value).lower()
    return int(value) if value.isdigit() and FIELDS[index] in ("top Via port", "Content-Length") else value


class Differential:
    def __init__(self, house: House, report: Report) -> None:
        self.report = report
        self.kamailio = Kamailio(house)

    async def run(self) -> None:
        seeds = seeds_read()
        await self.kamailio.start()
        await self.planted(seeds)
        await self.compare(f"the {len(seeds)} requests of the corpus", seeds)
        mutator = Mutator(seeds, SEED)
        await self.compare(f"{MUTATIONS} mutations, seed {SEED}", [mutator.next() for _ in range(MUTATIONS)])

    async def planted(self, seeds: list[bytes]) -> None:
        """The comparison sees a difference where there is one."""
        good = next(seed for seed in seeds if b"\r\nRoute:" not in seed and (read_by_weir([seed])[0] is not None))
        changed = good.replace(b"\r\n", b"\r\nRoute: <sip:planted.test;lr>\r\n", 1)
        theirs, ours = (await self.kamailio.read([good]))[0], read_by_weir([changed])[0]
        seen = [FIELDS[index] for index in differences(ours, theirs)] if theirs else None
        self.report.case("a planted difference is seen", [] if seen == ["Route"] else [f"{seen}"])

    async def compare(self, what: str, messages: list[bytes]) -> None:
        ours, theirs = read_by_weir(messages), await self.kamailio.read(messages)
        found: dict[int, list[str]] = {index: [] for index in range(len(FIELDS))}
        both = 0
        for message, one, other in zip(messages, ours, theirs):
            if one is None or other is None:
                continue
            both += 1
            for index in differences(one, other):
                found[index].append(f"{one.fields[index]} and {other.fields[index]} of {message[:700]!r}")
        weir, kamailio = sum(item is not None for item in ours), sum(item is not None for item in theirs)
        self.report.note(f"{what}: {both} taken by both, {weir - both} by Weir alone, {kamailio - both} by Kamailio alone")
        enough = [] if both >= LEAST_SHARE * len(messages) else [f"only {both} were taken by both"]
        for index, complaints in found.items():
            shown = [f"{len(complaints)} differ", *complaints[:SHOWN]] if complaints else []
            self.report.case(f"{what}: {FIELDS[index]} read alike", enough + shown)


def seeds_read() -> list[bytes]:
    """Every message that one of them could take for a request."""
    files = [os.path.join(row.folder, row.file) for row in rows_read(folder)] if (folder := corpus_folder()) else []
    files += sorted(glob.glob(f"{ROOT}/tests/corpus/*/*.dat"))
    found = []
    for path in files:
        with open(path, "rb") as file:
            octets = file.read()
        if 20 < len(octets) < 60000 and not octets.startswith(b"SIP/") and b"SIP/2.0" in octets.upper():
            found.append(octets)
    return list(dict.fromkeys(found))


async def lab(house: House, report: Report) -> None:
    if shutil.which("kamailio") is None:
        report.skip("Weir and Kamailio read alike", "no kamailio here")
        return
    await Differential(house, report).run()


if __name__ == "__main__":
    if not os.access(READER, os.X_OK):
        raise SystemExit(f"not built: {READER}; run: ninja -C {BUILD}")
    runner.run("differential", DRAWING, lambda driver: House((1,), driver=driver), lab)
