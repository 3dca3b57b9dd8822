"""What a lab prints: a drawing, a line a case, and how many passed."""

import sys
import time


class Report:
    def __init__(self, name: str, drawing: str) -> None:
        self.name = name
        self.passed = 0
        self.failed = 0
        self.skipped = 0
        self._began = time.monotonic()
        print(drawing.strip("\n") + "\n", flush=True)

    def case(self, what: str, complaints: list[str], rule: str = "", elapsed_s: float | None = None) -> bool:
        """One line; a case passes when there is nothing to complain about."""
        good = not complaints
        self.passed += good
        self.failed += not good
        time_text = f"{elapsed_s * 1000:8.1f} ms" if elapsed_s is not None else " " * 11
        print(f"{what:<78} {rule:<22} {time_text}  {'PASS' if good else 'FAIL'}", flush=True)
        for complaint in complaints:
            print(f"    {complaint}", flush=True)
        return good

    def skip(self, what: str, why: str) -> None:
        """A case that this machine cannot try."""
        self.skipped += 1
        print(f"{what:<78} {why:<22} {'':<11}  SKIP", flush=True)

    def note(self, text: str) -> None:
        print(f"[{time.monotonic() - self._began:6.2f} s] {text}", flush=True)

    def close(self) -> int:
        """The last line; the exit status."""
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"lab {self.name}: {self.passed} passed, {self.failed} failed{skipped}", flush=True)
        return 0 if self.failed == 0 and self.passed + self.skipped > 0 else 1


def fatal(name: str, text: str) -> int:
    """A lab that could not be set up has failed, and says so in the same form."""
    print(f"{text}\nlab {name}: 0 passed, 1 failed", file=sys.stdout, flush=True)
    return 1
