"""Messages made a little wrong: each mutation touches what two parsers could see in two ways."""

import random
import re
from collections.abc import Callable

SPLICES = [b" ", b"\t", b"\r\n ", b"\r\n\t", b"\r\n", b"\n", b"\r", b"\0", b",", b";", b":", b"<", b">", b'"', b"\\", b"@", b"%41", b"%00", b"?",
           b"=", b"(", b")", b"[", b"]", b"/", b"\x7f", b"\xc3\xa9", b"&", b"+", b"0", b".", b"lr", b";lr", b";branch=z9hG4bKx", b";maddr=192.0.2.9",
           b";received=192.0.2.8", b"sip:", b"sips:", b"tel:", b"SIP/2.0", b" , ", b"<sip:other.test;lr>,", b'"a, <sip:x@y>" ', b":5070", b"::1"]
LINES = [b"Route: <sip:one.test;lr>", b"route : <sip:two.test>", b"ROUTE:<sip:three.test;lr>,<sip:four.test>", b"Route: \"x\" <sip:five.test;lr>",
         b"Content-Length: 0", b"l: 5", b"Content-Length : 3", b"Content-Length:\r\n 0", b"Via: SIP/2.0/UDP other.test;branch=z9hG4bKo",
         b"v: SIP/2.0/TCP compact.test:5070;branch=z9hG4bKc", b"Via:SIP / 2.0 / UDP spaced.test : 5071 ; branch = z9hG4bKs", b"X: y", b"Subject: a\r\n b",
         b"Route:", b"Route: ,", b"Record-Route: <sip:rr.test;lr>", b" folded: no"]


class Mutator:
    """`seeds`: good messages; the same `seed` makes the same mutations."""

    def __init__(self, seeds: list[bytes], seed: int) -> None:
        self._seeds = seeds
        self._random = random.Random(seed)
        self._ways: list[Callable[[bytes], bytes]] = [self._splice, self._splice, self._cut, self._turn, self._line_add, self._line_twice,
                                                      self._line_swap, self._line_of_another, self._case, self._fold, self._word_replace]

    def next(self) -> bytes:
        octets = self._random.choice(self._seeds)
        for _ in range(self._random.choice((1, 1, 1, 2, 3))):
            octets = self._random.choice(self._ways)(octets)
        return octets[:60000]

    def _head(self, octets: bytes) -> int:
        end = octets.find(b"\r\n\r\n")
        return end if end >= 0 else len(octets)

    def _place(self, octets: bytes) -> int:
        """Mostly within what is compared."""
        if self._random.random() < 0.6:
            places = [match for match in re.finditer(rb"(?im)^(?:route|via|v|content-length|l)\b[^\r]*|^\S+ \S+ SIP/2.0", octets)]
            if places:
                match = self._random.choice(places)
                return self._random.randint(match.start(), match.end())
        return self._random.randint(0, self._head(octets))

    def _splice(self, octets: bytes) -> bytes:
        at = self._place(octets)
        return octets[:at] + self._random.choice(SPLICES) + octets[at:]

    def _cut(self, octets: bytes) -> bytes:
        at = self._place(octets)
        return octets[:at] + octets[at + self._random.choice((1, 1, 2, 5)):]

    def _turn(self, octets: bytes) -> bytes:
        at = min(self._place(octets), len(octets) - 1)
        return octets[:at] + bytes([octets[at] ^ 1 << self._random.randrange(8)]) + octets[at + 1:] if octets else octets

    def _lines(self, octets: bytes) -> tuple[list[bytes], bytes]:
        end = self._head(octets)
        return octets[:end].split(b"\r\n"), octets[end:]

    def _line_add(self, octets: bytes) -> bytes:
        lines, rest = self._lines(octets)
        lines.insert(self._random.randint(1, len(lines)), self._random.choice(LINES))
        return b"\r\n".join(lines) + rest

    def _line_twice(self, octets: bytes) -> bytes:
        lines, rest = self._lines(octets)
        lines.insert(self._random.randint(1, len(lines)), self._random.choice(lines))
        return b"\r\n".join(lines) + rest

    def _line_swap(self, octets: bytes) -> bytes:
        lines, rest = self._lines(octets)
        one, other = (self._random.randrange(len(lines)) for _ in range(2))
        lines[one], lines[other] = lines[other], lines[one]
        return b"\r\n".join(lines) + rest

    def _line_of_another(self, octets: bytes) -> bytes:
        lines, rest = self._lines(octets)
        lines[self._random.randrange(len(lines))] = self._random.choice(self._lines(self._random.choice(self._seeds))[0])
        return b"\r\n".join(lines) + rest

    def _case(self, octets: bytes) -> bytes:
        at = self._place(octets)
        return octets[:at] + octets[at:at + 12].swapcase() + octets[at + 12:]

    def _fold(self, octets: bytes) -> bytes:
        spaces = [match.start() for match in re.finditer(rb"[ ,;=]", octets[:self._head(octets)])]
        if not spaces:
            return octets
        at = self._random.choice(spaces)
        return octets[:at] + b"\r\n " + octets[at:]

    def _word_replace(self, octets: bytes) -> bytes:
        words = [match for match in re.finditer(rb"[A-Za-z0-9.\-]+", octets[:self._head(octets)])]
        if len(words) < 2:
            return octets
        one, other = (self._random.choice(words) for _ in range(2))
        return octets[:one.start()] + other.group() + octets[one.end():]
