"""Cutting a table into chunks: by row number, or by key where a table has none (WITHOUT ROWID)."""

from __future__ import annotations

import sqlite3

from domain.catalog.model import TableName
from domain.kernel.values import Rows
from domain.migrations.transfer import Chunk, ChunkScope, KeyRange, PhysicalRange, TableCopy, WholeTable
from infra.connectors.sql.text import quoted
from infra.connectors.sqlite.columns import LOWEST_NUMBER, row_number_name


def split_table(
    connection: sqlite3.Connection, copy: TableCopy, rows_max: int, known_rows: int | None = None
) -> tuple[Chunk, ...]:
    """Cut a table into disjoint chunks of about `rows_max` rows that cover it; they are counted if they are not known.

    Raises:
        ObjectMissing: there is no such table.
    """
    number = row_number_name(connection, copy.source.name)
    sql = f"SELECT count(*) FROM {quoted(copy.source.name)}"
    rows = int(connection.execute(sql).fetchone()[0]) if known_rows is None else known_rows
    scopes: list[ChunkScope] = [WholeTable()]
    if number and rows > rows_max:
        scopes = _by_number(connection, copy.source, number, rows_max, rows)
    elif not number and rows > rows_max and copy.key:
        scopes = _by_key(connection, copy, rows_max)
    share = -(-rows // len(scopes))
    return tuple(Chunk(copy.number, place, scope, Rows(share)) for place, scope in enumerate(scopes))


def _by_number(
    connection: sqlite3.Connection, table: TableName, number: str, rows_max: int, rows: int
) -> list[ChunkScope]:
    """Cut at every `rows_max`-th row number; the ends are open, so rows outside them belong somewhere too."""
    starts = [LOWEST_NUMBER]
    column = f"{quoted(table.name)}.{number}"
    sql = f"SELECT (SELECT min({column}) FROM {quoted(table.name)}), (SELECT max({column}) FROM {quoted(table.name)})"
    lowest, highest = connection.execute(sql).fetchone()
    if highest - lowest + 1 == rows:  # no number is missing, so where to cut needs no search
        starts += range(lowest + rows_max, highest + 1, rows_max)
        return _between(starts)
    # The first cut stands `rows_max` rows after the first row, each other one as many after the last cut.
    sql = f"SELECT {column} FROM {quoted(table.name)} WHERE {column} >= ? ORDER BY {column} LIMIT 1 OFFSET ?"
    while (found := connection.execute(sql, (starts[-1], rows_max)).fetchone()) is not None:
        starts.append(found[0])
    return _between(starts)


def _between(starts: list[int]) -> list[ChunkScope]:
    ends: list[int | None] = [*starts[1:], None]
    return [PhysicalRange(first, last) for first, last in zip(starts, ends, strict=True)]


def _by_key(connection: sqlite3.Connection, copy: TableCopy, rows_max: int) -> list[ChunkScope]:
    """Cut at every `rows_max`-th key, if keys are integers and texts; other values have no portable bound."""
    table = quoted(copy.source.name)
    key = ", ".join(f"{table}.{quoted(column)}" for column in copy.key)
    marks = ", ".join("?" for _ in copy.key)
    bounds: list[tuple[int | str, ...]] = []
    bound: tuple[int | str, ...] = ()
    where = ""
    while True:
        sql = f"SELECT {key} FROM {table}{where} ORDER BY {key} LIMIT 1 OFFSET ?"
        found = connection.execute(sql, (*bound, rows_max - 1)).fetchone()
        if found is None:
            break
        if not all(isinstance(value, int | bytearray) for value in found):
            return [WholeTable()]
        try:
            bound = tuple(value.decode() if isinstance(value, bytearray) else value for value in found)
        except UnicodeDecodeError:
            return [WholeTable()]
        bounds.append(bound)
        where = f" WHERE ({key}) > ({marks})"
    afters: list[tuple[int | str, ...] | None] = [None, *bounds]
    uptos: list[tuple[int | str, ...] | None] = [*bounds, None]
    return [KeyRange(after, upto) for after, upto in zip(afters, uptos, strict=True)]
