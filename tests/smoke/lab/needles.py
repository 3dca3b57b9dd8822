"""A cluster's keys in every form in which they could turn up somewhere: as octets, as hex digits, in base64."""

import base64
import hashlib
import hmac
import re
import subprocess
import time

PAST, AHEAD = 13, 16  # epochs that control derives (include/weir/keyring.h)
LABELS = ("uak", "aor", "instance", "contact", "bind", "relay", "branch", "return", "tag")
PART = 16  # octets of a needle: a whole AES key, half of a secret
Needles = dict[bytes, str]  # and whose they are


def hkdf(secret: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 with SHA-256 and no salt."""
    key = hmac.digest(bytes(32), secret, hashlib.sha256)
    made, block = b"", b""
    for count in range(1, -(-length // 32) + 1):
        block = hmac.digest(key, block + info + bytes([count]), hashlib.sha256)
        made += block
    return made[:length]


def forms(key: bytes) -> set[bytes]:
    """What a part of a key looks like in text."""
    found = {key.hex().encode(), key.hex().upper().encode()}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for shift in range(3):
            # What stands before and after it spoils the characters at its ends.
            text = encode(bytes(shift) + key).rstrip(b"=")
            found.add(text[-(-shift * 8 // 6):-1])
    return found


def add(needles: Needles, name: str, key: bytes, text: bool = True) -> None:
    for at in range(0, len(key), PART):
        part = key[at:at + PART]
        needles[part] = name
        if text:
            needles.update((form, f"{name}, as text") for form in forms(part))


def of_cluster(path: str, cluster: str, rotate_every_s: int) -> Needles:
    """The secrets in a key file, and all keys that are derived from them now."""
    needles: Needles = {}
    epoch = int(time.time()) // rotate_every_s
    with open(path, encoding="ascii") as file:
        lines = [line.split() for line in file]
    for words in lines:
        if words[0] == "token":
            secret = bytes.fromhex(words[2])
            add(needles, "token secret", secret)
            for number in range(epoch - PAST, epoch + AHEAD + 1):
                info = b"token" + cluster.encode() + rotate_every_s.to_bytes(4, "big") + number.to_bytes(8, "big")
                add(needles, f"epoch key {number - epoch:+}", hkdf(secret, info, 32), number == epoch)
        elif words[0] == "index":
            secret = bytes.fromhex(words[1])
            add(needles, "index secret", secret)
            for label in LABELS:
                add(needles, f"hash key {label}", hkdf(secret, label.encode() + cluster.encode(), PART))
    return needles


def of_certificate(path: str, name: str) -> Needles:
    """A private key on P-256: its file's lines, and its number as libcrypto keeps it (least octet first) or writes it."""
    with open(path, encoding="ascii") as file:
        needles = {line.encode(): f"{name}, PEM" for line in file.read().splitlines() if len(line) == 64 and " " not in line}
    text = subprocess.run(["openssl", "pkey", "-in", path, "-noout", "-text"], check=True, capture_output=True, text=True).stdout
    number = bytes.fromhex(re.sub(r"[^0-9a-f]", "", text.split("priv:")[1].split("pub:")[0]))[-32:]
    add(needles, name, number)
    add(needles, name, number[::-1], False)
    return needles
