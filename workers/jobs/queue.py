"""The engine's queue of chunks over the control store's."""

from __future__ import annotations

import math
import time

from domain.kernel.errors import Fenced, WherryError
from domain.migrations.pausing import REMEDIES
from domain.migrations.transfer import Chunk, ChunkReceipt
from domain.migrations.values import LogLevel
from infra.db.stores.migrations.chunks import Chunks
from workers.jobs.duty import Duty

TURN_S = 5.0
"""A lane has at least so long, also when others wait: it has opened sessions, and those are to be worth it."""


class LeasedQueue:
    """Hands out chunks until there are none, or the time of the lane is up: sooner if other work waits."""

    def __init__(self, chunks: Chunks, duty: Duty, *, reading: str, until: float) -> None:
        self._chunks = chunks
        self._duty = duty
        self._reading = reading
        self._until = until
        self._turn_until = time.monotonic() + TURN_S
        self.time_is_up = False

    async def claim(self) -> Chunk | None:
        """Take a chunk that nobody else has."""
        self.time_is_up = await self._is_over()
        return None if self.time_is_up else await self._chunks.claim()

    async def _is_over(self) -> bool:
        now = time.monotonic()
        if now >= self._until or math.isinf(self._until):
            return now >= self._until
        return now >= self._turn_until and await self._duty.shop.leases.others_wait()

    async def complete(self, receipt: ChunkReceipt) -> None:
        """Count a chunk that is in the target."""
        if await self._chunks.complete(receipt, self._reading):
            self._duty.table_done = True

    async def release(self, chunk: Chunk) -> None:
        """Give a chunk back untouched."""
        await self._chunks.release(chunk)

    async def fail(self, chunk: Chunk, error: WherryError) -> None:
        """Give a chunk back that did not come through, or give it up if its rows are the reason."""
        if not isinstance(error, Fenced) and error.code not in REMEDIES:
            await self._chunks.fail(chunk, error.message)
            return
        await self._chunks.release(chunk)
        if error.transient:
            await self._duty.log(LogLevel.WARNING, f"A chunk did not come through and is tried again: {error.message}")
