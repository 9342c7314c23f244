"""A TCP relay that cuts a conversation at a chosen moment, as networks do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class CuttingProxy:
    """Relays to a server, and once it is armed cuts the client off when that has sent `at`, one time.

    The server gets what the client sent up to then if `delivers`; the client never gets the answer.
    """

    host: str
    upstream_port: int
    at: bytes
    delivers: bool
    port: int = 0
    is_armed: bool = False
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[CuttingProxy]:
        """Listen on the loopback interface."""
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self.host, self.upstream_port)
        answers = asyncio.create_task(self._pump(far_reader, writer))
        self.tasks.add(answers)
        try:
            while data := await reader.read(65_536):
                if self.is_armed and self.at in data:
                    self.is_armed = False
                    answers.cancel()
                    await asyncio.wait([answers])
                    if self.delivers:
                        far_writer.write(data)
                        await far_writer.drain()
                        await far_reader.read(1)  # the server has done it, and said so
                    break
                far_writer.write(data)
                await far_writer.drain()
        except ConnectionError:
            pass  # one side is gone, and so is the conversation
        finally:
            writer.close()
            far_writer.close()

    @staticmethod
    async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()
