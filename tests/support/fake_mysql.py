"""A server that speaks MySQL's protocol just far enough to be hostile."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pymysql.constants import CLIENT

CAPABILITIES = (
    CLIENT.LONG_PASSWORD
    | CLIENT.PROTOCOL_41
    | CLIENT.SECURE_CONNECTION
    | CLIENT.PLUGIN_AUTH
    | CLIENT.CONNECT_WITH_DB
    | CLIENT.LOCAL_FILES
    | CLIENT.TRANSACTIONS
)
OK = b"\x00\x00\x00\x02\x00\x00\x00"
CAPABILITIES_BYTES = 2


@dataclass
class FakeMysql:
    """What a client sent to it, packet by packet, and how it answers.

    `plugin` is how it asks for the password first, `switch_to` how it then changes its mind;
    `asks_for` is a file it wants in answer to every query that begins with `after`.
    """

    plugin: str = "mysql_native_password"
    switch_to: str = ""
    asks_for: str = ""
    after: bytes = b""
    port: int = 0
    received: list[bytes] = field(default_factory=list)
    is_cut_off: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[FakeMysql]:
        """Listen on the loopback interface."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def send(sequence: int, payload: bytes) -> None:
            writer.write(struct.pack("<I", len(payload))[:3] + bytes([sequence]) + payload)
            await writer.drain()

        async def receive() -> tuple[int, bytes]:
            header = await reader.readexactly(4)
            payload = await reader.readexactly(int.from_bytes(header[:3], "little"))
            self.received.append(payload)
            return header[3], payload

        try:
            await self._talk(send, receive)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.is_cut_off.set()
        finally:
            writer.close()

    async def _talk(
        self, send: Callable[[int, bytes], Awaitable[None]], receive: Callable[[], Awaitable[tuple[int, bytes]]]
    ) -> None:
        await send(0, self._greeting())
        sequence, _ = await receive()
        if self.switch_to:
            await send(sequence + 1, b"\xfe" + self.switch_to.encode() + b"\0" + b"s" * 20 + b"\0")
            sequence, _ = await receive()
        await send(sequence + 1, OK)
        while True:
            sequence, payload = await receive()
            if self.asks_for and payload[1:].startswith(self.after):
                await send(1, b"\xfb" + self.asks_for.encode())
                continue
            await send(sequence + 1, OK)

    def _greeting(self) -> bytes:
        low, high = struct.pack("<I", CAPABILITIES)[:2], struct.pack("<I", CAPABILITIES)[2:]
        return (
            b"\x0a8.0.99-fake\0"
            + struct.pack("<I", 7)
            + b"a" * 8
            + b"\0"
            + low
            + bytes([45])
            + struct.pack("<H", 2)
            + high
            + bytes([21])
            + b"\0" * 10
            + b"b" * 12
            + b"\0"
            + self.plugin.encode()
            + b"\0"
        )
