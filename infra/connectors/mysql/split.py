"""Cutting a table into chunks along a key."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from domain.catalog.types import Binary, Integer
from domain.kernel.values import Rows
from domain.migrations.transfer import Chunk, KeyRange, TableCopy, WholeTable
from infra.connectors.mysql.catalogue import row_estimate
from infra.connectors.mysql.names import quoted, quoted_list, table_sql
from infra.connectors.mysql.scope import KeyColumn, KeyValue, above, key_columns
from infra.connectors.mysql.select import selected

if TYPE_CHECKING:
    from infra.connectors.mysql.wire import BulkConnection

_DENSITY_MIN = 0.5
"""From this share of used numbers on, parts of an integer key are computed and not asked for."""

_STALLS_MAX = 4
"""After so many halvings that change nothing there is no index that could tell the halves apart."""

Bound = tuple[KeyValue, ...]

CHUNKS_MAX = 100_000
"""A table is never cut into more chunks; `rows_max` grows instead."""


@dataclass(frozen=True)
class _Span:
    """Integer key values above `after` up to `upto`, and how many rows the index expects there."""

    after: int
    upto: int
    rows: int
    stalls: int = 0
    """Halvings in a row that changed nothing of what is expected."""


def split(connection: BulkConnection, copy: TableCopy, rows_max: int) -> tuple[Chunk, ...]:
    """Cut a table into chunks of about `rows_max` rows; one chunk if it has no key to cut it by."""
    rows_max = max(rows_max, copy.row_estimate // CHUNKS_MAX, 1)
    key = key_columns(copy)
    if not key or _may_be_null(connection, copy):
        return (_whole(copy),)
    if len(key) == 1 and isinstance(key[0].type, Integer):
        cuts, rows = _cuts_by_estimate(connection, copy, key[0], rows_max)
    else:
        cuts, rows = _cuts_by_walk(connection, copy, key, rows_max)
    if not cuts:
        return (_whole(copy),)
    bounds: list[Bound | None] = [None, *cuts, None]
    return tuple(
        Chunk(copy.number, number, KeyRange(after, upto), Rows(rows))
        for number, (after, upto) in enumerate(pairwise(bounds))
    )


def _whole(copy: TableCopy) -> Chunk:
    return Chunk(copy.number, 0, WholeTable(), copy.row_estimate)


def _may_be_null(connection: BulkConnection, copy: TableCopy) -> bool:
    """Whether a key column may hold NULL, which lies in no key range."""
    names = ", ".join("%s" for _ in copy.key)
    found = connection.fetch(
        "SELECT COUNT(*) FROM information_schema.columns WHERE is_nullable = 'NO' AND table_schema = "
        f"COALESCE(NULLIF(%s, ''), DATABASE()) AND table_name = %s AND column_name IN ({names})",
        (copy.source.schema, copy.source.name, *copy.key),
    )
    return int(found[0][0]) != len(copy.key)


def _cuts_by_estimate(
    connection: BulkConnection, copy: TableCopy, column: KeyColumn, rows_max: int
) -> tuple[list[Bound], int]:
    """Cut the range of an integer key into parts of no more than about `rows_max` rows.

    If most numbers are used, `rows_max` numbers make a part. Otherwise the range is halved until the
    index expects no more than that in each part.

    The estimates are dives into the index: a table of any size is cut in about twice as many
    questions as it gets chunks, and gaps in the numbers cost nothing. InnoDB expects no more than
    half of the table in any part of it, so the first number is that of the whole table and a few
    halvings may seem to change nothing.
    """
    name, table = quoted(column.name), table_sql(copy.source)
    lowest, highest = connection.fetch(f"SELECT MIN({name}), MAX({name}) FROM {table}")[0]
    if lowest is None:
        return [], 0
    first = int(lowest) - 1
    rows = row_estimate(connection, copy.source)
    if rows >= (int(highest) - first) * _DENSITY_MIN:
        return [(cut,) for cut in range(first + rows_max, int(highest), rows_max)], min(rows_max, rows)
    expected = _expected_rows(connection, copy, column, first, int(highest))
    pending = [_Span(first, int(highest), max(rows, expected + 1))]
    parts: list[_Span] = []
    while pending:
        span = pending.pop()
        if span.rows <= rows_max or span.upto - span.after <= 1 or len(parts) + len(pending) >= CHUNKS_MAX:
            parts.append(span)
            continue
        middle = (span.after + span.upto) // 2
        expected_rows = [
            _expected_rows(connection, copy, column, after, upto)
            for after, upto in ((span.after, middle), (middle, span.upto))
        ]
        stalls = span.stalls + 1 if min(expected_rows) >= span.rows else 0
        if stalls > _STALLS_MAX:
            parts.append(span)
            continue
        pending.append(_Span(middle, span.upto, expected_rows[1], stalls))
        pending.append(_Span(span.after, middle, expected_rows[0], stalls))
    joined = _joined(parts, rows_max)
    return [(span.upto,) for span in joined[:-1]], max(span.rows for span in joined)


def _joined(parts: list[_Span], rows_max: int) -> list[_Span]:
    """Join neighbours, given in order, that fit into one chunk together."""
    joined = [parts[0]]
    for part in parts[1:]:
        last = joined[-1]
        if last.rows + part.rows <= rows_max:
            joined[-1] = _Span(last.after, part.upto, last.rows + part.rows)
        else:
            joined.append(part)
    return joined


def _expected_rows(connection: BulkConnection, copy: TableCopy, column: KeyColumn, after: int, upto: int) -> int:
    """Ask the optimiser how many rows have a key above `after` up to `upto`."""
    name = quoted(column.name)
    plan = connection.fetch(
        f"EXPLAIN FORMAT=TRADITIONAL SELECT {name} "
        f"FROM {table_sql(copy.source)} WHERE {name} > {after} AND {name} <= {upto}"
    )
    rows = plan[0][_EXPLAIN_ROWS[len(plan[0])]]
    return int(rows or 0)


_EXPLAIN_ROWS = {10: 8, 12: 9}
"""Place of the row estimate in EXPLAIN's answer, by the number of its columns: MariaDB's, MySQL's."""


def _cuts_by_walk(
    connection: BulkConnection, copy: TableCopy, key: tuple[KeyColumn, ...], rows_max: int
) -> tuple[list[Bound], int]:
    """Walk along the index and note the key of every `rows_max`-th row."""
    table, order = table_sql(copy.source), quoted_list(copy.key)
    natives = {column.source: column.source_native for column in copy.columns}
    values = ", ".join(_bound_sql(column, natives[column.name]) for column in key)
    cuts: list[Bound] = []
    while len(cuts) < CHUNKS_MAX:
        where = f" WHERE {above(key, cuts[-1])}" if cuts else ""
        found = connection.fetch(f"SELECT {values} FROM {table}{where} ORDER BY {order} LIMIT 1 OFFSET {rows_max - 1}")
        if not found:
            break
        cuts.append(tuple(_bound_value(column, value) for column, value in zip(key, found[0], strict=True)))
    if cuts and not connection.fetch(f"SELECT 1 FROM {table} WHERE {above(key, cuts[-1])} LIMIT 1"):
        cuts.pop()
    return cuts, rows_max


def _bound_sql(column: KeyColumn, native: str) -> str:
    if isinstance(column.type, Binary):
        return f"LOWER(HEX({quoted(column.name)}))"
    return f"CAST({selected(column.name, native, column.type).sql} AS CHAR)"


def _bound_value(column: KeyColumn, value: object) -> KeyValue:
    return int(str(value)) if isinstance(column.type, Integer) else str(value)
