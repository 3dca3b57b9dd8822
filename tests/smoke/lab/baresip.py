"""baresip as a foreign phone: its configuration, and netstrings of JSON with its control port (ctrl_tcp)."""

import asyncio
import json

from .foreign import Foreign, Place
from .transport import Transport

MODULES = "/usr/lib/baresip/modules"
EVENTS = {"CALL_ESTABLISHED": "established", "CALL_CLOSED": "closed"}

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


class Baresip(Foreign):
    def __init__(self, name: str, domain: str, proxies: list[str], transport: Transport, place: Place) -> None:
        """`proxies`: the hosts that its outbound flows lead to, reg-id 1 first."""
        super().__init__(name, domain, place)
        self._transport = transport
        self._proxies = proxies
        self._answers: asyncio.Queue[dict] = asyncio.Queue()

    def command_line(self) -> list[str]:
        place, parameter = self.place, f";transport={self._transport.name}"
        words = {"address": place.address, "name": self.name, "server": f"{place.server[0]}:{place.server[1]}",
                 "authority": f"sip_cafile {place.authority}" if place.authority else "", "modules": MODULES,
                 "control": self.control_port}
        outbound = "".join(f';outbound{number if number > 1 else ""}="sip:{host}{parameter}"'
                           for number, host in enumerate(self._proxies, 1))
        files = {"config": CONFIG.format(**words), "contacts": "",
                 "accounts": f"<{self.aor}{parameter}>{outbound};sipnat=outbound;regint=600;answermode=auto\n"}
        for name, text in files.items():
            with open(f"{self.folder}/{name}", "w", encoding="ascii") as file:
                file.write(text)
        return ["baresip", "-s", "-f", self.folder]

    async def read(self, reader: asyncio.StreamReader) -> None:
        length = int((await reader.readuntil(b":"))[:-1])
        item = json.loads(await reader.readexactly(length))
        await reader.readexactly(1)
        if item.get("response"):
            self._answers.put_nowait(item)
        elif item.get("type") in EVENTS:
            self.events.append(EVENTS[item["type"]])

    async def command(self, command: str, parameters: str = "") -> str:
        """What it says to a command of its menu."""
        text = json.dumps({"command": command, "params": parameters}).encode()
        self._writer.write(b"%d:%s," % (len(text), text))
        return (await asyncio.wait_for(self._answers.get(), 5)).get("data", "")

    async def dial(self, target: str) -> None:
        await self.command("dial", target)

    async def hang_up(self) -> None:
        await self.command("hangup")

    async def registered(self) -> int:
        return (await self.command("reginfo")).count("OK")
