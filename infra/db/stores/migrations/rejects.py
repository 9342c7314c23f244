"""Rows that migrations have left out, kept with their reasons."""

from __future__ import annotations

import json
from uuid import UUID

from sqlalchemy import text

from domain.migrations.rejects import RejectedRow
from domain.migrations.transfer import TableCopy
from infra.db.database import Database

_ADD = """
INSERT INTO migration_reject
    (migration_id, table_number, chunk_number, number, table_name, column_name, reason, row_values)
VALUES (:migration_id, :table_number, :chunk_number, :number, :table_name, :column_name, :reason, :row_values)
ON CONFLICT DO NOTHING
"""


class StoredRejects:
    """The book of a migration's rejected rows in the control store; each is there once, however often it is given."""

    def __init__(self, database: Database, migration_id: UUID, tables: tuple[TableCopy, ...]) -> None:
        self._database = database
        self._migration_id = migration_id
        self._tables = {copy.number: copy for copy in tables}

    async def keep(self, rows: tuple[RejectedRow, ...]) -> None:
        """Store some rows, and commit."""
        async with self._database.engine.begin() as connection:
            await connection.execute(text(_ADD), [self._values(row) for row in rows])

    async def close(self) -> None:
        """Nothing is left to do: every page is committed."""

    def _values(self, row: RejectedRow) -> dict[str, object]:
        copy = self._tables[row.table_number]
        values = [
            {"column": column.source, "value": value} for column, value in zip(copy.columns, row.values, strict=True)
        ]
        return {
            "migration_id": self._migration_id,
            "table_number": row.table_number,
            "chunk_number": row.chunk_number,
            "number": row.number,
            "table_name": str(copy.source),
            "column_name": row.column,
            "reason": row.reason,
            "row_values": json.dumps(values),
        }
