"""Cuts between hosts on one switch, one way or both ways, and their healing: frames are lost in the switch, whoever reads them."""

from .netns import Space

TABLE = """
table bridge {name} {{
    chain through {{ type filter hook forward priority 0; policy accept;
{rules}
    }}
}}
"""


class Cut:
    def __init__(self, switch: Space, name: str = "cut") -> None:
        self._switch = switch
        self._name = name

    def make(self, *ways: tuple[str, str]) -> None:
        """Lose what comes in by the first port of the switch and goes out by the second."""
        rules = "\n".join(f'        iifname "{one}" oifname "{other}" drop' for one, other in ways)
        self._switch.run("nft", TABLE.format(name=self._name, rules=rules))

    def heal(self) -> None:
        self._switch.run("nft", f"delete table bridge {self._name}")
