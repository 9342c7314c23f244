"""Rejected rows in the ledger: stored with their chunk, read page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.migrations.rejects import RejectedRow, values_from_json, values_to_json
from infra.connectors.postgresql.capabilities import LEDGER_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from domain.migrations.rejects import Place

TABLE = f"""
CREATE TABLE {LEDGER_SCHEMA}.reject (
    run_id text, table_number bigint, chunk_number bigint, number bigint, column_name text NOT NULL,
    reason text NOT NULL, row_values text NOT NULL, PRIMARY KEY (run_id, table_number, chunk_number, number));
"""
_COLUMNS = ("run_id", "table_number", "chunk_number", "number", "column_name", "reason", "row_values")
_NEXT = f"""
SELECT table_number, chunk_number, number, column_name, reason, row_values FROM {LEDGER_SCHEMA}.reject
WHERE run_id = $1 AND (table_number, chunk_number, number) > ($2, $3, $4) ORDER BY 1, 2, 3 LIMIT $5
"""


async def note(connection: asyncpg.Connection, run_id: str, rows: Sequence[RejectedRow]) -> None:
    """Store the rejected rows of a chunk, inside its transaction."""
    if rows:
        await connection.copy_records_to_table(
            "reject",
            schema_name=LEDGER_SCHEMA,
            columns=_COLUMNS,
            records=[(run_id, *row.place, row.column, row.reason, values_to_json(row.values)) for row in rows],
        )


async def page(
    connection: asyncpg.Connection, run_id: str, after: Place | None, rows_max: int
) -> tuple[RejectedRow, ...]:
    """Return the next rejected rows behind a place."""
    found = await connection.fetch(_NEXT, run_id, *(after or (-1, -1, -1)), rows_max)
    return tuple(
        RejectedRow(table, chunk, number, column, reason, values_from_json(values))
        for table, chunk, number, column, reason, values in map(tuple, found)
    )
