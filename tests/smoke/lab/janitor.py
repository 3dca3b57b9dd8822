"""Leaves nothing behind, however a lab ends.

A lab that is killed cannot clean up after itself, so a second process does it: it reads from a pipe what there is to clean up, and
the end of the pipe (the lab closed it, or died) is its cue. There is no other clean-up, so this one is tested by every run.
"""

import os
import shutil
import signal
import subprocess
import sys


class Janitor:
    """The lab's end of the pipe."""

    def __init__(self) -> None:
        reader, self._writer = os.pipe()
        # A session of its own: a signal to the lab's process group must not reach it. It holds nobody's output open: who reads
        # the lab's through a pipe would wait for it too.
        self._process = subprocess.Popen([sys.executable, os.path.abspath(__file__)], stdin=reader,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(reader)

    def watch_space(self, name: str) -> None:
        self._note("space", name)

    def watch_process(self, pid: int) -> None:
        self._note("process", f"{pid} {started_at(pid)}")

    def watch_mount(self, path: str) -> None:
        self._note("mount", path)

    def watch_folder(self, path: str) -> None:
        self._note("folder", path)

    def sweep(self) -> None:
        """Clean up now, and wait for it. Only the first call does anything."""
        if self._writer >= 0:
            os.close(self._writer)
            self._writer = -1
            self._process.wait()

    def _note(self, kind: str, what: str) -> None:
        os.write(self._writer, f"{kind} {what}\n".encode())


def started_at(pid: int) -> int:
    """When a process started, in clock ticks since boot; 0: there is none. With the pid it names one process for ever."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rsplit(b")", 1)[1].split()[19])
    except OSError:
        return 0


def end_process(pid: int, start: int) -> None:
    if start != 0 and started_at(pid) == start:
        os.kill(pid, signal.SIGKILL)


def end_space(name: str) -> None:
    """Kill what runs in a network namespace (it is ours alone), and remove the namespace."""
    if not os.path.exists(f"/run/netns/{name}"):
        return
    pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False).stdout
    for pid in pids.split():
        end_process(int(pid), started_at(int(pid)))
    subprocess.run(["ip", "netns", "delete", name], check=False)
    shutil.rmtree(f"/etc/netns/{name}", ignore_errors=True)


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    notes = [line.rstrip("\n").split(" ", 1) for line in sys.stdin]
    for kind, what in reversed(notes):
        if kind == "process":
            end_process(*map(int, what.split()))
        elif kind == "space":
            end_space(what)
        elif kind == "mount":
            subprocess.run(["umount", "--lazy", what], check=False)
        elif kind == "folder":
            shutil.rmtree(what, ignore_errors=True)


if __name__ == "__main__":
    main()
