"""A weir-control with one TLS listener on loopback, for bench-handshakes; see bench/handshakes."""

import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "tests", "smoke")]

from lab import programs  # noqa: E402
from lab.certificates import Authority  # noqa: E402
from lab.loopback import free_network  # noqa: E402

PORT = 5061
PLAIN_PORT = 5060
START_S = 10.0
MANY = 100000


def settings(folder: str, network: str, certificate: str, key: str) -> dict:
    """Nothing but the cost of a handshake is to be seen: no limit is to be met."""
    return {"node": {"id": 1, "name": "edge1.test"},
            "listeners": [
                {"name": "tls", "side": "access", "transport": "tls", "tls": "phones", "address": f"{network}.1:{PORT}"},
                {"name": "tcp", "side": "access", "transport": "tcp", "address": f"{network}.1:{PLAIN_PORT}"},
                {"name": "core", "side": "core", "transport": "udp", "address": f"{network}.2:5060", "advertise": f"{network}.2:5060"}],
            "tls": [{"name": "phones", "certificate": certificate, "key": key}],
            "cluster": {"name": "edge.test"}, "upstream": {"targets": [f"sip:{network}.3:5060"]},
            "keys": {"directory": f"{folder}/keys"}, "store": {"path": f"{folder}/store"}, "link": {"socket": f"{folder}/link.sock"},
            "streams": {"threads": 1, "connections": MANY, "per-source": MANY, "new-per-second": MANY, "new-per-source": MANY},
            "admin": {"socket": f"{folder}/edge.sock"}, "log": {"level": "info", "format": "text"}}


def wait_until_it_listens(control: subprocess.Popen, address: str) -> bool:
    end = time.monotonic() + START_S
    while time.monotonic() < end and control.poll() is None:
        try:
            socket.create_connection((address, PORT), 1).close()
            return True
        except OSError:
            time.sleep(0.05)
    return False


def run(folder: str, words: list[str]) -> int:
    network = free_network()
    subprocess.run([programs.WEIRCTL, "keys", "init", f"{folder}/keys", "--cluster", "edge.test", "--edge", "1:edge1.test"],
                   check=True, capture_output=True)
    certificate, key = Authority(folder).issue("edge", ["edge1.test", "edge.test"])
    with open(f"{folder}/edge.yaml", "w", encoding="ascii") as file:
        file.write(programs.yaml_write(settings(folder, network, certificate, key)))
    with open(f"{folder}/edge.log", "wb") as log:
        control = subprocess.Popen([programs.CONTROL, "--config", f"{folder}/edge.yaml"], stdout=log, stderr=log)
    try:
        if not wait_until_it_listens(control, f"{network}.1"):
            with open(f"{folder}/edge.log", encoding="utf-8") as log:
                print(f"bench/handshakes: weir-control does not listen: {log.read()}", file=sys.stderr)
            return 1
        version = subprocess.run(["openssl", "version"], capture_output=True, text=True, check=True).stdout.split("(")[0].strip()
        print(f"{version}, ECDSA on P-256, {platform.machine()}, load average {os.getloadavg()[0]:.1f}\n", flush=True)
        return subprocess.run([os.path.join(programs.BUILD, "bench", "bench-handshakes"), f"{network}.1", str(PORT), str(PLAIN_PORT),
                               str(control.pid), certificate, key, *words], check=False).returncode
    finally:
        control.terminate()
        control.wait()


def main() -> int:
    folder = tempfile.mkdtemp(prefix="weir-handshakes-")
    try:
        return run(folder, sys.argv[1:])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
