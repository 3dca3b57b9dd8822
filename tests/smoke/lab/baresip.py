"""baresip, a phone that nobody here wrote: its configuration, and a line to it (ctrl_tcp) for commands and events."""

import asyncio
import dataclasses
import json
import os
import socket

from .dns import Address
from .netns import Process, Space
from .transport import Transport

MODULES = "/usr/lib/baresip/modules"
CONTROL_PORT = 4444
START_S = 10.0

CONFIG = """
sip_listen {address}:5060
{authority}
dns_server {server}
audio_player aubridge,{name}
audio_source aubridge,{name}
audio_alert aubridge,{name}
ctrl_tcp_listen 127.0.0.1:{control}
module_path {modules}
module g711.so
module aubridge.so
module_tmp uuid.so
module_tmp account.so
module_app ctrl_tcp.so
module_app menu.so
"""


@dataclasses.dataclass
class Place:
    """Where it lives, and what it has to know."""

    space: Space
    address: str
    server: Address  # of names
    folder: str
    authority: str = ""  # CA file
    number: int = 0  # its own on this host


class Baresip:
    def __init__(self, name: str, domain: str, proxies: list[str], transport: Transport, place: Place) -> None:
        """`proxies`: the hosts that its outbound flows lead to, reg-id 1 first."""
        self.name = name
        self.aor = f"sip:{name}@{domain}"
        self.transport = transport
        self.folder = f"{place.folder}/baresip-{name}"
        self.events: list[dict] = []
        self._place = place
        self._proxies = proxies
        self._process: Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task | None = None
        self._answers: asyncio.Queue[dict] = asyncio.Queue()

    @property
    def log(self) -> str:
        return f"{self.folder}/baresip.log"

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    async def start(self) -> None:
        self._write_files()
        self._process = await self._place.space.spawn("baresip", "-s", "-f", self.folder, log=self.log)
        reader, self._writer = await self._connect()
        self._reading = asyncio.get_running_loop().create_task(self._read(reader))

    def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        if self._writer is not None:
            self._writer.transport.abort()

    def _write_files(self) -> None:
        place = self._place
        os.makedirs(self.folder)
        words = {"address": place.address, "name": self.name, "authority": f"sip_cafile {place.authority}" if place.authority else "",
                 "server": f"{place.server[0]}:{place.server[1]}", "modules": MODULES, "control": CONTROL_PORT + place.number}
        parameter = f";transport={self.transport.name}" if self.transport.stream else ""
        outbound = "".join(f';outbound{number if number > 1 else ""}="sip:{host}{parameter}"'
                           for number, host in enumerate(self._proxies, 1))
        files = {"config": CONFIG.format(**words), "contacts": "",
                 "accounts": f"<{self.aor}{parameter}>{outbound};sipnat=outbound;regint=600;answermode=auto\n"}
        for name, text in files.items():
            with open(f"{self.folder}/{name}", "w", encoding="ascii") as file:
                file.write(text)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """It listens once its modules are loaded."""
        for _ in range(int(START_S / 0.05)):
            sock = self._place.space.socket(kind=socket.SOCK_STREAM)
            sock.setblocking(False)
            try:
                await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", CONTROL_PORT + self._place.number))
                return await asyncio.open_connection(sock=sock)
            except ConnectionError:
                sock.close()
                await asyncio.sleep(0.05)
        raise RuntimeError(f"baresip {self.name} does not start: {self._process.log_tail()}")

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Netstrings with JSON in them: answers to commands, and events."""
        try:
            while True:
                length = int((await reader.readuntil(b":"))[:-1])
                item = json.loads(await reader.readexactly(length))
                await reader.readexactly(1)
                if item.get("response"):
                    self._answers.put_nowait(item)
                else:
                    self.events.append(item)
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    async def command(self, command: str, parameters: str = "") -> str:
        """What it says to a command of its menu."""
        text = json.dumps({"command": command, "params": parameters}).encode()
        self._writer.write(b"%d:%s," % (len(text), text))
        return (await asyncio.wait_for(self._answers.get(), 5)).get("data", "")

    async def wait_registered(self, flows: int, patience_s: float = 10) -> bool:
        """Until so many of its flows are."""
        for _ in range(int(patience_s / 0.1)):
            if (await self.command("reginfo")).count("OK") >= flows:
                return True
            await asyncio.sleep(0.1)
        return False

    async def wait_event(self, kind: str, patience_s: float = 5) -> dict | None:
        """The first event of a kind, as soon as there is one."""
        for _ in range(int(patience_s / 0.02)):
            found = next((item for item in self.events if item.get("type") == kind), None)
            if found is not None:
                return found
            await asyncio.sleep(0.02)
        return None

    def answered(self, method: str) -> list[int]:
        """The final responses that it got to its requests of a method, by its own trace."""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            messages = file.read().split("\nSIP/2.0 ")[1:]
        found = [int(message[:3]) for message in messages if f" {method}\n" in message.replace("\r", "").split("\n\n")[0] + "\n"]
        return [status for status in found if status >= 200]
