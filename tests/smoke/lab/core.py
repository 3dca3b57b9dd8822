"""What stands behind the edges: Weir's own `role: core`, or Kamailio."""

import dataclasses
import os

from . import kamailio, programs
from .dns import Address
from .edge import endpoint, wait_until
from .house import PASSWORD
from .netns import Process

@dataclasses.dataclass
class CorePlace:
    host: object  # netns.Space or loopback.Loopback
    address: Address


class Core:
    """`weir-control` with `role: core`: registrar and proxy."""

    def __init__(self, place: CorePlace, folder: str, settings: dict) -> None:
        self.place = place
        self.folder = folder
        self.settings = settings
        self.process: Process | None = None

    async def start(self) -> None:
        path = f"{self.folder}/core.yaml"
        with open(path, "w", encoding="ascii") as file:
            file.write(programs.yaml_write(self.settings))
        self.process = await self.place.host.spawn(programs.CONTROL, "--config", path, log=f"{self.folder}/core.log")

    def status(self) -> dict:
        return programs.weirctl(self.settings["admin"]["socket"], "status")

    async def wait_ready(self) -> None:
        await wait_until(lambda: self.status().get("ready") is True, 10, "the core to be ready\n" + self.process.log_tail())


def core_settings(place: CorePlace, folder: str, name: str, domain: str, users: list[str], resolver: Address,
                  record_route: bool = False) -> dict:
    return {
        "role": "core",
        "node": {"name": name},
        "listeners": [{"name": "core", "side": "core", "transport": "udp", "address": endpoint(place.address)}],
        "resolver": {"servers": [endpoint(resolver)]},
        "registrar": {"domains": [domain], "users": [{"user": user, "password": PASSWORD} for user in users]},
        "proxy": {"record-route": "yes" if record_route else "no"},
        "admin": {"socket": f"{folder}/core.sock"},
        "log": {"level": "debug", "format": "text"},
    }


class KamailioCore:
    """Kamailio in the same place, doing the same."""

    def __init__(self, place: CorePlace, folder: str, text: str) -> None:
        self.place = place
        self.folder = folder
        self._text = text
        self.process: Process | None = None

    async def start(self) -> None:
        os.makedirs(f"{self.folder}/kamailio", exist_ok=True)
        path = f"{self.folder}/kamailio/kamailio.cfg"
        with open(path, "w", encoding="ascii") as file:
            file.write(self._text)
        words = kamailio.core_command(path, f"{self.folder}/kamailio")
        self.process = await self.place.host.spawn(*words, log=f"{self.folder}/kamailio/kamailio.log")

    async def wait_ready(self) -> None:
        # It says nothing when it is ready; phones repeat their first REGISTER until it is.
        await wait_until(lambda: "Listening on" in self.process.log_tail(100), 10, "Kamailio to listen")
