"""One pass over a chunk of a table, in Arrow batches: by the C helper where it can work, or in Python."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn, Protocol

import pyarrow as pa

from domain.catalog.mixed import MIXED
from domain.catalog.types import Opaque, Text
from domain.kernel.errors import ObjectMissing, SchemaDrift
from domain.migrations.transfer import (
    Batch,
    ChunkScope,
    ColumnCopy,
    KeyRange,
    PhysicalRange,
    TableCopy,
    WholeTable,
)
from infra.connectors.arrow import BATCH_BYTES_MAX, BATCH_ROWS_MAX, arrow_schema
from infra.connectors.sql.text import quoted
from infra.connectors.sqlite import values
from infra.connectors.sqlite.columns import LOWEST_NUMBER, row_number_name
from infra.connectors.sqlite.driver import driver_errors, handle_of
from infra.connectors.sqlite.mixed import selected
from infra.connectors.sqlite.pages import pages_of
from infra.connectors.sqlite.shapes import carried_shapes
from infra.connectors.sqlite.values import Misfit, Present, Stored

if TYPE_CHECKING:
    from infra.connectors.native._native import Shape, SqliteHandle, Walk


class ChunkReading(Protocol):
    """One pass over a chunk."""

    def next_batch(self, connection: sqlite3.Connection, /) -> Batch | None:
        """Return the next rows, nothing after the last.

        Raises:
            SchemaDrift: a value is of no type that the column had when it was analysed.
        """
        ...

    def close(self, connection: sqlite3.Connection, /) -> None:
        """End the pass."""
        ...


def open_reading(connection: sqlite3.Connection, copy: TableCopy, scope: ChunkScope) -> ChunkReading:
    """Begin a pass over a chunk.

    Raises:
        SchemaDrift: a table or column is no longer there.
    """
    table = quoted(copy.source.name)
    columns = ", ".join(selected(f"{table}.{quoted(column.source)}", column.type) for column in copy.columns)
    is_mixed = any(column.type == MIXED for column in copy.columns)
    where, bounds = condition(connection, copy, scope)
    handle, shapes = handle_of(connection), carried_shapes(column.type for column in copy.columns)
    walk = None
    if handle and shapes and not is_mixed and (ends := _ends(scope)) is not None:
        pages = pages_of(connection, copy.source.name, [column.source for column in copy.columns])
        if pages is not None:
            (where, bounds), walk = pages.condition(*ends), pages.walk(*ends)
    sql = f"SELECT {columns} FROM {table}{where}"
    try:
        if handle and shapes:
            return _NativeReading(handle, copy, sql, bounds, shapes, walk)
        return _PlainReading(connection, copy, sql, bounds)
    except sqlite3.OperationalError as error:
        if "no such" in str(error):
            raise SchemaDrift(f"Table {copy.source} is no longer as it was planned: {error}.") from error
        raise


def _ends(scope: ChunkScope) -> tuple[int, int | None] | None:
    """Return the first row number of a chunk and the one it ends before; nothing if it is cut by a key."""
    match scope:
        case WholeTable():
            return LOWEST_NUMBER, None
        case PhysicalRange(first=first, last=last):
            return first, last
        case _:
            return None


class _NativeReading:
    """A pass by the C helper, which asks here about values of no usual spelling."""

    def __init__(
        self,
        handle: SqliteHandle,
        copy: TableCopy,
        sql: str,
        bounds: Sequence[int | str],
        shapes: Sequence[Shape],
        walk: Walk | None,
    ) -> None:
        from infra.connectors.native import _native  # noqa: PLC0415 - only where it could be built

        self._schema = arrow_schema(copy)

        def carried(place: int, value: Present) -> object:
            column = copy.columns[place]
            try:
                found = values.to_arrow(column.type, [value])
                return (found.cast(pa.large_binary()) if isinstance(column.type, Text | Opaque) else found)[0].as_py()
            except Misfit as error:
                _raise_drift(copy, column, error)

        with driver_errors():
            self._rows = _native.SqliteRows(handle, sql, bounds, shapes, carried, walk)

    def next_batch(self, _: sqlite3.Connection) -> Batch | None:
        """Return the next rows, nothing after the last."""
        with driver_errors():
            rows, _size, taken = self._rows.take(BATCH_ROWS_MAX, BATCH_BYTES_MAX)
        if not rows:
            return None
        batch = pa.RecordBatch.from_arrays(pa.record_batch(taken).columns, schema=self._schema)
        return Batch(rows, batch.nbytes, batch)

    def close(self, _: sqlite3.Connection) -> None:
        """End the pass."""
        self._rows.close()


class _PlainReading:
    """A pass in Python."""

    def __init__(self, connection: sqlite3.Connection, copy: TableCopy, sql: str, bounds: Sequence[int | str]) -> None:
        self._copy = copy
        self._schema = arrow_schema(copy)
        self._large = values.large_places([column.type for column in copy.columns])
        self._cursor = connection.execute(sql, bounds)

    def next_batch(self, _: sqlite3.Connection) -> Batch | None:
        """Return the next rows, nothing after the last."""
        stored = values.fetch_columns(self._cursor, BATCH_ROWS_MAX, BATCH_BYTES_MAX, self._large)
        if not stored:
            return None
        arrays = [self._array(column, part) for column, part in zip(self._copy.columns, stored, strict=True)]
        batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        return Batch(batch.num_rows, batch.nbytes, batch)

    def _array(self, column: ColumnCopy, stored: Sequence[Stored]) -> pa.Array:
        try:
            return values.to_arrow(column.type, stored)
        except Misfit as error:
            _raise_drift(self._copy, column, error)

    def close(self, _: sqlite3.Connection) -> None:
        """End the pass."""
        self._cursor.close()


def _raise_drift(copy: TableCopy, column: ColumnCopy, error: Misfit) -> NoReturn:
    raise SchemaDrift(
        f"Column {column.source} of {copy.source} holds what it did not hold when it was analysed:"
        f" {error}. Analyse the file again."
    ) from error


def condition(connection: sqlite3.Connection, copy: TableCopy, scope: ChunkScope) -> tuple[str, tuple[int | str, ...]]:
    """Return the WHERE clause of a chunk and what it binds."""
    table = quoted(copy.source.name)
    match scope:
        case WholeTable():
            return "", ()
        case PhysicalRange(first=first, last=last):
            number = row_number_name(connection, copy.source.name)
            if not number:
                raise ObjectMissing(f"Table {copy.source} has no row numbers any more.")
            if last is None:
                return f" WHERE {table}.{number} >= ?", (first,)
            return f" WHERE {table}.{number} >= ? AND {table}.{number} < ?", (first, last)
        case KeyRange(after=after, upto=upto):
            key = ", ".join(f"{table}.{quoted(column)}" for column in copy.key)
            marks = ", ".join("?" for _ in copy.key)
            parts = []
            if after is not None:
                parts.append(f"({key}) > ({marks})")
            if upto is not None:
                parts.append(f"({key}) <= ({marks})")
            where = f" WHERE {' AND '.join(parts)}" if parts else ""
            return where, (after or ()) + (upto or ())
