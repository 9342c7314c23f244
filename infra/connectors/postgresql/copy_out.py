"""COPY ... TO STDOUT as a bounded stream of blocks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from infra.connectors.memory import HUGE_BYTES, give_back
from infra.connectors.postgresql.blocks import BLOCK_BYTES_MAX, Block, rows_of
from infra.connectors.postgresql.copy_wire import can_lend, taken

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import asyncpg

BLOCKS_AHEAD_MAX = 2
"""Blocks read and not yet taken; a slower taker stops the server's sending."""


def copied_out(connection: asyncpg.Connection, query: str, form: str) -> AsyncGenerator[Block, None]:
    """Run COPY of a query in a format (`csv`, `binary`) and yield what comes.

    The server sends every row as a message of its own and no message is parted, so a block holds
    whole rows. If the taker leaves early the session is of no further use.
    """
    copied = taken if can_lend(connection) else copied_by_driver
    return copied(connection, query, form)


async def copied_by_driver(connection: asyncpg.Connection, query: str, form: str) -> AsyncGenerator[Block, None]:
    """Do it by the driver. If the taker leaves early the statement is cancelled."""
    blocks: asyncio.Queue[bytes | None] = asyncio.Queue()
    space = asyncio.Semaphore(BLOCKS_AHEAD_MAX)
    parts: list[bytes] = []
    size_bytes = 0

    async def take(data: bytes) -> None:
        nonlocal size_bytes
        if len(data) >= HUGE_BYTES:
            give_back()
        parts.append(data)
        size_bytes += len(data)
        if size_bytes >= BLOCK_BYTES_MAX:
            await space.acquire()
            # A huge row comes as a message of its own and is not copied once more.
            blocks.put_nowait(parts.pop() if len(parts) == 1 else b"".join(parts))
            parts.clear()
            size_bytes = 0

    async def run() -> str:
        try:
            return str(await connection.copy_from_query(query, output=take, format=form))
        finally:
            blocks.put_nowait(None)

    copying = asyncio.create_task(run())
    try:
        while (data := await blocks.get()) is not None:
            space.release()
            handed = [Block(data)]
            del data
            yield handed.pop()  # and hold it no longer: it may be one huge value
        status = await copying
        yield Block(b"".join(parts), rows_of(status))
    finally:
        copying.cancel()
        await asyncio.gather(copying, return_exceptions=True)
