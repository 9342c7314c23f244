"""Cut a table into chunks: by key ranges along an index, or else by ranges of heap pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.catalog.types import (
    Binary,
    Bits,
    Boolean,
    Carrier,
    Date,
    Decimal,
    Enumeration,
    Integer,
    Text,
    Time,
    Timestamp,
    Uuid,
    carrier,
)
from domain.kernel.values import Rows
from domain.migrations.transfer import Chunk, ChunkScope, ColumnCopy, KeyRange, PhysicalRange, TableCopy, WholeTable
from infra.connectors.postgresql import canonical
from infra.connectors.postgresql.estimate import planned_rows
from infra.connectors.postgresql.names import identifier, literal
from infra.connectors.postgresql.session import keeps_any_bytes

if TYPE_CHECKING:
    import asyncpg

    from infra.connectors.postgresql.relation import Relation

CHUNKS_MAX = 20_000
"""Most chunks of one table; a larger table gets larger chunks."""

DENSITY_MIN = 0.5
"""From this share of used numbers on, ranges of an integer key are computed and not probed."""

Bound = tuple[int | str, ...]

_ORDERED = (Integer, Decimal, Text, Date, Time, Timestamp, Uuid, Binary, Boolean, Bits, Enumeration)
"""Types whose canonical text reads back, as a literal, as the very same key."""

_HAS_INDEX = """
SELECT EXISTS (
    SELECT FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid JOIN pg_am am ON am.oid = ic.relam
    WHERE i.indrelid = $1 AND i.indisvalid AND i.indpred IS NULL AND am.amname = 'btree'
      AND (SELECT array_agg(a.attname::text ORDER BY k) FROM generate_series(0, i.indnkeyatts - 1) k
           JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k] AND a.attnotnull
           WHERE k < cardinality($2::text[]) AND i.indoption[k] & 1 = 0) = $2::text[])
"""
_PAGES = "SELECT pg_relation_size($1::oid) / current_setting('block_size')::bigint"


async def split(
    connection: asyncpg.Connection, relation: Relation, copy: TableCopy, rows_max: int
) -> tuple[Chunk, ...]:
    """Cut a table into disjoint chunks of about `rows_max` rows that cover it."""
    rows = await planned_rows(connection, relation.rows)
    step = max(rows_max, -(-rows // CHUNKS_MAX))
    scopes: list[ChunkScope] = [WholeTable()]
    if rows > rows_max:
        key = await _usable_key(connection, relation, copy)
        if key:
            scopes = await _key_ranges(connection, relation, key, rows, step)
        elif relation.has_pages:
            scopes = await _page_ranges(connection, relation, rows, step)
    estimate = Rows(min(step, rows) if len(scopes) > 1 else rows)
    return tuple(Chunk(copy.number, number, scope, estimate) for number, scope in enumerate(scopes))


def condition(copy: TableCopy, scope: ChunkScope) -> str:
    """Return the WHERE clause for the rows of a chunk, empty for a whole table."""
    match scope:
        case WholeTable():
            return ""
        case PhysicalRange(first, last):
            end = "" if last is None else f" AND ctid < '({last},0)'::tid"
            return f" WHERE ctid >= '({first},0)'::tid{end}"
        case KeyRange(after, upto):
            types = {column.source: column for column in copy.columns}
            key = tuple(types[name] for name in copy.key)
            bounds = [
                f"{_names(key)} {sign} {_values(key, bound)}" for sign, bound in ((">", after), ("<=", upto)) if bound
            ]
            return f" WHERE {' AND '.join(bounds)}" if bounds else ""


def _names(key: tuple[ColumnCopy, ...]) -> str:
    return f"({', '.join(identifier(column.source) for column in key)})"


def _values(key: tuple[ColumnCopy, ...], bound: Bound) -> str:
    """Return a bound as SQL. The literals have no type of their own, so they take that of the key's columns."""
    return f"({', '.join(_value(column, value) for column, value in zip(key, bound, strict=True))})"


def _value(column: ColumnCopy, value: int | str) -> str:
    if isinstance(column.type, Binary):
        return literal(f"\\x{value}")
    return literal(str(value))


async def _usable_key(connection: asyncpg.Connection, relation: Relation, copy: TableCopy) -> tuple[ColumnCopy, ...]:
    """Return the key's columns if an index runs along them, none can be NULL, and bounds can be read and written."""
    types = {column.source: column for column in copy.columns}
    if not copy.key or not all(name in types and isinstance(types[name].type, _ORDERED) for name in copy.key):
        return ()
    if keeps_any_bytes(connection) and any(carrier(types[name].type) is Carrier.TEXT for name in copy.key):
        return ()
    has_index = await connection.fetchval(_HAS_INDEX, relation.oid, list(copy.key))
    return tuple(types[name] for name in copy.key) if has_index else ()


async def _key_ranges(
    connection: asyncpg.Connection, relation: Relation, key: tuple[ColumnCopy, ...], rows: int, step: int
) -> list[ChunkScope]:
    if len(key) == 1 and isinstance(key[0].type, Integer):
        bounds = await _even_bounds(connection, relation, key[0], rows, step)
        if bounds is not None:
            return _between(bounds)
    return _between(await _probed_bounds(connection, relation, key, step))


async def _even_bounds(
    connection: asyncpg.Connection, relation: Relation, column: ColumnCopy, rows: int, step: int
) -> list[Bound] | None:
    """Return evenly spaced bounds if the numbers are dense: a range of `step` numbers has no more rows than that."""
    name = identifier(column.source)
    found = await connection.fetchrow(
        f"SELECT min({name})::text AS low, max({name})::text AS high FROM {relation.rows}"
    )
    if found["low"] is None:
        return []
    low, high = int(found["low"]), int(found["high"])
    if rows < (high - low + 1) * DENSITY_MIN:
        return None
    return [(bound,) for bound in range(low + step - 1, high, step)]


async def _probed_bounds(
    connection: asyncpg.Connection, relation: Relation, key: tuple[ColumnCopy, ...], step: int
) -> list[Bound]:
    """Walk along the index, `step` rows at a time. A second row tells whether anything comes after the bound.

    The bounds are selected under other names than the columns, or ORDER BY would sort by their texts.
    """
    expressions = ", ".join(f"{_bound_expression(column)} AS bound_{n}" for n, column in enumerate(key))
    order = ", ".join(f"k.{identifier(column.source)}" for column in key)
    bounds: list[Bound] = []
    while len(bounds) < CHUNKS_MAX:
        after = f" WHERE {_names(key)} > {_values(key, bounds[-1])}" if bounds else ""
        query = f"SELECT {expressions} FROM {relation.rows} k{after} ORDER BY {order} OFFSET {step - 1} LIMIT 2"
        found = await connection.fetch(query)
        if len(found) < 2:  # noqa: PLR2004 the bound and a row after it
            break
        bounds.append(
            tuple(
                int(value) if isinstance(column.type, Integer) else str(value)
                for column, value in zip(key, found[0], strict=True)
            )
        )
    return bounds


def _bound_expression(column: ColumnCopy) -> str:
    name = identifier(column.source)
    if isinstance(column.type, Binary):
        return f"encode({name}, 'hex')"
    return canonical.text(name, column.source_native, column.type)


def _between(bounds: list[Bound]) -> list[ChunkScope]:
    """Return the ranges that the bounds part: the first and the last are open."""
    if not bounds:
        return [WholeTable()]
    return [KeyRange(after, upto) for after, upto in zip([None, *bounds], [*bounds, None], strict=True)]


async def _page_ranges(connection: asyncpg.Connection, relation: Relation, rows: int, step: int) -> list[ChunkScope]:
    pages = int(await connection.fetchval(_PAGES, relation.oid))
    width = max(1, pages * step // rows)
    starts = list(range(0, pages, width))
    if len(starts) < 2:  # noqa: PLR2004 one range is the whole table
        return [WholeTable()]
    return [PhysicalRange(first, last) for first, last in zip(starts, [*starts[1:], None], strict=True)]
