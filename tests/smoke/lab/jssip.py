"""JsSIP as a foreign phone: the SIP stack of browsers, under Node (tests/interop/jssip_phone.js)."""

import asyncio
import json
import os
import shutil

from .foreign import Foreign, Place
from .programs import BUILD, ROOT

SCRIPT = os.path.join(ROOT, "tests", "interop", "jssip_phone.js")
PACKAGES = os.path.join(BUILD, "interop", "node_modules")


def missing() -> str:
    """Why it cannot run here, or nothing."""
    if shutil.which("node") is None:
        return "node is not installed"
    return "" if os.path.isdir(f"{PACKAGES}/jssip") else "npm ci was not run"


class Jssip(Foreign):
    def __init__(self, name: str, domain: str, servers: list[str], place: Place) -> None:
        """`servers`: URLs, of which it takes the first that it can have."""
        super().__init__(name, domain, place)
        self._servers = servers

    def command_line(self) -> list[str]:
        settings = [f"NODE_PATH={PACKAGES}", "DEBUG=JsSIP:Transport"]
        if self.place.authority:
            settings.append(f"NODE_EXTRA_CA_CERTS={self.place.authority}")
        return ["env", *settings, "node", SCRIPT, str(self.control_port), self.aor, *self._servers]

    async def begin(self) -> None:
        await self.wait_event("connected")
        self.command("register")

    async def read(self, reader: asyncio.StreamReader) -> None:
        line = await reader.readuntil(b"\n")
        self.events.append(json.loads(line)["event"])

    def command(self, command: str, parameter: str = "") -> None:
        self._writer.write((json.dumps({"command": command, "parameter": parameter}) + "\n").encode())

    async def dial(self, target: str) -> None:
        self.command("dial", target)

    async def hang_up(self) -> None:
        """It has one flow, and waits for the next one itself."""
        await self.wait_event("registered", count=2)
        self.command("hangup")

    async def registered(self) -> int:
        return self.events.count("registered")
