"""TCP between two hosts: a megabyte each way, every octet compared."""

import asyncio
import secrets
import socket
import time

from .dns import Address
from .netns import Space

PATIENCE_S = 10.0


async def transfer(server: Space, address: Address, client: Space, octets: int) -> tuple[list[str], float]:
    """Connect to a server at that address, send it so many octets and get as many back; complaints, and how long it took."""
    there, back = secrets.token_bytes(octets), secrets.token_bytes(octets)
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    complaints: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readexactly(octets) != there:
            complaints.append("the server got other octets")
        writer.write(back)
        await writer.drain()
        writer.close()

    listener = server.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    service = await asyncio.start_server(serve, sock=listener)
    begin = time.monotonic()
    try:
        if await asyncio.wait_for(ask(client.socket(family, socket.SOCK_STREAM), address, there), PATIENCE_S) != back:
            complaints.append("the client got other octets")
    except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
        complaints.append(f"TCP to {address[0]}:{address[1]}: {error or type(error).__name__}")
    finally:
        service.close()
        await service.wait_closed()
    return complaints, time.monotonic() - begin


async def ask(sock: socket.socket, address: Address, octets: bytes) -> bytes:
    """Send that, and get as many octets back."""
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    reader, writer = await asyncio.open_connection(sock=sock)
    try:
        writer.write(octets)
        await writer.drain()
        return await reader.readexactly(len(octets))
    finally:
        writer.close()
