"""A TCP relay that does to a conversation what networks do: cuts it at any byte, slows or swallows it, is away."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from domain.connections.values import Endpoint
from tests.support.black_hole import swallow

BLOCK_BYTES = 65_536
JITTER = 0.1
"""The share by which delays differ."""


@dataclass
class FaultProxy:
    """Relays to a server. Faults are set by attributes, also while it relays."""

    host: str
    upstream_port: int
    port: int = 0
    cut_after_bytes: int | None = None
    """All lines are cut once the server has sent so many bytes in all, one time."""
    bytes_per_s: int | None = None
    """What a line carries from each side."""
    delay_s: float = 0.0
    """How much later everything arrives, more or less."""
    turns_away: int = 0
    """How many who try to connect are turned away."""
    connects: int = 0
    """How often somebody has tried to connect."""
    cuts: int = 0
    swallowed: int = 0
    """How many lines end nowhere, without their ends having been told."""
    sent_bytes: int = 0
    lines: set[asyncio.Task[None]] = field(default_factory=set)
    _pumps: dict[asyncio.Task[None], tuple[asyncio.StreamWriter, ...]] = field(default_factory=dict)

    def of(self, endpoint: Endpoint) -> Endpoint:
        """Return the endpoint as it is reached through here."""
        return replace(endpoint, host="127.0.0.1", port=self.port)

    def cut(self) -> None:
        """Cut all lines."""
        self.cuts += 1
        for line in self.lines:
            line.cancel()

    def swallow(self) -> None:
        """Let nothing through any more on all open lines, not even that something has arrived; new ones are relayed."""
        for pump, ends in self._pumps.items():
            pump.cancel()
            for end in ends:
                swallow(end.get_extra_info("socket"))
        self.swallowed += len(self._pumps) // 2

    def go_away(self, turns_away: int = 1_000_000) -> None:
        """Cut all lines, and turn so many away from now on."""
        self.turns_away = turns_away
        self.cut()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay one line until one side ends it, or a fault does."""
        self.connects += 1
        if self.turns_away:
            self.turns_away -= 1
            writer.transport.abort()
            return
        line = asyncio.current_task()
        assert line is not None
        self.lines.add(line)
        far: asyncio.StreamWriter | None = None
        try:
            far_reader, far = await asyncio.open_connection(self.host, self.upstream_port)
            pumps = [
                asyncio.create_task(self._pump(reader, far, counts=False)),
                asyncio.create_task(self._pump(far_reader, writer, counts=True)),
            ]
            self._pumps |= dict.fromkeys(pumps, (writer, far))
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                if any(pump.cancelled() for pump in pumps):
                    await asyncio.Event().wait()  # neither end learns of it
            finally:
                for pump in pumps:
                    del self._pumps[pump]
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            return
        finally:
            self.lines.discard(line)
            for end in (writer, far):
                if end is not None:
                    end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counts: bool) -> None:
        try:
            while data := await reader.read(min(BLOCK_BYTES, self.bytes_per_s or BLOCK_BYTES)):
                if self.bytes_per_s or self.delay_s:
                    late_s = self.delay_s * (1 + JITTER * random.uniform(-1, 1))
                    await asyncio.sleep(late_s + (len(data) / self.bytes_per_s if self.bytes_per_s else 0))
                left = self.cut_after_bytes - self.sent_bytes if counts and self.cut_after_bytes is not None else None
                self.sent_bytes += len(data) if counts else 0
                writer.write(data if left is None else data[: max(left, 0)])
                await writer.drain()
                if left is not None and left <= len(data):
                    self.cut_after_bytes = None
                    self.cut()
        except ConnectionError:
            return  # one side is gone, and so is the line


@asynccontextmanager
async def proxy_to(endpoint: Endpoint) -> AsyncIterator[FaultProxy]:
    """Open a relay to an endpoint's server."""
    async with relaying(FaultProxy(endpoint.host, endpoint.port)) as proxy:
        yield proxy


@asynccontextmanager
async def relaying(proxy: FaultProxy) -> AsyncIterator[FaultProxy]:
    """Let a relay listen on a free port of the loopback interface."""
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        lines = tuple(proxy.lines)
        for line in lines:
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)
