"""Phones that nobody here wrote, as programs: a line to each for commands and events, and what its own log says."""

import abc
import asyncio
import dataclasses
import os
import re
import socket

from .dns import Address
from .netns import Process, Space

CONTROL_PORT = 4444
START_S = 10.0


@dataclasses.dataclass
class Place:
    """Where a phone lives, and what it has to know."""

    space: Space
    address: str
    server: Address  # of names
    folder: str
    authority: str = ""  # CA file
    number: int = 0  # its own on this host


class Foreign(abc.ABC):
    """What the kinds have in common. Events are kept by their names, in the order in which they came."""

    def __init__(self, name: str, domain: str, place: Place) -> None:
        self.name = name
        self.aor = f"sip:{name}@{domain}"
        self.folder = f"{place.folder}/{name}"
        self.events: list[str] = []
        self.place = place
        self._process: Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task | None = None

    @property
    def log(self) -> str:
        return f"{self.folder}/phone.log"

    @property
    def control_port(self) -> int:
        return CONTROL_PORT + self.place.number

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    async def start(self) -> None:
        os.makedirs(self.folder)
        self._process = await self.place.space.spawn(*self.command_line(), log=self.log)
        reader, self._writer = await self._connect()
        self._reading = asyncio.get_running_loop().create_task(self._read_all(reader))
        await self.begin()

    def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        if self._writer is not None:
            self._writer.transport.abort()

    @abc.abstractmethod
    def command_line(self) -> list[str]:
        """Write what it reads, and say how it is started."""

    async def begin(self) -> None:
        """What it has to be told before it registers."""

    @abc.abstractmethod
    async def read(self, reader: asyncio.StreamReader) -> None:
        """One thing that it says."""

    @abc.abstractmethod
    async def dial(self, target: str) -> None:
        """Call somebody."""

    @abc.abstractmethod
    async def hang_up(self) -> None:
        """End the call that it has."""

    @abc.abstractmethod
    async def registered(self) -> int:
        """Over how many flows it has registered by now."""

    async def established(self) -> bool:
        return await self.wait_event("established")

    async def closed(self, patience_s: float) -> bool:
        return await self.wait_event("closed", patience_s)

    async def wait_registered(self, flows: int, patience_s: float = 10) -> bool:
        for _ in range(int(patience_s / 0.1)):
            if await self.registered() >= flows:
                return True
            await asyncio.sleep(0.1)
        return False

    async def wait_event(self, name: str, patience_s: float = 5, count: int = 1) -> bool:
        for _ in range(int(patience_s / 0.02)):
            if self.events.count(name) >= count:
                return True
            await asyncio.sleep(0.02)
        return False

    def answered(self, method: str) -> list[int]:
        """The final responses to a method that its log holds."""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            text = file.read().replace("\r", "")
        found = re.findall(rf"SIP/2\.0 (\d{{3}}) [^\n]*\n(?:[^\n]+\n)*?CSeq: \d+ {method}\n", text)
        return [int(status) for status in found if int(status) >= 200]

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for _ in range(int(START_S / 0.05)):
            sock = self.place.space.socket(kind=socket.SOCK_STREAM)
            sock.setblocking(False)
            try:
                await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.control_port))
                return await asyncio.open_connection(sock=sock)
            except ConnectionError:
                sock.close()
                await asyncio.sleep(0.05)
        raise RuntimeError(f"{self.name} does not start: {self._process.log_tail()}")

    async def _read_all(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                await self.read(reader)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
