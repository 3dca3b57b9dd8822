"""A NAT box: a namespace between phones and the network, masquerading by nftables.

`preserving` keeps a phone's port when it is free, so both edges see the same address and port; `random` gives every pair of phone
and edge a port of its own, as carrier-grade NATs do. Either drops what nobody behind it has asked for. `full cone` keeps ports and
lets anybody in who sends to one that a phone has used (RFC 3489 section 5).
"""

import enum

from .netns import Network, Space

RULES = """
table ip weir {{
    chain out {{ type nat hook postrouting priority srcnat; oifname "outside" masquerade {mode}; }}
    map cone {{ type inet_service : ipv4_addr; flags dynamic; size 65535; }}
    chain before {{ type nat hook prerouting priority dstnat; {cone_in} }}
    chain in {{ type filter hook input priority filter; policy accept;
        iifname "outside" ct state != {{ established, related }} meta l4proto udp drop; }}
    set held {{ type ipv4_addr . ipv4_addr; }}
    chain through {{ type filter hook forward priority filter; policy accept; ip saddr . ip daddr @held drop; {cone_out} }}
}}
"""


# What a phone sends out from opens its port to everybody.
CONE_OUT = 'iifname "inside" meta l4proto udp update @cone { udp sport : ip saddr };'
CONE_IN = 'iifname "outside" meta l4proto udp dnat to udp dport map @cone;'


class NatMode(enum.Enum):
    PRESERVING = ""
    RANDOM = "random,fully-random"
    FULL_CONE = "persistent"


class NatBox:
    """Phones live in `phones`, on 10.N.0.0/16, and reach the switch through `box`."""

    def __init__(self, network: Network, name: str, number: int, bridge: str, address: str, mode: NatMode) -> None:
        self.mode = mode
        self.address = address.split("/", 1)[0]
        self.box: Space = network.space(name)
        self.phones: Space = network.space(f"{name}-phones")
        self._number = number
        network.cable(self.box, "outside", bridge, address)
        network.cable_between(self.box, "inside", f"10.{number}.255.254/16", self.phones, "eth0", self.phone_address(0) + "/16")
        self.phones.ip("route", "add", "default", "via", f"10.{number}.255.254")
        self.box.sysctl(net__ipv4__ip_forward=1)
        cone = mode is NatMode.FULL_CONE
        self.box.run("nft", RULES.format(mode=mode.value, cone_in=CONE_IN if cone else "", cone_out=CONE_OUT if cone else ""))

    def phone_address(self, index: int) -> str:
        return f"10.{self._number}.{index // 250}.{index % 250 + 1}"

    def add_phone(self, index: int) -> str:
        """A further host address behind this NAT."""
        address = self.phone_address(index)
        if index > 0:
            self.phones.ip("address", "add", f"{address}/16", "dev", "eth0")
        return address

    def hold(self, address: str, target: str) -> None:
        """Lose what a phone sends to that target, until release()."""
        self.box.run("nft", f"add element ip weir held {{ {address} . {target} }}")

    def release(self) -> None:
        self.box.run("nft", "flush set ip weir held")

    def forget(self, address: str | None = None) -> None:
        """Lose the mappings of one phone, or of all: what a reboot or a time-out of the NAT does."""
        words = ["-D", "-s", address] if address else ["-F"]
        self.box.run("conntrack", *words)
