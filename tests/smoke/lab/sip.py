"""A small, lenient SIP codec for phones: what a lab sends and gets is well-formed, and what Weir must refuse is written as octets."""

import dataclasses
import re

COMPACT = {
    "i": "call-id", "m": "contact", "e": "content-encoding", "l": "content-length", "c": "content-type", "f": "from",
    "s": "subject", "k": "supported", "t": "to", "v": "via", "o": "event", "r": "refer-to", "u": "allow-events",
}
# Header fields whose values may share a line, separated by commas.
LISTS = {"via", "route", "record-route", "path", "contact", "supported", "require", "unsupported", "service-route"}


@dataclasses.dataclass
class Uri:
    scheme: str
    user: str | None
    host: str
    port: int | None
    parameters: dict[str, str | None]

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user is not None else ""
        port = f":{self.port}" if self.port is not None else ""
        return f"{self.scheme}:{user}{self.host}{port}{parameters_write(self.parameters)}"


URI = re.compile(r"(sips?):(?:([^@<>]*)@)?(\[[^\]]*\]|[^:;?@<>]+)(?::(\d+))?((?:;[^;?]*)*)(\?.*)?$", re.IGNORECASE)


def uri_read(text: str) -> Uri:
    match = URI.match(text.strip())
    if match is None:
        raise ValueError(f"not a SIP URI: {text!r}")
    scheme, user, host, port, parameters, _ = match.groups()
    return Uri(scheme.lower(), user, host.lower(), int(port) if port else None, parameters_read(parameters))


def parameters_read(text: str) -> dict[str, str | None]:
    """`;a=1;b` as a mapping; names in lower case."""
    found: dict[str, str | None] = {}
    for item in split_outside(text, ";"):
        name, equals, value = item.strip().partition("=")
        if name:
            found[name.strip().lower()] = value.strip() if equals else None
    return found


def parameters_write(parameters: dict[str, str | None]) -> str:
    return "".join(f";{name}" if value is None else f";{name}={value}" for name, value in parameters.items())


def split_outside(text: str, separator: str) -> list[str]:
    """Split at separators outside of quotes and angle brackets."""
    parts, begin, quoted, depth, at = [], 0, False, 0, 0
    while at < len(text):
        octet = text[at]
        if quoted and octet == "\\":
            at += 1
        elif octet == '"':
            quoted = not quoted
        elif not quoted and octet in "<>":
            depth += 1 if octet == "<" else -1
        elif not quoted and depth == 0 and octet == separator:
            parts.append(text[begin:at])
            begin = at + 1
        at += 1
    parts.append(text[begin:])
    return parts


@dataclasses.dataclass
class NameAddress:
    """What From, To, Contact, Route and their like hold."""

    uri: Uri
    parameters: dict[str, str | None]

    def __str__(self) -> str:
        return f"<{self.uri}>{parameters_write(self.parameters)}"

    @property
    def tag(self) -> str | None:
        return self.parameters.get("tag")


def name_address_read(text: str) -> NameAddress:
    text = text.strip()
    opening = text.find("<", _quotes_end(text) if text.startswith('"') else 0)
    if opening < 0:
        uri, _, parameters = text.partition(";")
        return NameAddress(uri_read(uri), parameters_read(parameters))
    closing = text.index(">", opening)
    return NameAddress(uri_read(text[opening + 1:closing]), parameters_read(text[closing + 1:]))


def _quotes_end(text: str) -> int:
    at = 1
    while text[at] != '"':
        at += 2 if text[at] == "\\" else 1
    return at + 1


@dataclasses.dataclass
class Via:
    transport: str
    sent_by: str
    parameters: dict[str, str | None]

    def __str__(self) -> str:
        return f"SIP/2.0/{self.transport} {self.sent_by}{parameters_write(self.parameters)}"

    @property
    def branch(self) -> str:
        return self.parameters.get("branch") or ""


def via_read(text: str) -> Via:
    match = re.match(r"\s*SIP\s*/\s*2\.0\s*/\s*(\w+)\s+([^;\s]+)\s*(.*)$", text, re.IGNORECASE | re.DOTALL)
    if match is None:
        raise ValueError(f"not a Via: {text!r}")
    return Via(match[1].upper(), match[2], parameters_read(match[3]))


class Message:
    """A request or a response; header fields keep their order."""

    def __init__(self, start: str, headers: list[tuple[str, str]] | None = None, body: bytes = b"") -> None:
        self.start = start
        self.headers = headers if headers is not None else []
        self.body = body

    @property
    def is_request(self) -> bool:
        return not self.start.startswith("SIP/2.0 ")

    @property
    def method(self) -> str:
        """Of a request its own, of a response that of its CSeq."""
        return self.start.split(" ", 1)[0] if self.is_request else self.cseq[1]

    @property
    def target(self) -> Uri:
        return uri_read(self.start.split(" ")[1])

    @property
    def status(self) -> int:
        return int(self.start.split(" ", 2)[1])

    @property
    def cseq(self) -> tuple[int, str]:
        number, method = self.get("CSeq").split()
        return int(number), method

    @property
    def call_id(self) -> str:
        return self.get("Call-ID")

    @property
    def sender(self) -> NameAddress:
        return name_address_read(self.get("From"))

    @property
    def recipient(self) -> NameAddress:
        return name_address_read(self.get("To"))

    @property
    def via(self) -> Via:
        return via_read(self.all("Via")[0])

    def get(self, name: str, default: str = "") -> str:
        """The first value of a header field."""
        return next(iter(self.all(name)), default)

    def all(self, name: str) -> list[str]:
        """Every value of a header field, lists taken apart."""
        wanted = canonical(name)
        values = [value for key, value in self.headers if canonical(key) == wanted]
        if wanted in LISTS:
            values = [item for value in values for item in split_outside(value, ",")]
        return [value.strip() for value in values]

    def add(self, name: str, value: object) -> None:
        self.headers.append((name, str(value)))

    def put(self, name: str, value: object) -> None:
        """In place of the first header field of this name; the others go."""
        wanted = canonical(name)
        at = next((index for index, item in enumerate(self.headers) if canonical(item[0]) == wanted), len(self.headers))
        self.headers = [item for item in self.headers if canonical(item[0]) != wanted]
        self.headers.insert(at, (name, str(value)))

    def remove(self, name: str) -> None:
        self.headers = [item for item in self.headers if canonical(item[0]) != canonical(name)]

    def copy(self) -> "Message":
        return Message(self.start, list(self.headers), self.body)

    def encode(self) -> bytes:
        lines = [self.start]
        lines += [f"{name}: {value}" for name, value in self.headers if canonical(name) != "content-length"]
        lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + self.body


def canonical(name: str) -> str:
    name = name.strip().lower()
    return COMPACT.get(name, name)


def message_read(octets: bytes) -> Message:
    head, blank, body = octets.partition(b"\r\n\r\n")
    if not blank:
        raise ValueError("no blank line after the header")
    lines = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "surrogateescape")).split("\r\n")
    message = Message(lines[0])
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            raise ValueError(f"not a header field: {line!r}")
        message.add(name.strip(), value.strip())
    message.body = body
    return message


def response_write(request: Message, status: int, reason: str, source: tuple[str, int], tag: str = "") -> Message:
    """A response (RFC 3261 section 8.2.6), its top Via filled in as section 18.2.1 and RFC 3581 ask."""
    response = Message(f"SIP/2.0 {status} {reason}")
    vias = request.all("Via")
    top = via_read(vias[0])
    if "rport" in top.parameters:
        top.parameters["rport"] = str(source[1])
    if "rport" in top.parameters or top.sent_by.rpartition(":")[0] != source[0]:
        top.parameters["received"] = source[0]
    for via in [str(top), *vias[1:]]:
        response.add("Via", via)
    for value in request.all("Record-Route"):
        response.add("Record-Route", value)
    response.add("From", request.get("From"))
    recipient = request.recipient
    if tag and recipient.tag is None:
        response.add("To", f"{request.get('To')};tag={tag}")
    else:
        response.add("To", request.get("To"))
    response.add("Call-ID", request.call_id)
    response.add("CSeq", request.get("CSeq"))
    return response
