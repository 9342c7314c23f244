"""A TCP relay that lets only so many bytes a second through, as a slow network does."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

PIECE_BYTES = 8_192


@dataclass
class PacedProxy:
    """Relays to a server; its answers, all connections together, come at `bytes_per_s`, which may be changed."""

    host: str
    upstream_port: int
    bytes_per_s: float = math.inf
    port: int = 0
    _free_at: float = 0.0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[PacedProxy]:
        """Listen on the loopback interface."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        far_reader, far_writer = await asyncio.open_connection(self.host, self.upstream_port)
        try:
            # Whichever side ends the conversation, it is over for both.
            there = asyncio.create_task(self._pump(reader, far_writer, paced=False))
            back = asyncio.create_task(self._pump(far_reader, writer, paced=True))
            await asyncio.wait([there, back], return_when=asyncio.FIRST_COMPLETED)
            for pump in (there, back):
                pump.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
        finally:
            writer.close()
            far_writer.close()
            self._tasks.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, paced: bool) -> None:
        with suppress(ConnectionError):  # one side is gone, and so is the conversation
            while data := await reader.read(PIECE_BYTES):
                if paced and not math.isinf(self.bytes_per_s):
                    await self._turn(len(data))
                writer.write(data)
                await writer.drain()

    async def _turn(self, size_bytes: int) -> None:
        """Wait until it is the turn of so many bytes, looking again now and then, since the pace may be changed."""
        loop = asyncio.get_running_loop()
        self._free_at = max(self._free_at, loop.time()) + size_bytes / self.bytes_per_s
        mine = self._free_at
        while mine > loop.time() and not math.isinf(self.bytes_per_s):  # noqa: ASYNC110 - it is a time
            await asyncio.sleep(min(0.2, mine - loop.time()))
