"""A corpus of messages beside the tree: where it is, and what its index says that must become of each."""

import dataclasses
import os
import re

from .programs import ROOT

# Sets whose words are for an edge, one by one; of the others nothing is asked but that the edge lives on.
GRADED = ("rfc4475", "rfc5118-wire", "authored", "authored-stun")
FORWARD, SILENCE, ANYTHING = "forward", "silence", "anything"
WORDS = ((FORWARD, r"\bforward|\baccept|\btolerate|\bparse:|\bprocess\b|420 with|one value|params belong|add max-forwards|overwrite|\bstrip\b"),
         (SILENCE, r"\bdrop|\bdiscard|\bignore|\breject\b|wait then time out"),
         (ANYTHING, r"\bbounded\b|\bhandled\b|no crash\b|\bpolicy\b|\bseed\b|\bnever read\b|\bonly over\b"))


@dataclasses.dataclass
class Row:
    file: str
    kind: str  # the index's class
    words: str  # what it says must happen
    folder: str

    @property
    def part(self) -> str:
        return self.file.split("/", 1)[0]

    @property
    def octets(self) -> bytes:
        with open(os.path.join(self.folder, self.file), "rb") as file:
            return file.read()

    @property
    def wanted(self) -> set[str]:
        """Statuses, `forward`, `silence`; what the words leave open is `anything`."""
        words = re.sub(r"CVE-[\d-]+|RFC ?\d+|\d{4,}", "", self.words)
        # What would happen elsewhere stands in brackets.
        plain = re.sub(r"\((?:[^()]*would[^()]*|RFC[^()]*|uas[^()]*)\)", "", words, flags=re.IGNORECASE).lower()
        found = {status for status in re.findall(r"\b([2-6]\d\d)\b", plain)}
        found |= {word for word, pattern in WORDS if re.search(pattern, plain)}
        return found or {ANYTHING}


def corpus_folder() -> str | None:
    """None: there is none."""
    places = [os.environ.get("WEIR_CORPUS", ""), os.path.join(ROOT, "../shared/corpus"), os.path.join(ROOT, "../../shared/corpus")]
    return next((place for place in places if place and os.path.isfile(os.path.join(place, "index.tsv"))), None)


def rows_read(folder: str) -> list[Row]:
    with open(os.path.join(folder, "index.tsv"), encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file][1:]
    return [Row(cells[0], cells[5], cells[6], folder) for cells in lines if cells[0].endswith(".dat")]
