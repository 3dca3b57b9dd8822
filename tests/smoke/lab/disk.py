"""A small disk of one folder's own, which can be filled up."""

import contextlib
import errno
import os

from .janitor import Janitor
from .netns import run

BLOCK = bytes(1 << 16)


class Disk:
    def __init__(self, janitor: Janitor, path: str, octets: int) -> None:
        os.makedirs(path)
        run(["mount", "-t", "tmpfs", "-o", f"size={octets}", "weir-lab", path])
        janitor.watch_mount(path)
        self._filler = f"{path}/filler"

    def fill(self) -> None:
        """To the last octet."""
        with open(self._filler, "wb", buffering=0) as file:
            for block in (BLOCK, b"\0"):
                with contextlib.suppress(OSError) as _:
                    while True:
                        file.write(block)

    def free(self) -> None:
        os.unlink(self._filler)
