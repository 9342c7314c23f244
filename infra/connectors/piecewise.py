"""Rows that a target refuses are found by halving: what it takes stays, what it refuses alone is left out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

from domain.kernel.errors import ValueRejected

if TYPE_CHECKING:
    import pyarrow as pa

    from domain.migrations.rejects import RejectedRow
    from domain.migrations.transfer import Batch, Refusals

Store = Callable[["pa.RecordBatch"], Awaitable[None]]
"""Writes some rows into the open transaction, or raises ValueRejected and leaves it as it was."""


def rows_of(batch: Batch) -> pa.RecordBatch:
    """Return a batch's columns, for a target that takes nothing else."""
    if isinstance(batch.payload, bytes):
        raise TypeError("bytes that pass through are no columns")
    return cast("pa.RecordBatch", batch.payload)


def overhearing(store: Store, heard: list[pa.RecordBatch]) -> Store:
    """Keep what is stored, so that the keys in it can be noted after the rows."""

    async def stored(rows: pa.RecordBatch) -> None:
        await store(rows)
        heard.append(rows)

    return stored


async def stored_piecewise(batch: Batch, store: Store, refusals: Refusals) -> tuple[int, list[RejectedRow]]:
    """Write the rows of a batch that the target takes; return how many, and the others.

    Pieces are tried in the order of their rows, so that of two rows with one key the first is kept.

    Raises:
        ValueRejected: a row may not be left out.
        DatabaseError: the target failed for another reason than a row.
    """
    rows = rows_of(batch)
    left_out: list[RejectedRow] = []
    waiting = [(0, rows.num_rows)] if rows.num_rows else []
    while waiting:
        first, count = waiting.pop()
        try:
            await store(rows.slice(first, count))
        except ValueRejected as refused:
            if count == 1:
                left_out.append(refusals.take(batch, first, refused.message))
                continue
            half = count // 2
            waiting += [(first + half, count - half), (first, half)]
    return rows.num_rows - len(left_out), left_out
