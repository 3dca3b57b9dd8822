"""Where the programs under test are, and their configuration as YAML."""

import json
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.environ.get("WEIR_BUILD", os.path.join(ROOT, "build"))
DATAPLANE = os.path.join(BUILD, "dataplane", "weir-dataplane")
CONTROL = os.path.join(BUILD, "control", "weir-control")
SKEW = os.path.join(BUILD, "tests", "smoke", "weir-skew.so")
WEIRCTL = os.path.join(BUILD, "tools", "weirctl")


def missing() -> list[str]:
    """Programs that have not been built."""
    return [program for program in (DATAPLANE, CONTROL, WEIRCTL) if not os.access(program, os.X_OK)]


def weirctl(socket: str, *words: str) -> dict:
    """What the daemon behind an admin socket answers, as JSON."""
    done = subprocess.run([WEIRCTL, "-s", socket, "-j", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"weirctl {' '.join(words)}: {(done.stderr or done.stdout).strip()}")
    return json.loads(done.stdout)


def yaml_write(value: object, indent: int = 0) -> str:
    """Mappings, lists and scalars in block style; scalars stand as they are."""
    pad = "  " * indent
    if isinstance(value, dict):
        return "".join(_entry_write(f"{pad}{key}:", item, indent) for key, item in value.items() if item is not None)
    if isinstance(value, list):
        return "".join(f"{pad}-\n{yaml_write(item, indent + 1)}" if isinstance(item, dict) else f"{pad}- {item}\n"
                       for item in value)
    return f"{pad}{value}\n"


def _entry_write(head: str, item: object, indent: int) -> str:
    if isinstance(item, (dict, list)):
        return f"{head}\n{yaml_write(item, indent + 1)}" if item else ""
    return f"{head} {item}\n"
