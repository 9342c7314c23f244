"""Rows whose keys are taken already, found before DuckDB is asked: what it refuses costs the whole transaction."""

from __future__ import annotations

import duckdb

from domain.kernel.errors import ValueRejected
from domain.migrations.transfer import TableCopy
from infra.connectors.duckdb.capabilities import DEFAULT_SCHEMA
from infra.connectors.duckdb.session import qualified
from infra.connectors.files.session import first_row
from infra.connectors.sql.text import quoted

_KEYS = """
SELECT constraint_column_names FROM duckdb_constraints() WHERE constraint_type IN ('PRIMARY KEY', 'UNIQUE')
    AND database_name = current_database() AND lower(schema_name) = lower($1) AND lower(table_name) = lower($2)
"""
_INDEXES = """
SELECT CAST(expressions AS VARCHAR[]) FROM duckdb_indexes() WHERE is_unique
    AND database_name = current_database() AND lower(schema_name) = lower($1) AND lower(table_name) = lower($2)
"""


def refuse_duplicates(connection: duckdb.DuckDBPyConnection, copy: TableCopy, incoming: str) -> None:
    """Look for rows of a query in the table, by each of its keys; NULL is equal to nothing.

    Raises:
        ValueRejected: a row with the key of one of them is there.
    """
    place = (copy.target.schema or DEFAULT_SCHEMA, copy.target.name)
    copied = {column.target.lower() for column in copy.columns}
    keys = [
        [quoted(name) for name in names]
        for (names,) in connection.execute(_KEYS, place).fetchall()
        if {name.lower() for name in names} <= copied
    ]
    keys += [expressions for (expressions,) in connection.execute(_INDEXES, place).fetchall()]
    for key in keys:
        names = [f"k{number}" for number in range(len(key))]
        parts = ", ".join(f"({part}) AS {name}" for part, name in zip(key, names, strict=True))
        sql = (
            f"SELECT 1 FROM (SELECT {parts} FROM {qualified(copy.target)}) JOIN (SELECT {parts} FROM ({incoming})) "
            f"USING ({', '.join(names)}) LIMIT 1"
        )
        if first_row(connection, sql) is not None:
            raise ValueRejected(f"{copy.target} refused it: its key ({', '.join(key)}) is taken by a row before it")
