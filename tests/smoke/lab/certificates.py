"""A certificate authority of the lab's own, made with openssl: what phones trust, and what edges show them."""

import os
import ssl
import subprocess

DAYS = "2"


class Authority:
    def __init__(self, folder: str, name: str = "lab") -> None:
        self.folder = folder
        self.certificate = f"{folder}/{name}-ca.pem"
        self._key = f"{folder}/{name}-ca.key"
        os.makedirs(folder, exist_ok=True)
        openssl("req", "-x509", *new_key(self._key), "-out", self.certificate, "-days", DAYS, "-subj", f"/CN={name} CA",
                "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, file: str, names: list[str]) -> tuple[str, str]:
        """A certificate for all these names and IPv4 addresses (RFC 5922 section 7.1), and its key: the paths of both."""
        certificate, key, request = (f"{self.folder}/{file}.{end}" for end in ("pem", "key", "csr"))
        extensions = f"{self.folder}/{file}.ext"
        with open(extensions, "w", encoding="ascii") as text:
            text.write(f"subjectAltName={','.join(f'{kind_of(name)}:{name}' for name in names)}\n"
                       "basicConstraints=critical,CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n")
        openssl("req", *new_key(key), "-out", request, "-subj", f"/CN={names[0]}")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial",
                "-out", certificate, "-days", DAYS, "-extfile", extensions)
        return certificate, key

    def client_context(self) -> ssl.SSLContext:
        """As a phone: this CA alone, and the name is checked."""
        return ssl.create_default_context(cafile=self.certificate)


def kind_of(name: str) -> str:
    return "IP" if name.replace(".", "").isdigit() else "DNS"


def new_key(path: str) -> list[str]:
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path]


def openssl(*words: str) -> None:
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {words[0]}: {done.stderr.strip()}")
