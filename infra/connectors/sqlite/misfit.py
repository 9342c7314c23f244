"""Values beyond a limit, found in the values themselves: SQLite has no type that could be trusted in SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from domain.catalog.types import Float
from domain.kernel.errors import SchemaDrift
from domain.migrations.limits import (
    NUL,
    Characters,
    Filled,
    Finite,
    Limit,
    NoNul,
    NoNulEscape,
    Octets,
    Present,
    Single,
    Unpadded,
    Utf8,
    Value,
    Whole,
    fits,
)
from domain.migrations.misfits import ColumnLimit, MisfitPolicy, Profile, Treatment
from domain.migrations.sentinels import carried_sentinel
from domain.migrations.transfer import TableCopy
from infra.connectors.broken_texts import values_of
from infra.connectors.profiling import EXAMPLES_MAX, Counted, example_text
from infra.connectors.sql.text import quoted
from infra.connectors.sqlite import values
from infra.connectors.sqlite.profile import TableProfile
from infra.connectors.sqlite.values import Misfit, Stored

_ROWS = 5_000
_BYTES_MAX = 16 * 1024 * 1024
_SINGLE_WHOLE = 2**24

Mask = list[bool]
"""For each row of a batch, whether it is meant."""


def profile_table(
    connection: sqlite3.Connection,
    copy: TableCopy,
    limits: tuple[ColumnLimit, ...],
    rejecting: tuple[ColumnLimit, ...],
    seen: TableProfile | None = None,
) -> Profile:
    """Count the values beyond each limit, and name rows that hold one.

    SQL alone tells of most columns that they hold no such value, and `seen`, if an earlier look at the
    same moment gave it; of the others the rows are looked at that may hold one.

    Raises:
        SchemaDrift: a value is not of its column's type.
    """
    limits = tuple(on for on in limits if seen is None or not seen.proves(on.column, on.limit))
    all_rows, looked_at = _suspected(connection, copy, limits, seen)
    if not looked_at:
        return Counted((), (all_rows,)).profile(0, {})
    limits = tuple(looked_at)
    rejecting = tuple(on for on in rejecting if on in looked_at)
    names = [*copy.key, *(on.column for on in looked_at)]
    table = quoted(copy.source.name)
    selected = ", ".join(f"{table}.{quoted(name)}" for name in names)
    tests = " OR ".join(f"({_suspicion(on, f'{table}.{quoted(on.column)}')})" for on in limits)
    cursor = connection.execute(f"SELECT {selected} FROM {table} NOT INDEXED WHERE {tests}")
    rejected = 0
    counts = dict.fromkeys(limits, 0)
    examples: dict[ColumnLimit, tuple[str, ...]] = dict.fromkeys(limits, ())
    while stored := values.fetch_columns(cursor, _ROWS, _BYTES_MAX, range(len(names))):
        keys, columns = stored[: len(copy.key)], stored[len(copy.key) :]
        masks = {on: beyond(on, column) for on, column in zip(looked_at, columns, strict=True)}
        rejected += sum(map(any, zip(*(masks[on] for on in rejecting), strict=True)))
        for on in limits:
            counts[on] += sum(masks[on])
            wanted = EXAMPLES_MAX - len(examples[on]) if keys else 0
            examples[on] += tuple(_key_text(copy, keys, place) for place in _first(masks[on], wanted))
    return Counted(limits, (all_rows, *counts.values())).profile(rejected, examples)


def _suspected(
    connection: sqlite3.Connection, copy: TableCopy, limits: tuple[ColumnLimit, ...], seen: TableProfile | None
) -> tuple[int, list[ColumnLimit]]:
    """Count the rows, and return the limits that values may be beyond."""
    if seen is not None and not limits:
        return seen.rows, []
    table = quoted(copy.source.name)
    tests = [_suspicion(on, f"{table}.{quoted(on.column)}") for on in limits]
    wanted = ", ".join(["count(*)", *(f"max({test})" for test in tests)])
    rows, *suspected = connection.execute(f"SELECT {wanted} FROM {table}").fetchone()
    return int(rows), [on for on, is_suspected in zip(limits, suspected, strict=True) if is_suspected]


def _suspicion(on: ColumnLimit, column: str) -> str:
    """Spell a condition that every value beyond a limit fulfils, and as few others as SQL can tell apart."""
    match on.limit:
        case Finite():
            is_float = isinstance(on.type, Float)
            return f"{column} IN (9e999, -9e999)" if is_float else f"typeof({column}) IN ('text', 'blob')"
        case Single():
            return f"NOT (typeof({column}) = 'integer' AND {column} BETWEEN -{_SINGLE_WHOLE} AND {_SINGLE_WHOLE})"
        case Present():
            return f"{column} IS NULL"
        case Whole(low=low, high=high) if low > -(2**63) and high < 2**63:
            return f"NOT (typeof({column}) = 'integer' AND {column} BETWEEN {low} AND {high})"
        case _:
            return _suspicion_of_text(on.limit, column)


def _suspicion_of_text(limit: Limit, column: str) -> str:
    match limit:
        case NoNul():
            return f"instr(CAST({column} AS BLOB), x'00') > 0"
        case Utf8():
            return f"typeof({column}) = 'text'"
        case NoNulEscape():
            return f"instr(CAST({column} AS BLOB), CAST('\\u0000' AS BLOB)) > 0"
        case Filled():
            return f"{column} = ''"
        case Unpadded():
            return f"substr({column}, -1) = ' '"
        case Characters(most=most):
            # No text has more characters than bytes; a double's text is not SQLite's own.
            return f"typeof({column}) = 'real' OR length(CAST({column} AS BLOB)) > {most}"
        case Octets(most=most):
            # A file in UTF-16 holds two bytes where UTF-8 has three.
            return f"typeof({column}) = 'real' OR length(CAST({column} AS BLOB)) * 2 > {most}"
        case _:
            return "1"


def beyond(on: ColumnLimit, column: Sequence[Stored]) -> Mask:
    """Tell which stored values of a column are beyond a limit.

    Raises:
        SchemaDrift: a value is not of its column's type.
    """
    return [not fits(on.limit, value) for value in _carried(on, column)]


def kept(treatments: Iterable[Treatment], columns: dict[str, Sequence[Stored]]) -> Mask | None:
    """Tell which rows of a batch are not rejected; nothing if none can be."""
    rejecting = [beyond(each.on, columns[each.on.column]) for each in treatments if _rejects(each)]
    return [not any(row) for row in zip(*rejecting, strict=True)] if rejecting else None


def treated(name: str, column: Sequence[Stored], treatments: Iterable[Treatment]) -> Sequence[Stored]:
    """Return a column's stored values as treatments leave them."""
    for each in treatments:
        if each.on.column != name or _rejects(each):
            continue
        mask = beyond(each.on, column)
        column = [_instead(each, value) if is_beyond else value for value, is_beyond in zip(column, mask, strict=True)]
    return column


def _rejects(treatment: Treatment) -> bool:
    return treatment.policy is MisfitPolicy.REJECT


def _instead(treatment: Treatment, value: Stored) -> Stored:
    if treatment.policy is MisfitPolicy.STRIP and isinstance(value, bytearray):
        is_broken = isinstance(treatment.on.limit, Utf8)
        return bytearray(value.decode(errors="ignore").encode()) if is_broken else value.replace(NUL.encode(), b"")
    if treatment.policy is MisfitPolicy.SENTINEL:
        sentinel = carried_sentinel(treatment.on.type, treatment.sentinel)
        return bytearray(sentinel.encode()) if isinstance(sentinel, str) else sentinel
    return None


def _carried(on: ColumnLimit, column: Sequence[Stored]) -> list[Value]:
    try:
        carried: list[Value] = values_of(values.to_arrow(on.type, column))
    except Misfit as error:
        raise SchemaDrift(f"Column {on.column} holds a value that is not of its type: {error}.") from error
    return carried


def _first(mask: Mask, wanted: int) -> list[int]:
    return [place for place, is_meant in enumerate(mask) if is_meant][:wanted]


def _key_text(copy: TableCopy, keys: Sequence[Sequence[Stored]], place: int) -> str:
    return example_text(copy.key, [_shown(column[place]) for column in keys])


def _shown(value: Stored) -> object:
    return value.decode(errors="replace") if isinstance(value, bytearray) else value
