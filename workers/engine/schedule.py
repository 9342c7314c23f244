"""Who copies what next: lanes that take chunks from a queue until it is empty."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Protocol

from domain.kernel.errors import WherryError
from domain.kernel.failpoints import failpoint
from domain.migrations.transfer import Chunk, ChunkReceipt, TableCopy
from workers.engine.control import Control, Stopped, attended, check

Split = Callable[[TableCopy], Awaitable[tuple[Chunk, ...]]]
CopyOne = Callable[[Chunk], Awaitable[ChunkReceipt]]


class ChunkQueue(Protocol):
    """The chunks of a run that are still to be copied, shared by its lanes.

    In one process it is a `MemoryQueue`; between processes it lives in the control store, where a
    claim is a lease that expires.
    """

    async def claim(self) -> Chunk | None:
        """Take a chunk that nobody else has, in the order of `order.in_order`; nothing if none is left to take."""
        ...

    async def complete(self, receipt: ChunkReceipt) -> None:
        """Note that a claimed chunk is in the target."""
        ...

    async def release(self, chunk: Chunk) -> None:
        """Give a claimed chunk back untouched."""
        ...

    async def fail(self, chunk: Chunk, error: WherryError) -> None:
        """Note that a claimed chunk could not be copied."""
        ...


class MemoryQueue:
    """The queue of a run within one process. Tables come in the order given and are split when a lane gets to them."""

    def __init__(self, tables: Iterable[TableCopy], split: Split) -> None:
        self._unsplit = deque(tables)
        self._split = split
        self._ready: deque[Chunk] = deque()
        self._splitting = 0
        self._changed = asyncio.Condition()

    async def claim(self) -> Chunk | None:
        """Take a chunk, splitting the next table if there is none; wait while others are splitting."""
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._ready or self._unsplit or not self._splitting)
                if self._ready:
                    return self._ready.popleft()
                if not self._unsplit:
                    return None
                copy = self._unsplit.popleft()
                self._splitting += 1
            chunks: tuple[Chunk, ...] = ()
            try:
                chunks = await self._split(copy)
            finally:
                async with self._changed:
                    self._splitting -= 1
                    self._ready.extend(chunks)
                    self._changed.notify_all()

    async def complete(self, receipt: ChunkReceipt) -> None:
        """Nothing to note: a claimed chunk has left the queue, and the target keeps the receipt."""

    async def release(self, chunk: Chunk) -> None:
        """Put a chunk back at the front."""
        async with self._changed:
            self._ready.appendleft(chunk)
            self._changed.notify_all()

    async def fail(self, chunk: Chunk, error: WherryError) -> None:
        """Nothing to note: within one process the failure itself ends the run."""


async def work_lane(queue: ChunkQueue, copy_one: CopyOne, control: Control) -> None:
    """Copy chunks until the queue has none left to take.

    Raises:
        Stopped: the owner asked for a pause or an end; the chunk at hand went back.
        WherryError: a chunk could not be copied; the queue knows.
    """
    while True:
        await check(control)
        chunk = await queue.claim()
        if chunk is None:
            return
        failpoint("chunk.claimed")
        try:
            receipt = await attended(partial(copy_one, chunk), control)
        except WherryError as error:
            await queue.fail(chunk, error)
            raise
        except (Stopped, asyncio.CancelledError):
            await queue.release(chunk)
            raise
        await queue.complete(receipt)
        failpoint("chunk.completed")
