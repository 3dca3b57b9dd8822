"""What carries SIP: the names by which a transport goes in Via, URIs and the DNS, and what it is like."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Transport:
    name: str
    via: str
    parameter: str | None  # of a URI; None: the default
    port: int
    service: str | None  # what SRV records are asked for; None: addresses alone (RFC 7118 has no SRV)
    stream: bool = True
    secure: bool = False
    web: bool = False
    naptr: str | None = None  # the service of NAPTR records that lead here

    @property
    def parameters(self) -> dict[str, str | None]:
        return {"transport": self.parameter} if self.parameter else {}


UDP = Transport("udp", "UDP", None, 5060, "_sip._udp", stream=False, naptr="SIP+D2U")
TCP = Transport("tcp", "TCP", "tcp", 5060, "_sip._tcp", naptr="SIP+D2T")
TLS = Transport("tls", "TLS", "tls", 5061, "_sips._tcp", secure=True, naptr="SIPS+D2T")
# One word in URIs for both (RFC 7118 section 5.2.4).
WS = Transport("ws", "WS", "ws", 80, None, web=True)
WSS = Transport("wss", "WSS", "ws", 443, None, secure=True, web=True)
STREAMS = (TCP, TLS, WS, WSS)
ALL = (UDP, *STREAMS)


def transport_named(parameter: str | None, secure: bool = False) -> Transport:
    """What a URI asks for (RFC 3263 section 4.1, without NAPTR). `secure`: its scheme is sips, or it leads over a secure flow."""
    wanted = (parameter or "").lower()
    if wanted in ("ws", "wss"):
        return WSS if secure or wanted == "wss" else WS
    if wanted == "tls" or secure:
        return TLS
    return TCP if wanted == "tcp" else UDP
