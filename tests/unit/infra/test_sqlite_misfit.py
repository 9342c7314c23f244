"""What SQL alone, or an earlier look, rules out in a SQLite column is really not there."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.catalog.model import TableName
from domain.catalog.types import Decimal, Float, Integer, Json, LogicalType, Text
from domain.migrations.limits import (
    Characters,
    Digits,
    Finite,
    Limit,
    NoNul,
    NoNulEscape,
    Octets,
    Present,
    Value,
    Whole,
    fits,
)
from domain.migrations.misfits import ColumnLimit
from domain.migrations.transfer import ColumnCopy, TableCopy
from infra.connectors.sqlite import values
from infra.connectors.sqlite.driver import Connection
from infra.connectors.sqlite.misfit import profile_table
from infra.connectors.sqlite.profile import profile_table as look_at
from infra.connectors.sqlite.values import Misfit, Stored

HELD = TableName("held")
LIMITS: tuple[tuple[LogicalType, Limit], ...] = (
    *((Integer(64), limit) for limit in (Whole(-5, 5), Whole(-(2**63), 2**63 - 1), Whole(0, 2**64 - 1), Present())),
    *((Float(64), limit) for limit in (Finite(), Finite(infinite=True), Present())),
    *((Decimal(), limit) for limit in (Finite(), Digits(4, 2), Present())),
    *((Text(), limit) for limit in (Characters(3), Octets(4), NoNul(), Present())),
    (Json(), NoNulEscape()),
)
STORED = st.one_of(
    st.none(),
    st.integers(-9, 9) | st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text("aé漢🚢\0\\u0", max_size=6),
    st.sampled_from(
        ["NaN", "Infinity", "-Infinity", "12.5", "123.45", "\\u0000", "a\\u0000", "漢漢漢", "🚢🚢🚢", "🚢🚢🚢🚢"]
    ),
)


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16"])
@given(st.sampled_from(LIMITS), st.lists(STORED, max_size=6))
@example((Text(), Characters(3)), [0.1 + 0.2])
@example((Text(), Octets(4)), ["漢漢", "🚢🚢"])
@example((Decimal(), Finite()), ["NaN", "1.5"])
def test_as_many_values_are_beyond_a_limit_as_the_limit_itself_says(
    encoding: str, meant: tuple[LogicalType, Limit], held: list[Stored | str]
) -> None:
    type_, limit = meant
    with closing(Connection(":memory:", isolation_level=None)) as connection:
        connection.text_factory = bytearray
        connection.execute(f"PRAGMA encoding = '{encoding}'")
        connection.execute("CREATE TABLE held (value)")
        connection.executemany("INSERT INTO held VALUES (?)", [(value,) for value in held])
        expected = beyond(connection, type_, limit)
        copy = TableCopy(0, HELD, HELD, (ColumnCopy("value", "value", type_, "", ""),))
        on = ColumnLimit("value", "", type_, limit)
        if expected is None:
            return
        seen = look_at(connection, "held", {"value": ""})
        for known in (None, seen):
            found = profile_table(connection, copy, (on,), (on,), known)
            assert found.rows == len(held)
            assert found.rejected == expected
            assert sum(finding.rows for finding in found.findings) == expected


def beyond(connection: sqlite3.Connection, type_: LogicalType, limit: Limit) -> int | None:
    """Count the values beyond a limit one by one; nothing if some are not of the type at all."""
    stored = [value for (value,) in connection.execute("SELECT value FROM held")]
    try:
        carried: list[Value] = values.to_arrow(type_, stored).to_pylist()
    except Misfit:
        return None
    return sum(not fits(limit, value) for value in carried)
