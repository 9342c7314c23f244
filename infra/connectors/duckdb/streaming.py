"""Chunks that DuckDB's threads draw while they are read, one whole group of rows after the other.

An INSERT of many groups at once is compressed by all of DuckDB's threads and written at once, each group beside the
others; rows that come in an INSERT of their own are kept until the commit, which compresses them one after the other.
DuckDB makes groups of what it is given, so it is given exactly whole ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator

import pyarrow as pa

from domain.kernel.errors import DatabaseError
from domain.kernel.values import Bytes
from domain.migrations.transfer import Batch
from infra.connectors.piecewise import rows_of


class Drawn:
    """The batches of a chunk, made by the loop that it was made in, for threads that wait for them."""

    def __init__(self, batches: AsyncIterator[Batch]) -> None:
        self.rows = 0
        self.size = Bytes(0)
        self.failure: Exception | None = None
        self._batches = batches
        self._loop = asyncio.get_running_loop()
        self._under_way: asyncio.Task[object] | None = None
        self._is_closed = False

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Give all batches, in a thread."""
        while (batch := asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()) is not None:
            yield batch

    async def _next(self) -> pa.RecordBatch | None:
        if self._is_closed:
            raise DatabaseError("nobody wants these rows any more")
        self._under_way = asyncio.current_task()
        try:
            batch = await anext(self._batches)
        except StopAsyncIteration:
            return None
        except Exception as error:
            self.failure = error
            raise
        finally:
            self._under_way = None
        self.rows += batch.rows
        self.size = Bytes(self.size + batch.size_bytes)
        return rows_of(batch)

    async def close(self) -> None:
        """Give up what is being made, and let the stream fail; an insertion of half of it must not succeed."""
        self._is_closed = True
        if self._under_way is not None:
            self._under_way.cancel()
            await asyncio.wait([self._under_way])


def whole_groups(batches: Iterable[pa.RecordBatch], rows: int, bytes_max: int) -> Iterator[pa.RecordBatch]:
    """Give the same rows in batches of so many, but for the last one and those of more bytes."""
    parts: list[pa.RecordBatch] = []
    count = size = 0
    for batch in batches:
        rest = batch
        del batch
        while count + rest.num_rows >= rows:
            wanted = rows - count
            parts.append(rest.slice(0, wanted))
            rest = rest.slice(wanted)
            yield _taken(parts)
            count = size = 0
        if rest.num_rows:
            parts.append(rest)
            count += rest.num_rows
            size += rest.nbytes
        if size >= bytes_max:
            yield _taken(parts)
            count = size = 0
    if parts:
        yield _taken(parts)


def _taken(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Join batches and let go of them, as whoever draws the next group still holds this one.

    The system's allocator gives such large pieces back at once; Arrow's own keeps some for later.
    """
    joined = pa.concat_batches(parts, memory_pool=pa.system_memory_pool()) if len(parts) > 1 else parts[0]
    parts.clear()
    return joined
