"""A chunk of which some rows are refused: stored piece by piece, each with a savepoint to go back to."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pymysql import err

from domain.kernel.errors import ValueRejected
from domain.kernel.threads import in_thread
from infra.connectors.mysql.errors import translated
from infra.connectors.mysql.loading import check_all_stored
from infra.connectors.piecewise import overhearing, stored_piecewise

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import pyarrow as pa

    from domain.migrations.transfer import Batch, ChunkReceipt, Refusals, TableCopy
    from infra.connectors.mysql.bulk import BulkSession
    from infra.connectors.mysql.inserting import InsertValues
    from infra.connectors.mysql.loading import ChunkLoad, Input
    from infra.connectors.mysql.wire import BulkConnection


async def loaded_piecewise(
    session: BulkSession,
    load: ChunkLoad,
    batches: AsyncIterator[Batch],
    inputs: Callable[[TableCopy], Input],
    refusals: Refusals,
    heard: list[pa.RecordBatch],
) -> ChunkReceipt:
    """Store what the server takes of a chunk whose transaction is begun, and its receipt; the commit is left to do.

    Raises:
        ValueRejected: a row may not be left out.
        DatabaseError: the server failed for another reason than a row.
    """
    copy = load.copy

    async def store(rows: pa.RecordBatch) -> None:
        rows_by = inputs(copy)
        prepared = await in_thread(rows_by.prepare, rows)
        await session.call(partial(_stored, rows_by, prepared, rows.num_rows, copy), doing=f"{copy.target} refused it")

    told = overhearing(store, heard) if copy.added_key else store
    async for batch in batches:
        stored, left_out = await stored_piecewise(batch, told, refusals)
        load.count(replace(batch, rows=stored, rejected=(*batch.rejected, *left_out)))
    return await session.call(load.finish_pieces, doing=f"writing {copy.target}")


def _stored(
    rows_by: Input, prepared: memoryview | InsertValues, rows: int, copy: TableCopy, connection: BulkConnection
) -> None:
    """Store some rows, all or none of them. What the server undoes by itself, a deadlock, has no savepoint any more."""
    connection.fetch("SAVEPOINT piece")
    try:
        rows_by.begin(connection)
        rows_by.send(connection, prepared)
        check_all_stored(copy, rows_by.end(connection), rows)
    except ValueRejected:
        connection.fetch("ROLLBACK TO SAVEPOINT piece")
        raise
    except err.MySQLError as error:
        if isinstance(translated(error, ""), ValueRejected):
            connection.fetch("ROLLBACK TO SAVEPOINT piece")
        raise
