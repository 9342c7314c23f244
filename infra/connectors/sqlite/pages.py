"""Reading a table's rows by the pages of the file, without SQL: for the C helper, where the file allows it.

Only what the catalogue says is decided here. Whether the file itself is such that its pages may be read, and every
row that is not as expected, is the helper's to see; it goes on by SQL then.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.connectors.sql.text import quoted
from infra.connectors.sqlite.columns import (
    LOWEST_NUMBER,
    ORDINARY,
    column_rows,
    row_number_column,
    row_number_name,
    texts,
)
from infra.connectors.sqlite.driver import Connection
from infra.connectors.sqlite.types import Affinity, affinity

if TYPE_CHECKING:
    from infra.connectors.native._native import Walk


@dataclass(frozen=True)
class Pages:
    """Where a table's rows lie: its first page, the quoted name of its row numbers, the columns as they are stored."""

    root: int
    number: str
    columns: tuple[tuple[int, bool], ...]
    """The place of each in a row, -1 if it is the row number; whether whole numbers in it are doubles."""

    def condition(self, first: int = LOWEST_NUMBER, end: int | None = None) -> tuple[str, tuple[int, ...]]:
        """Return the WHERE clause of some rows and what it binds; the helper goes on by the first of these."""
        if end is None:
            return f" WHERE {self.number} >= ?", (first,)
        return f" WHERE {self.number} >= ? AND {self.number} < ?", (first, end)

    def walk(self, first: int = LOWEST_NUMBER, end: int | None = None) -> Walk:
        """Return what the helper is told of these rows."""
        return (self.root, first, end, self.columns)


def pages_of(connection: sqlite3.Connection, table: str, columns: Sequence[str]) -> Pages | None:
    """Return where some columns of a table lie; nothing if its rows have no numbers, or columns are computed."""
    if not isinstance(connection, Connection) or connection.native is None:
        return None
    rows = column_rows(connection, table)
    number = row_number_name(connection, table) if rows else ""
    root = _root_page(connection, table)
    if not number or root is None or any(row.hidden != ORDINARY for row in rows):
        return None
    numbered = row_number_column(connection, table, rows)
    places = {
        row.name: (-1 if row.name == numbered else place, affinity(row.declared) is Affinity.REAL)
        for place, row in enumerate(rows)
    }
    if not places.keys() >= set(columns):
        return None
    return Pages(root, f"{quoted(table)}.{number}", tuple(places[column] for column in columns))


def _root_page(connection: Connection, table: str) -> int | None:
    """Return a table's first page, or nothing; looked up for all of them at once, as their names have no index."""
    (version,) = connection.execute("PRAGMA main.schema_version").fetchone()
    if connection.roots[0] != version:
        found = texts(connection, "SELECT name, rootpage FROM main.sqlite_schema WHERE type = 'table' AND rootpage > 1")
        connection.roots = version, {str(name): int(page or 0) for name, page in found}
    return connection.roots[1].get(table)
