"""How large the rows of a table are, and so how many are asked for at once.

DuckDB reads a vector of up to 2,048 rows at once. Of values that it stores as they are, a range of row numbers is
read alone; of values that it has compressed by ZSTD, the whole vector is unpacked whatever the range.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from domain.catalog.model import TableName
from domain.catalog.types import Carrier, LogicalType, carrier
from domain.migrations.digests import DigestColumn
from domain.migrations.transfer import ChunkScope, KeyRange, PhysicalRange, WholeTable
from infra.connectors.arrow import BATCH_BYTES_MAX, BATCH_ROWS_MAX
from infra.connectors.duckdb.capabilities import VECTOR_BYTES_MAX, VECTOR_ROWS
from infra.connectors.duckdb.session import qualified
from infra.connectors.duckdb.types import is_nested
from infra.connectors.sql.text import literal, quoted

_COUNTED = frozenset({"VARCHAR", "JSON", "BLOB"})
_UNBOUNDED = ("BIGNUM", "BIT", "ENUM", "GEOMETRY")
_FIXED_BYTES = 8
_READ_BYTES_MAX = 4 * BATCH_BYTES_MAX
_WINDOW_BYTES = VECTOR_BYTES_MAX // 2


@dataclass(frozen=True)
class RowSizes:
    """Bytes of a table's rows: no row has more than `largest`. `average` is 0 if it is not known.

    `packed` is how many rows' large values are compressed together, none if they lie as they are.
    """

    largest: int
    average: int
    packed: int = 0

    @property
    def has_large(self) -> bool:
        """Whether a vector of the largest rows would be too much."""
        return self.largest * VECTOR_ROWS > VECTOR_BYTES_MAX

    @property
    def are_mostly_large(self) -> bool:
        """Whether most vectors are too much."""
        return self.average * VECTOR_ROWS > VECTOR_BYTES_MAX

    @property
    def batch_rows(self) -> int:
        """Rows of a batch: as many of the largest as may be held at once, as the next one is made meanwhile."""
        return max(1, min(BATCH_ROWS_MAX, _READ_BYTES_MAX // max(1, self.largest)))


@dataclass(frozen=True)
class Window:
    """Rows that are read by one statement, in batches of so many."""

    scope: ChunkScope
    batch_rows: int


class KnownSizes:
    """What is known of the rows of tables while they stay as they are, as in a file that is open to be read."""

    def __init__(self) -> None:
        self._known: dict[tuple[TableName, tuple[DigestColumn, ...]], RowSizes | None] = {}

    def of(
        self, connection: duckdb.DuckDBPyConnection, table: TableName, columns: tuple[DigestColumn, ...]
    ) -> RowSizes | None:
        """Return the sizes of rows, nothing where what DuckDB keeps beside its values does not tell them.

        Raises:
            duckdb.Error: there is no such table.
        """
        asked = (table, columns)
        if asked not in self._known:
            self._known[asked] = _stored_sizes(connection, table, columns)
        return self._known[asked]


def _stored_sizes(
    connection: duckdb.DuckDBPyConnection, table: TableName, columns: tuple[DigestColumn, ...]
) -> RowSizes | None:
    fixed = _FIXED_BYTES * len(columns)
    large = [column for column in columns if _is_large(column.native)]
    if not large:
        return RowSizes(fixed, fixed)
    kept = None
    if all(column.native in _COUNTED for column in large):
        kept = _kept(connection, table, [column.name for column in large])
    return kept and RowSizes(fixed + kept.largest, fixed + kept.average, kept.packed)


def _kept(connection: duckdb.DuckDBPyConnection, table: TableName, names: list[str]) -> RowSizes | None:
    """Return what the statistics of the stored segments say of these columns together, if all of them say it."""
    columns = ", ".join(literal(name.lower()) for name in names)
    found = connection.execute(
        "SELECT max(CAST(stats.max_string_length AS UBIGINT)), sum(CAST(stats.total_string_length AS UBIGINT)),"
        " sum(count), max(CASE WHEN compression = 'ZSTD' THEN count ELSE 0 END),"
        " bool_and(stats.max_string_length IS NOT NULL AND stats.total_string_length IS NOT NULL AND NOT has_updates)"
        f" FROM pragma_storage_info({literal(qualified(table))})"
        f" WHERE segment_type <> 'VALIDITY' AND lower(column_name) IN ({columns}) GROUP BY lower(column_name)"
    ).fetchall()
    if len(found) < len(names) or not all(is_known for *_, is_known in found):
        return None
    average = sum(total // max(1, rows) for _, total, rows, _, _ in found)
    return RowSizes(sum(largest for largest, *_ in found), int(average), max(packed for *_, packed, _ in found))


def windows(
    connection: duckdb.DuckDBPyConnection,
    table: TableName,
    columns: tuple[DigestColumn, ...],
    scope: ChunkScope,
    stored: RowSizes | None,
) -> Iterator[Window]:
    """Cut a chunk with very large rows into parts that are read one after the other; a chunk of others is one part.

    Raises:
        duckdb.Error: the rows could not be looked at.
    """
    if stored is not None and stored.are_mostly_large:
        yield from _even_parts(connection, table, scope, stored)
        return
    rows_sql = f"{qualified(table)} AS source{condition(scope)}"
    sizes = stored or _measured(connection, rows_sql, columns)
    if not sizes.has_large:
        yield Window(scope, sizes.batch_rows)
        return
    found = connection.execute(
        f"SELECT min(number), max(number) FROM (SELECT source.rowid AS number,"
        f" sum({_size_sql(columns)}) OVER (ORDER BY source.rowid) // {BATCH_BYTES_MAX} AS part FROM {rows_sql})"
        " GROUP BY part ORDER BY 1"
    ).fetchall()
    for first, last in found:
        yield Window(PhysicalRange(first, last + 1), BATCH_ROWS_MAX)


def digest_windows(
    connection: duckdb.DuckDBPyConnection, table: TableName, stored: RowSizes | None, rows_max: int
) -> Iterator[Window]:
    """Cut a table of very large rows into parts that are digested one after the other; any other is one part.

    Raises:
        duckdb.Error: the rows could not be looked at.
    """
    if stored is None:
        yield Window(WholeTable(), rows_max)
    elif stored.are_mostly_large:
        yield from _even_parts(connection, table, WholeTable(), stored)
    else:
        yield Window(WholeTable(), min(rows_max, max(VECTOR_ROWS, stored.batch_rows)))


def _even_parts(
    connection: duckdb.DuckDBPyConnection, table: TableName, scope: ChunkScope, sizes: RowSizes
) -> Iterator[Window]:
    """Cut by row number alone: to look at the values would be to hold them."""
    [(first, last)] = connection.execute(
        "SELECT coalesce(min(source.rowid), 0), coalesce(max(source.rowid), -1)"
        f" FROM {qualified(table)} AS source{condition(scope)}"
    ).fetchall()
    rows = min(VECTOR_ROWS, sizes.packed) or max(1, _WINDOW_BYTES // sizes.largest)
    for start in range(first - first % rows, last + 1, rows):
        yield Window(PhysicalRange(max(first, start), min(start + rows, last + 1)), sizes.batch_rows)


def _measured(connection: duckdb.DuckDBPyConnection, rows_sql: str, columns: tuple[DigestColumn, ...]) -> RowSizes:
    [(largest,)] = connection.execute(f"SELECT coalesce(max({_size_sql(columns)}), 1) FROM {rows_sql}").fetchall()
    return RowSizes(int(largest), 0)


def _is_large(native: str) -> bool:
    """Whether values of a type may be of any size."""
    return native in _COUNTED or native.startswith(_UNBOUNDED) or is_nested(native)


def _size_sql(columns: tuple[DigestColumn, ...]) -> str:
    """Return the expression of a row's size in bytes."""
    large = (
        _value_size_sql(f"source.{quoted(column.name)}", column.type) for column in columns if _is_large(column.native)
    )
    return " + ".join([str(_FIXED_BYTES * len(columns)), *large])


def _value_size_sql(column: str, type_: LogicalType) -> str:
    if carrier(type_) is Carrier.BYTES:
        return f"coalesce(octet_length(CAST({column} AS BLOB)), 0)"
    return f"coalesce(strlen(CAST({column} AS VARCHAR)), 0)"


def condition(scope: ChunkScope) -> str:
    """Return the WHERE clause of a chunk of the table called `source`.

    Raises:
        ValueError: the chunk is none that `split_table` makes.
    """
    match scope:
        case WholeTable():
            return ""
        case PhysicalRange(first=first, last=last):
            end = "" if last is None else f" AND source.rowid < {int(last)}"
            return f" WHERE source.rowid >= {int(first)}{end}"
        case KeyRange():
            raise ValueError("DuckDB cuts tables by row number, not by key")
