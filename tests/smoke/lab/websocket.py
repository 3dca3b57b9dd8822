"""The client's side of WebSocket (RFC 6455) with SIP in it (RFC 7118): the handshake, and messages in frames."""

import asyncio
import base64
import hashlib
import secrets
import struct

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
SUBPROTOCOL = "sip"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MESSAGE_MAX = 1 << 20


class WebSocketError(Exception):
    """The other side does not speak the protocol, or has ended it."""


def accept_write(key: str) -> str:
    """Sec-WebSocket-Accept for a Sec-WebSocket-Key."""
    return base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()


def request_write(host: str, key: str) -> bytes:
    lines = ["GET / HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}",
             f"Origin: https://{host}", f"Sec-WebSocket-Protocol: {SUBPROTOCOL}", "Sec-WebSocket-Version: 13", "", ""]
    return "\r\n".join(lines).encode()


def response_check(octets: bytes, key: str) -> None:
    """Refuse any answer but 101 to this very request, in the subprotocol that was asked for."""
    lines = octets.decode("latin-1").split("\r\n")
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if lines[0].split(" ")[:2] != ["HTTP/1.1", "101"]:
        raise WebSocketError(f"not switched: {lines[0]}")
    if fields.get("upgrade", "").lower() != "websocket" or "upgrade" not in fields.get("connection", "").lower():
        raise WebSocketError(f"switched to something else: {fields}")
    if fields.get("sec-websocket-accept") != accept_write(key):
        raise WebSocketError("the accept key is not that of this request")
    if fields.get("sec-websocket-protocol") != SUBPROTOCOL:
        raise WebSocketError(f"the subprotocol is {fields.get('sec-websocket-protocol')}")


def frame_write(opcode: int, payload: bytes, mask: bytes = b"", final: bool = True) -> bytes:
    """One frame; a client's is masked, with a key of four octets."""
    length, masked = len(payload), 0x80 if mask else 0
    head = bytes([(0x80 if final else 0) | opcode])
    if length < 126:
        head += bytes([masked | length])
    elif length < 1 << 16:
        head += bytes([masked | 126]) + struct.pack("!H", length)
    else:
        head += bytes([masked | 127]) + struct.pack("!Q", length)
    return head + mask + (apply_mask(payload, mask) if mask else payload)


def apply_mask(payload: bytes, mask: bytes) -> bytes:
    return bytes(octet ^ mask[at & 3] for at, octet in enumerate(payload))


async def frame_read(reader: asyncio.StreamReader) -> tuple[bool, int, bool, bytes]:
    """Whether it is final, its opcode, whether it was masked, and what it holds."""
    first, second = await reader.readexactly(2)
    if first & 0x70:
        raise WebSocketError("reserved bits are set")
    length = second & 0x7F
    if length == 126:
        length = struct.unpack("!H", await reader.readexactly(2))[0]
    elif length == 127:
        length = struct.unpack("!Q", await reader.readexactly(8))[0]
    if length > MESSAGE_MAX:
        raise WebSocketError(f"a frame of {length} octets")
    mask = await reader.readexactly(4) if second & 0x80 else b""
    payload = await reader.readexactly(length)
    return bool(first & 0x80), first & 0x0F, bool(mask), apply_mask(payload, mask) if mask else payload


class WebSocket:
    """A client's framing over an open connection; both calls belong to one task each."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.pongs = 0  # of frames

    async def open(self, host: str) -> None:
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        self._writer.write(request_write(host, key))
        response_check(await self._reader.readuntil(b"\r\n\r\n"), key)

    def send(self, octets: bytes, opcode: int = TEXT) -> None:
        self._writer.write(frame_write(opcode, octets, secrets.token_bytes(4)))

    async def receive(self) -> bytes:
        """The next message; control frames in between are answered."""
        parts: list[bytes] = []
        while True:
            final, opcode, masked, payload = await frame_read(self._reader)
            if masked:
                raise WebSocketError("a server's frame is masked")
            if opcode == CLOSE:
                raise WebSocketError(f"closed: {payload[2:].decode('utf-8', 'replace')} {int.from_bytes(payload[:2], 'big')}")
            if opcode == PING:
                self.send(payload, PONG)
            elif opcode == PONG:
                self.pongs += 1
            elif opcode in (TEXT, BINARY, CONTINUATION) and (opcode == CONTINUATION) == bool(parts):
                parts.append(payload)
                if final:
                    return b"".join(parts)
            else:
                raise WebSocketError(f"opcode {opcode} out of place")
