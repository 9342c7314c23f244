"""The rows of a chunk as column batches."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from domain.kernel.errors import DatabaseError
from domain.kernel.threads import in_thread
from domain.kernel.values import Bytes
from domain.migrations.transfer import Batch, Chunk, TableCopy
from infra.connectors.postgresql import canonical
from infra.connectors.postgresql.binary import raw_columns, raw_text, reading_forms
from infra.connectors.postgresql.copy_out import copied_out
from infra.connectors.postgresql.decode import BinaryBlocks, decoded
from infra.connectors.postgresql.names import identifier
from infra.connectors.postgresql.split import condition
from infra.connectors.row_sums import RowSummer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import asyncpg

    from infra.connectors.postgresql.relation import Relation

Parse = Callable[[bytes], list[pa.RecordBatch]]


async def columnar(
    connection: asyncpg.Connection, found: Relation, copy: TableCopy, chunk: Chunk
) -> AsyncGenerator[Batch, None]:
    """Read COPY's binary form, or its CSV, and parse it in a thread, so the loop keeps the wire busy meanwhile."""
    parse, expressions, form = _parser(copy)
    query = f"SELECT {', '.join(expressions)} FROM {found.rows}{condition(copy, chunk.scope)}"
    rows, summer = 0, RowSummer([column.type for column in copy.columns], copy.sums)
    async with aclosing(copied_out(connection, query, form)) as blocks:
        async for block in blocks:
            batches = await in_thread(_parsed, parse, summer, copy, block.data) if block.data else []
            sent = block.rows
            del block  # which may be one huge value
            for batch in batches:
                rows += batch.rows
                yield batch
            if sent is not None and sent != rows:
                raise DatabaseError(f"The server sent {sent} rows of {copy.source} and {rows} were understood.")


def _parser(copy: TableCopy) -> tuple[Parse, tuple[str, ...], str]:
    """Return what makes batches of a block of rows, the expressions to select, and the form of COPY."""
    forms = reading_forms(copy)
    if forms is not None:
        return BinaryBlocks(copy, forms[0]).decoded, forms[1], "binary"
    raw = raw_columns(copy)
    expressions = (
        f"encode({raw_text(column)}, 'hex')"
        if column.source in raw
        else canonical.copied(identifier(column.source), column.source_native, column.type)
        for column in copy.columns
    )
    return partial(decoded, copy), tuple(expressions), "csv"


def _parsed(parse: Parse, summer: RowSummer, copy: TableCopy, data: bytes) -> list[Batch]:
    try:
        found = parse(data)
        return [Batch(batch.num_rows, Bytes(batch.nbytes), batch, sums=summer.sums(batch)) for batch in found]
    except pa.ArrowInvalid as error:
        raise DatabaseError(f"Rows of table {copy.source} were not understood: {error}") from error
