"""Digest access authentication of a phone (RFC 7616, RFC 8760): MD5 and SHA-256."""

import hashlib
import re
import secrets

HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


def challenge_read(text: str) -> dict[str, str]:
    """The parameters of a WWW-Authenticate: Digest value."""
    found = re.findall(r'([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))', text)
    return {name.lower(): quoted or bare for name, quoted, bare in found}


def challenge_choose(texts: list[str], algorithm: str) -> dict[str, str] | None:
    """The challenge of the wanted algorithm among those offered."""
    for challenge in map(challenge_read, texts):
        if challenge.get("algorithm", "MD5").upper() == algorithm:
            return challenge
    return None


def answer_write(challenge: dict[str, str], method: str, uri: str, user: str, password: str,
                 cnonce: str = "") -> str:
    """The value of an Authorization header field."""
    algorithm = challenge.get("algorithm", "MD5").upper()

    def digest(text: str) -> str:
        return HASHES[algorithm](text.encode("utf-8")).hexdigest()

    realm, nonce = challenge["realm"], challenge["nonce"]
    secret, request = digest(f"{user}:{realm}:{password}"), digest(f"{method}:{uri}")
    words = {"username": f'"{user}"', "realm": f'"{realm}"', "nonce": f'"{nonce}"', "uri": f'"{uri}"', "algorithm": algorithm}
    if "auth" in challenge.get("qop", "").split(","):
        cnonce, counter = cnonce or secrets.token_hex(8), "00000001"
        proof = digest(f"{secret}:{nonce}:{counter}:{cnonce}:auth:{request}")
        words |= {"qop": "auth", "nc": counter, "cnonce": f'"{cnonce}"'}
    else:
        proof = digest(f"{secret}:{nonce}:{request}")
    words["response"] = f'"{proof}"'
    if "opaque" in challenge:
        words["opaque"] = f'"{challenge["opaque"]}"'
    return "Digest " + ", ".join(f"{name}={value}" for name, value in words.items())
