"""lab corpus: what an edge does with every message of the corpus beside the tree, against what its index wants.

What deviates stands in docs/torture.md with its reason, and as it says.
"""

import asyncio
import re

from lab import runner
from lab.bench import HOME, OTHER, Bench
from lab.corpus import ANYTHING, FORWARD, GRADED, SILENCE, Row, corpus_folder, rows_read
from lab.house import ACCESS, SIP_PORT, access_name
from lab.programs import ROOT
from lab.report import Report
from lab.scenario import SetupError
from lab.sip import message_read
from lab.stand import StreamStand, request_write
from lab.transport import TCP, UDP

DRAWING = r"""
   the corpus, from a registered socket ---- edge1 ---- a socket at the core's address
"""

EDGE_NAME = "ep.example.net"  # what the corpus calls the edge under test
ANSWERED = "answered"
INSIDE = "10.0.0.0/8"  # what the corpus takes for the inside
PATIENCE_S = 0.4
# Kamailio 5.6.3, all 49 files of RFC 4475, of which 43 leave no choice.
PEER = "Kamailio 5.6.3 reached 32 of the 43 files of the whole RFC that can be graded"
# Where the index's words, which are for people, say more than a pattern sees.
WANTED = {
    "rfc4475/badbranch.dat": {FORWARD},
    "rfc4475/baddn.dat": {"400", FORWARD, SILENCE},  # without its blank line there is nothing to answer by
    "rfc4475/dblreq.dat": {FORWARD},
    "rfc4475/escruri.dat": {"400"},
    "rfc4475/zeromf.dat": {"483", "200"},
    "authored/cl_absent_tcp.dat": {FORWARD},  # by UDP the datagram says where it ends
    "authored/mtu_1472.dat": {FORWARD},
    "authored/route_quoted_comma.dat": {FORWARD},
    "authored/uri_sips.dat": {"416", "403"},
    "authored/via_port_0.dat": {"400", FORWARD},
    "authored-stun/stun_binding_min.dat": {ANSWERED},
    "authored-stun/stun_unknown_required.dat": {ANSWERED},
}
# What an edge changes; all other lines and the body leave as they came.
OURS = re.compile(rb"(?im)^(?:via|v|max-forwards|record-route|route|path|p-asserted-identity|content-length|l)[ \t]*:")


class Outcome:
    """What came of a message."""

    def __init__(self, answers: list[bytes], forwarded: list[bytes]) -> None:
        self.answers = answers
        self.forwarded = forwarded

    def __str__(self) -> str:
        words = [FORWARD] * len(self.forwarded) + [answer_word(octets) for octets in self.answers]
        return "+".join(words) or SILENCE


def answer_word(octets: bytes) -> str:
    return octets.split(b" ", 2)[1].decode("ascii", "replace") if octets.startswith(b"SIP/2.0 ") else ANSWERED


class Corpus:
    def __init__(self, bench: Bench, report: Report) -> None:
        self.bench = bench
        self.report = report
        self.reached: dict[str, list[int]] = {}
        self.argued = argued_read()

    async def run(self, rows: list[Row]) -> None:
        self.bench.make_edges([HOME, OTHER])
        settings = self.bench.weir[HOME].settings
        settings["listeners"][0]["advertise"] = EDGE_NAME
        settings["flows"] = {"park": "0s"}
        settings["inside"] = [INSIDE]
        await self.bench.start()
        self.phone = await self.bench.register("alice")
        for row in (item for item in rows if item.part in GRADED):
            await self.judge(row)
        for part in dict.fromkeys(row.part for row in rows if row.part not in GRADED):
            await self.survive(part, [row for row in rows if row.part == part])
        for file in set(self.argued) - {row.file for row in rows}:
            self.report.case(f"docs/torture.md: {file}", ["the corpus has no such file"])
        for row in (item for item in rows if "TCP" in item.words or "stream" in item.words or "close" in item.words):
            await self.judge_stream(row)
        alive = await self.ask_mark(self.phone.stand) is not None
        self.report.case("the edge lives, and forwards", [] if alive else ["it does not answer"])
        for part, (reached, graded, seen) in self.reached.items():
            self.report.note(f"{part}: {seen} messages, {graded} of them graded, {reached} as the index wants"
                             + (f" ({PEER})" if part == "rfc4475" else ""))

    async def judge(self, row: Row) -> None:
        outcome = await self.play(row)
        wanted = WANTED.get(row.file, row.wanted)
        found, complaints = str(outcome), altered(row, outcome)
        good = ANYTHING in wanted or found in wanted
        counts = self.reached.setdefault(row.part, [0, 0, 0])
        counts[0] += good and ANYTHING not in wanted
        counts[1] += ANYTHING not in wanted
        counts[2] += 1
        if row.file in self.argued:
            said = self.argued[row.file]
            complaints += [f"docs/torture.md says that it is {said}"] if found != said or good else []
            found += " (argued)"
        elif not good:
            complaints.append(f"wanted: {row.words}")
        self.report.case(f"{row.file:<52} {'/'.join(sorted(wanted)):<24}", complaints, found)

    async def survive(self, part: str, rows: list[Row]) -> None:
        """Of these nothing is asked but that the edge answers the next one."""
        found = [str(await self.play(row)) for row in rows]
        named = " ".join(f"{word} {found.count(word)}" for word in sorted(set(found)))
        self.report.case(f"{part}: {len(rows)} messages, and the edge lives on", [], named)

    async def play(self, row: Row) -> Outcome:
        """Everything that comes of it. A request behind it is answered when it has been dealt with; a REGISTER passes control first."""
        stand, core = self.phone.stand, self.bench.core_stand
        stand.forget()
        core.forget()
        octets = row.octets
        stand.send(octets, self.bench.access())
        answers = await self.ask_mark(stand)
        if answers is None:
            raise SetupError(f"the edge answers nothing after {row.file}")
        forwarded = core.taken()
        if re.search(rb"(?i)^cseq[ \t]*:.*register", octets, re.MULTILINE) and not forwarded and not answers:
            came = await core.take(PATIENCE_S)
            forwarded, answers = [came[0]] if came else [], stand.taken()
        return Outcome(answers, forwarded)

    async def ask_mark(self, stand: object) -> list[bytes] | None:
        """What came before the answer to a request that is always answered; None: that did not come."""
        mark = request_write(stand, "OPTIONS", f"sip:{EDGE_NAME}")
        stand.send(mark, self.bench.access())
        before = []
        while (came := await stand.take()) is not None:
            if mark.call_id.encode() in came[0]:
                return before
            before.append(came[0])
        return None

    async def judge_stream(self, row: Row) -> None:
        """By TCP, where a length that is not plain leaves nothing to go on by."""
        self.bench.core_stand.forget()
        stream = await StreamStand.connect(self.bench.phones_space, f"{ACCESS}50", (f"{ACCESS}{HOME}", SIP_PORT))
        stream.send(row.octets)
        came = await stream.all_octets(PATIENCE_S)
        await asyncio.sleep(0)
        forwarded = self.bench.core_stand.taken()
        words = [FORWARD] * len(forwarded)
        words += ["pong"] if came.startswith(b"\r\n") else []
        words += [answer_word(came[at.start():]) for at in re.finditer(rb"SIP/2\.0 \d", came)]
        words += ["closed"] if stream.ended else []
        found = "+".join(words) or SILENCE
        wanted = STREAM_WANTED.get(row.file, {"400+closed", "closed"})
        self.report.case(f"{row.file + ', by TCP':<52} {'/'.join(sorted(wanted)):<24}", [] if found in wanted else [f"wanted: {row.words}"], found)
        stream.close()


# The index speaks of streams for more than wrong lengths.
STREAM_WANTED = {
    "authored/crlfcrlf_ping.dat": {"pong"},
    "authored/no_blank_line.dat": {SILENCE},
}


def argued_read() -> dict[str, str]:
    """The rows of docs/torture.md: file to what it gets."""
    with open(f"{ROOT}/docs/torture.md", encoding="utf-8") as file:
        return {cells[1].strip(" `"): cells[3].strip() for cells in (line.split("|") for line in file) if len(cells) == 6 and ".dat" in cells[1]}


def altered(row: Row, outcome: Outcome) -> list[str]:
    """What left is what came, but for what an edge has to change."""
    if not outcome.forwarded:
        return []
    sent, left = row.octets, outcome.forwarded[0]
    complaints = []
    for name, octets in (("headers", kept_lines(sent)), ("body", body_of(sent))):
        found = kept_lines(left) if name == "headers" else body_of(left)
        if found != octets:
            complaints.append(f"the {name} left changed")
    if len(outcome.forwarded) > 1:
        complaints.append("more than one message left")
    return complaints


def kept_lines(octets: bytes) -> list[bytes]:
    """Header lines that an edge has no business with, folds included, behind the start line."""
    head = octets.split(b"\r\n\r\n", 1)[0]
    lines = re.split(rb"\r\n(?![ \t])", head)[1:]
    return [line for line in lines if not OURS.match(line)]


def body_of(octets: bytes) -> bytes:
    message = message_read(octets)
    length = message.get("Content-Length")
    return message.body[:int(length)] if length.strip().isdigit() else message.body


async def lab(bench: Bench, report: Report) -> None:
    folder = corpus_folder()
    if folder is None:
        report.skip("every message of the corpus", "no corpus beside the tree")
        return
    await Corpus(bench, report).run(rows_read(folder))


if __name__ == "__main__":
    runner.run("corpus", DRAWING, lambda driver: Bench((UDP, TCP), driver), lab)
