"""A chunk's rows on their way into a table, inside its transaction: one COPY, or many where some are refused."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, cast

import asyncpg

from domain.kernel.errors import ValueRejected
from domain.kernel.threads import in_thread
from domain.kernel.values import Bytes, Rows
from domain.migrations.rejects import RejectedRow
from domain.migrations.transfer import Batch, Chunk, ChunkReceipt, TableCopy, WireFormat
from infra.connectors.piecewise import overhearing, stored_piecewise
from infra.connectors.postgresql import relation
from infra.connectors.postgresql.binary import HEADER, TRAILER, writing_forms
from infra.connectors.postgresql.failures import DRIVER_ERRORS, write_error
from infra.connectors.postgresql.names import identifier

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator

    import pyarrow as pa

    from domain.migrations.transfer import Refusals

MESSAGE_BYTES_MAX = 4 * 1024 * 1024
"""How much is sent at once."""

_PUT_OFF = """
SELECT n.nspname::text AS schema, c.conname::text AS name FROM pg_constraint c JOIN pg_namespace n
ON n.oid = c.connamespace WHERE c.conrelid = $1::oid AND c.contype IN ('p', 'u', 'x') AND c.condeferrable
"""
"""Keys of a table that may be looked at as late as at the end of a transaction."""


async def loaded(
    connection: asyncpg.Connection, copy: TableCopy, chunk: Chunk, batches: AsyncIterator[Batch]
) -> tuple[ChunkReceipt, list[RejectedRow]]:
    """Send a chunk's rows and check that the server took every one of them; return the rejected ones too."""
    found = await relation.get(connection, copy.target)
    forms = writing_forms(copy) if copy.format is WireFormat.ARROW else None
    rejected: list[RejectedRow] = []
    rows = 0
    size_bytes = 0

    async def pieces() -> AsyncGenerator[memoryview | bytes, None]:
        nonlocal rows, size_bytes
        if forms:
            yield HEADER
        async for batch in batches:
            rows += batch.rows
            rejected.extend(batch.rejected)
            size_bytes += batch.size_bytes
            if isinstance(batch.payload, bytes | bytearray):
                data = batch.payload
            elif forms:
                data = await in_thread(forms.encoded, copy, cast("pa.RecordBatch", batch.payload))
            else:
                for piece in await in_thread(_encoded, copy, cast("pa.RecordBatch", batch.payload)):
                    yield piece
                continue
            del batch  # which may be one huge value
            for piece in _messages(data):
                yield piece
        if forms:
            yield TRAILER

    async with aclosing(pieces()) as source:
        status = await connection.copy_to_table(
            found.name,
            source=source,
            schema_name=found.schema,
            columns=[column.target for column in copy.columns],
            format="binary" if forms or copy.format is WireFormat.PG_BINARY else "text",
        )
    written = int(status.rpartition(" ")[2])
    if written != rows:
        text = f"{rows} rows of {copy.target} were sent and {written} were stored. Look for a trigger or rule there."
        raise ValueRejected(text)
    read, left_out = Rows(rows + len(rejected)), Rows(len(rejected))
    return ChunkReceipt(chunk.table_number, chunk.number, read, Rows(written), left_out, Bytes(size_bytes)), rejected


async def loaded_piecewise(
    connection: asyncpg.Connection,
    copy: TableCopy,
    chunk: Chunk,
    batches: AsyncIterator[Batch],
    refusals: Refusals,
    heard: list[pa.RecordBatch],
) -> tuple[ChunkReceipt, list[RejectedRow]]:
    """As `loaded`, but rows that the server refuses are left out: every piece has a savepoint to go back to.

    What is stored is added to `heard` if keys of it will be noted.
    """
    for key in await connection.fetch(_PUT_OFF, (await relation.get(connection, copy.target)).oid):
        await connection.execute(f"SET CONSTRAINTS {identifier(key['schema'])}.{identifier(key['name'])} IMMEDIATE")

    async def store(rows: pa.RecordBatch) -> None:
        await connection.execute("SAVEPOINT piece")
        try:
            await loaded(connection, copy, chunk, _alone(rows))
        except ValueRejected:
            await connection.execute("ROLLBACK TO SAVEPOINT piece")
            raise
        except DRIVER_ERRORS as error:
            refused = write_error(error, f"{copy.target} refused it")
            if not isinstance(refused, ValueRejected):
                raise
            await connection.execute("ROLLBACK TO SAVEPOINT piece")
            raise refused from error
        await connection.execute("RELEASE SAVEPOINT piece")

    told = overhearing(store, heard) if copy.added_key else store
    rejected: list[RejectedRow] = []
    written = size_bytes = 0
    async for batch in batches:
        stored, left_out = await stored_piecewise(batch, told, refusals)
        written += stored
        size_bytes += batch.size_bytes
        rejected += [*batch.rejected, *left_out]
    read, out = Rows(written + len(rejected)), Rows(len(rejected))
    return ChunkReceipt(chunk.table_number, chunk.number, read, Rows(written), out, Bytes(size_bytes)), rejected


async def _alone(rows: pa.RecordBatch) -> AsyncIterator[Batch]:
    yield Batch(rows.num_rows, rows.nbytes, rows)


def _messages(data: bytes) -> Iterator[memoryview]:
    """Cut what is sent: the driver holds every message twice, and once more as long as the server does not take it."""
    held = memoryview(data)
    for start in range(0, len(held), MESSAGE_BYTES_MAX):
        yield held[start : start + MESSAGE_BYTES_MAX]


def _encoded(copy: TableCopy, batch: pa.RecordBatch) -> list[memoryview]:
    from infra.connectors.postgresql.encode import encoded  # noqa: PLC0415 - bytes that pass through need no Arrow

    return list(encoded(copy, batch))
