"""A line to a server that can be cut at a chosen message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass
class Wire:
    """Passes bytes between clients and a server, until a client sends `fatal`.

    Then the line is cut: at once, so the server never sees those bytes, or, if `delivers`, as soon
    as the server begins to answer them, so the client never learns what became of them.
    """

    host: str
    port: int
    fatal: bytes = b""
    delivers: bool = True
    cuts: int = 0
    own_port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect one client with the server."""
        there, back = await asyncio.open_connection(self.host, self.port)
        doomed = asyncio.Event()

        async def upward() -> None:
            while data := await reader.read(65536):
                if self.fatal and self.fatal in data:
                    self.fatal, self.cuts = b"", self.cuts + 1
                    doomed.set()
                    if not self.delivers:
                        return
                back.write(data)
                await back.drain()

        async def downward() -> None:
            while data := await there.read(65536):
                if doomed.is_set():
                    return
                writer.write(data)
                await writer.drain()

        tasks = [asyncio.create_task(upward()), asyncio.create_task(downward())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for end in (writer, back):
            end.transport.abort()


@asynccontextmanager
async def wire_to(host: str, port: int) -> AsyncIterator[Wire]:
    """Open a line to a server on a port of its own."""
    wire = Wire(host, port)
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    wire.own_port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
