"""The columns of a table of a SQLite file, and what its rows are numbered by."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from domain.kernel.errors import ErrorCode, ObjectMissing
from infra.connectors.sql.text import quoted

ORDINARY = 0
"""`hidden` of PRAGMA table_xinfo for a column that is stored as it is given."""

LOWEST_NUMBER = -(2**63)
"""The least number that a row may have."""

_ROW_NUMBER = -1
"""`cid` of PRAGMA index_xinfo for the row number."""

_NUMBER_NAMES = ("rowid", "_rowid_", "oid")


@dataclass(frozen=True)
class ColumnRow:
    """A row of PRAGMA table_xinfo."""

    name: str
    declared: str
    not_null: bool
    default: str | None
    key_place: int
    hidden: int


def texts(connection: sqlite3.Connection, sql: str) -> list[tuple[str | int | None, ...]]:
    """Run a catalogue query and decode its texts."""
    return [
        tuple(value.decode() if isinstance(value, bytearray) else value for value in row)
        for row in connection.execute(sql)
    ]


def column_rows(connection: sqlite3.Connection, table: str) -> list[ColumnRow]:
    """Return a table's columns, in order; empty if there is no such table."""
    return [
        ColumnRow(
            name=str(name),
            declared=str(declared),
            not_null=bool(not_null),
            default=None if default is None else str(default),
            key_place=int(key_place or 0),
            hidden=int(hidden or 0),
        )
        for _, name, declared, not_null, default, key_place, hidden in texts(
            connection, f"PRAGMA main.table_xinfo({quoted(table)})"
        )
    ]


def row_number_column(connection: sqlite3.Connection, table: str, columns: list[ColumnRow]) -> str:
    """Return the column that is another name of the row number (`INTEGER PRIMARY KEY`), or nothing."""
    key = [column for column in columns if column.key_place]
    if len(key) != 1 or key[0].declared.upper() != "INTEGER":
        return ""
    return "" if _key_index(connection, table) else key[0].name


def row_number_name(connection: sqlite3.Connection, table: str) -> str:
    """Return a name for a table's row numbers, or nothing if it has none or columns hide every name."""
    columns = column_rows(connection, table)
    if not columns:
        raise ObjectMissing(f"There is no table {table}.", code=ErrorCode.TABLE_NOT_FOUND)
    if _is_without_numbers(connection, table):
        return ""
    numbered = row_number_column(connection, table, columns)
    if numbered:
        return quoted(numbered)
    taken = {column.name.lower() for column in columns}
    return next((name for name in _NUMBER_NAMES if name not in taken), "")


def _is_without_numbers(connection: sqlite3.Connection, table: str) -> bool:
    """Tell whether a table is declared WITHOUT ROWID: then the index of its key has all columns, and no row number.

    `PRAGMA table_list` says it too, but goes through all tables each time.
    """
    index = _key_index(connection, table)
    parts = texts(connection, f"PRAGMA main.index_xinfo({quoted(index)})") if index else []
    return bool(parts) and all(column != _ROW_NUMBER for _, column, *_ in parts)


def _key_index(connection: sqlite3.Connection, table: str) -> str:
    """Return the name of the index that a table's key has of its own, or nothing."""
    indexes = texts(connection, f"PRAGMA main.index_list({quoted(table)})")
    return next((str(name) for _, name, _, origin, _ in indexes if origin == "pk"), "")
