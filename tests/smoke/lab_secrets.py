"""lab secrets: the keys of a cluster, looked for wherever they should not be: in core files, in memory that a core file would hold, in
logs, in the store, in what weirctl is told."""

import asyncio
import glob
import os
import resource
import signal
import subprocess

from lab import memory, needles, programs, runner
from lab.cluster import Cluster
from lab.edge import Edge
from lab.house import ACCESS, CLUSTER, DOMAIN, SIP_PORT, access_name
from lab.nat import NatMode
from lab.report import Report
from lab.scenario import SetupError, exchange, make_call, tokens
from lab.transport import TLS, UDP, Transport
from lab.udp import Port

DRAWING = r"""
   phones -- NAT --+-- edge1 --+-- core -- the outside party
   by UDP, TLS     +-- edge2 --+
                       ^
                       and who looks for keys, as root
"""

HOME, OTHER = 1, 2
ROTATE_EVERY_S = 7 * 86400
ENDED_S = 10.0
QUESTIONS = (("status",), ("flows", "show"), ("peers", "show"), ("ports", "show"), ("drops", "show", "--all"), ("upstream", "show"),
             ("config", "show", "--defaults"), ("config", "check"), ("config", "schema"), ("log", "show"), ("help",))
GARBAGE = (b"\0" * 100, b"no SIP", b"BYE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\nRoute: <sip:%s@" + b"A" * 70 + b">\r\n\r\n")


class Secrets:
    def __init__(self, cluster: Cluster, report: Report) -> None:
        self.cluster = cluster
        self.report = report
        self.token = ""

    @property
    def edge(self) -> Edge:
        return self.cluster.weir[HOME]

    def processes(self) -> dict[str, int]:
        return {"weir-control": self.edge.control.pid, "weir-dataplane": self.edge.dataplane.pid}

    async def run(self) -> None:
        await self.build()
        keys = self.cluster.weir[HOME].settings["keys"]["directory"]
        self.cluster_keys = needles.of_cluster(f"{keys}/token-keys", CLUSTER, ROTATE_EVERY_S)
        self.tls_keys = {**needles.of_certificate(self.edge.settings["tls"][0]["key"], "TLS key of phones"),
                         **needles.of_certificate(f"{keys}/edge-{HOME}.key", "TLS key of the mesh")}
        self.all = {**self.cluster_keys, **self.tls_keys}
        await self.traffic()
        self.answers()
        self.memories("after traffic")
        await self.restart()
        self.files()
        await self.cores()

    async def build(self) -> None:
        # Where a core file would be written.
        os.chdir(self.cluster.folder)
        most = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (most, most))
        self.cluster.make_edges([HOME, OTHER])
        self.cluster.make_core(["outside", "udp", "tls"])
        self.nat = self.cluster.add_nat("nat", NatMode.PRESERVING)
        await self.cluster.start()
        self.outside = self.cluster.outside("outside")
        await self.cluster.register_outside(*self.outside)

    async def traffic(self) -> None:
        """Tokens are sealed, opened and forged, over both kinds of transport, with the log at its most talkative."""
        complaints: list[str] = []
        for transport in (UDP, TLS):
            complaints += await self.call(transport)
        port = Port(self.nat.phones.socket(), self.nat.add_phone(9))
        try:
            for octets in GARBAGE:
                port.send(octets, (f"{ACCESS}{HOME}", SIP_PORT))
        finally:
            port.close()
        for word in (self.token, self.token[:-4] + "AAAA", "A" * 60):
            complaints += self.found("weirctl token explain", self.told("token", "explain", word))
        self.report.case("calls over UDP and TLS, tokens good and forged", complaints)

    async def call(self, transport: Transport) -> list[str]:
        name = transport.name
        phone = self.cluster.add_phone(name, self.nat, [[name]], {1: HOME, 2: OTHER}, transport=transport)
        await self.cluster.settle(phone)
        call = await make_call(*self.outside, phone, name, DOMAIN)
        self.token = (tokens(call.caller.dialog, [access_name(HOME), access_name(OTHER)]) or [self.token])[0]
        done = await exchange(*call.ends("caller"), "BYE")
        return done.complaints

    def found(self, where: str, octets: bytes) -> list[str]:
        return [f"{where}: {name}" for name in memory.search_octets(octets, self.all)]

    def told(self, *words: str) -> bytes:
        done = subprocess.run([programs.WEIRCTL, "-s", self.edge.admin, "-j", *words], capture_output=True, check=False)
        return done.stdout + done.stderr

    def answers(self) -> None:
        complaints = []
        for question in QUESTIONS:
            told = self.told(*question)
            complaints += self.found(f"weirctl {' '.join(question)}", told) or ([] if told else [f"{question} is not answered"])
        self.report.case(f"weirctl is told no key: {len(QUESTIONS)} questions", complaints)

    def memories(self, when: str) -> None:
        """Who looks must be able to find: where keys are allowed to be, there they are."""
        rings = []
        for name, pid in self.processes().items():
            visible = memory.search(pid, self.all, True)
            self.report.case(f"{name} {when}: no key in {visible.octets >> 10} KiB that a core file would hold", visible.hits)
            hidden = memory.search(pid, self.all, False)
            rings += [hit for hit in hidden.hits if "weir-link" in hit]
            self.report.case(f"{name} {when}: its keys are in the {hidden.octets >> 10} KiB beside that",
                             [] if hidden.hits else ["nothing was found where keys are: the search is blind"])
        self.report.case(f"{when}: keys do not stay in the memory between the processes", rings)

    async def restart(self) -> None:
        """A reload reads the keys of certificates again; a control that comes back derives and sends all keys anew."""
        self.edge.control.signal(signal.SIGHUP)
        await asyncio.sleep(0.5)
        self.report.case("weir-control after a reload: no key in what a core file would hold",
                         memory.search(self.edge.control.pid, self.all, True).hits)
        await self.edge.control.kill()
        await self.edge.start_control()
        await self.edge.wait_ready()
        self.memories("after a restart")

    def files(self) -> None:
        complaints = []
        count = 0
        for folder in [self.edge.folder, self.cluster.weir[OTHER].folder]:
            for path in glob.glob(f"{folder}/**", recursive=True):
                if os.path.isfile(path):
                    count += 1
                    with open(path, "rb") as file:
                        complaints += self.found(os.path.basename(path), file.read())
        self.report.case(f"no key in {count} files: logs at level debug, stores, configurations", complaints)

    async def cores(self) -> None:
        if self.pattern().startswith("|") or "/" in self.pattern():
            self.report.skip("core files", "core_pattern leads elsewhere")
            return
        raised = True
        for edge in self.cluster.weir.values():
            for process in (edge.control, edge.dataplane):
                raised &= self.unlimit(process.pid)
                process.signal(signal.SIGABRT)
        if not raised:
            self.report.note("this root may raise nobody's limits: those that they gave themselves hold, too")
        # One that hides nothing leaves a file: this machine writes them, and here.
        plain = subprocess.Popen(["/bin/sleep", "60"], cwd=self.cluster.folder)
        plain.send_signal(signal.SIGABRT)
        plain.wait()
        await self.ended()
        cores = glob.glob(f"{self.cluster.folder}/**/core*", recursive=True)
        cores = [path for path in cores if os.path.isfile(path) and self.is_core(path)]
        mine = [path for path in cores if self.is_of(path, b"weir-")]
        self.report.case("aborted: a plain program leaves one", [] if len(cores) > len(mine) else ["none was written"])
        self.report.case("aborted: neither process leaves one", mine)
        for path in cores:
            os.unlink(path)

    async def ended(self) -> None:
        end = asyncio.get_running_loop().time() + ENDED_S
        while any(process.running for edge in self.cluster.weir.values() for process in (edge.control, edge.dataplane)):
            if asyncio.get_running_loop().time() > end:
                raise SetupError("a process outlives SIGABRT")
            await asyncio.sleep(0.05)

    @staticmethod
    def unlimit(pid: int) -> bool:
        """From outside, over what the process has forbidden itself."""
        try:
            resource.prlimit(pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        except PermissionError:
            return False
        return True

    @staticmethod
    def pattern() -> str:
        with open("/proc/sys/kernel/core_pattern", encoding="ascii") as file:
            return file.read().strip()

    @staticmethod
    def is_core(path: str) -> bool:
        with open(path, "rb") as file:
            return file.read(4) == b"\x7fELF"

    @staticmethod
    def is_of(path: str, program: bytes) -> bool:
        with open(path, "rb") as file:
            return program in file.read(1 << 16)


class Village(Cluster):
    def __init__(self, **options: object) -> None:
        super().__init__(edges=(HOME, OTHER), transports=(UDP, TLS), **options)


async def lab(cluster: Cluster, report: Report) -> None:
    await Secrets(cluster, report).run()


if __name__ == "__main__":
    runner.run("secrets", DRAWING, Village, lab)
