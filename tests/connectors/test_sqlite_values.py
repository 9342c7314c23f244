"""In a SQLite file the stored values decide what a column is, and every one of them is kept."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.catalog.model import Table
from domain.catalog.types import (
    Binary,
    Boolean,
    Date,
    Decimal,
    Float,
    Integer,
    Json,
    LogicalType,
    Text,
    Time,
    Timestamp,
    Uuid,
)
from domain.connections.values import Endpoint, Engine
from domain.migrations.canonical import digest_rows
from infra.connectors.sqlite.connector import CONNECTOR
from tests.connectors.lab import Lab, Row, copy_of, digest_columns, read_rows, whole

Stored = int | float | str | bytes | None


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(Engine.SQLITE, Endpoint(Engine.SQLITE, path=str(tmp_path / "file.db")), CONNECTOR)


def make(lab: Lab, declared: str, values: list[Stored]) -> None:
    """Make a table of one column that holds these values."""
    with closing(sqlite3.connect(lab.endpoint.path)) as connection:
        connection.execute("DROP TABLE IF EXISTS held")
        connection.execute(f"CREATE TABLE held (value {declared})")
        connection.executemany("INSERT INTO held VALUES (?)", [(value,) for value in values])
        connection.commit()


async def found_and_read(lab: Lab) -> tuple[Table, list[Row]]:
    """Look at the table, read it, and check that its digest is that of what was read."""
    async with lab.source() as source:
        (table,) = (await source.introspect()).tables
        copy = copy_of(table, table)
        rows = await read_rows(source, copy, whole(copy))
        assert await source.digest(table.name, digest_columns(copy)) == digest_rows([table.columns[0].type], rows)
    return table, rows


@pytest.mark.parametrize(
    ("declared", "values", "type_", "read"),
    [
        ("INTEGER", [1, None, -(2**63), 2**63 - 1], Integer(64), None),
        ("INT", ["abc", 5], Text(), ["abc", "5"]),
        ("INTEGER", [1.5, 2], Float(64), [1.5, 2.0]),
        ("INTEGER", [1.5, 2**60], Text(), ["1.5", str(2**60)]),
        ("", [1, 2], Integer(64), None),
        ("REAL", [1, 2.5, float("inf")], Float(64), [1.0, 2.5, float("inf")]),
        ("BOOLEAN", [0, 1, None], Boolean(), [False, True, None]),
        ("BOOLEAN", [0, 1, 2], Integer(64), None),
        ("BOOLEAN", [0, "true"], Text(), ["0", "true"]),
        ("DATE", ["2024-02-29", "0001-01-01"], Date(), None),
        ("DATE", ["2024-02-30"], Text(), None),
        ("DATE", ["0000-00-00"], Text(), None),
        ("DATE", ["2024-02-29 00:00:00"], Timestamp(), ["2024-02-29 00:00:00.000000"]),
        ("DATE", [1700000000], Integer(64), None),
        (
            "DATETIME",
            ["2024-02-29 12:00:00", "2024-02-29T12:00:00.5", None],
            Timestamp(),
            ["2024-02-29 12:00:00.000000", "2024-02-29 12:00:00.500000", None],
        ),
        ("TIMESTAMP", ["2013-01-01T10:00:00Z"], Timestamp(zoned=True), ["2013-01-01 10:00:00.000000"]),
        ("TIMESTAMP", ["2013-01-01T10:00:00Z", "2013-01-01T10:00:00"], Text(), None),
        ("TIMESTAMP", ["2013-01-01T10:00:00+02:00"], Text(), None),
        ("TIMESTAMP", ["2013-01-01 10:00:00.1234567"], Text(), None),
        ("DATETIME", ["2013-01-01"], Date(), None),
        ("TIME", ["10:00:00", "23:59:59.25"], Time(), ["10:00:00.000000", "23:59:59.250000"]),
        ("TIME", ["25:00:00"], Text(), None),
        ("DECIMAL(10,2)", [1.1, 2, "3"], Decimal(10, 2), ["1.10", "2.00", "3.00"]),
        ("DECIMAL(10,2)", [1.125], Float(64), [1.125]),
        ("DECIMAL(4,2)", [123.5], Float(64), [123.5]),
        ("DECIMAL(30,4)", [1234567890123.4567], Float(64), [1234567890123.4567]),
        ("NUMERIC", [1.1], Float(64), [1.1]),
        ("VARCHAR(3)", ["abc", "é"], Text(3), None),
        ("VARCHAR(3)", ["abcdef"], Text(), None),
        ("TEXT", ["a\0b", "é", ""], Text(), None),
        ("TEXT", ["a", b"\xff"], Binary(), [b"a", b"\xff"]),
        ("BLOB", [b"", b"\0"], Binary(), None),
        ("BLOB", [b"a", 5], Binary(), [b"a", b"5"]),
        ("UUID", ["6f1c3a52-8f0e-4b6f-9d2e-0a1b2c3d4e5f"], Uuid(), None),
        ("UUID", ["6F1C3A52-8F0E-4B6F-9D2E-0A1B2C3D4E5F"], Text(), None),
        ("JSON", ['{"a": 1}', "[]", 5], Json(), ['{"a": 1}', "[]", "5"]),
        ("JSON", ["{'a': 1}"], Text(), None),
        ("DATE", [None], Date(), None),
        ("TIMESTAMP", [], Timestamp(), None),
        ("INTEGER", [None], Integer(64), None),
        ("VARCHAR(7)", [], Text(7), None),
    ],
)
async def test_a_columns_values_decide_its_type(
    lab: Lab, declared: str, values: list[Stored], type_: LogicalType, read: list[Stored] | None
) -> None:
    make(lab, declared, values)

    table, rows = await found_and_read(lab)

    assert table.columns[0].type == type_
    assert [value for (value,) in rows] == (values if read is None else read)


async def test_text_that_is_not_utf8_is_read_with_every_byte(lab: Lab) -> None:
    make(lab, "TEXT", ["é"])
    with closing(sqlite3.connect(lab.endpoint.path)) as connection:
        connection.execute("INSERT INTO held VALUES (CAST(x'ff41' AS TEXT))")
        connection.commit()

    table, rows = await found_and_read(lab)

    assert table.columns[0].type == Text()
    assert rows == [("é",), ("\udcffA",)]
    assert "not UTF-8" in table.columns[0].comment


async def test_a_column_of_mixed_values_says_so(lab: Lab) -> None:
    make(lab, "INTEGER", [1, "abc", 2.5])

    table, rows = await found_and_read(lab)

    assert rows == [("1",), ("abc",), ("2.5",)]
    assert table.columns[0].comment == "Holds integer and real and text values in SQLite; each is kept as its own text."


async def test_doubles_keep_every_digit_as_text(lab: Lab) -> None:
    make(lab, "", [0.1 + 0.2, 1e300, "x"])

    _, rows = await found_and_read(lab)

    assert [value for (value,) in rows] == ["0.30000000000000004", "1e+300", "x"]


DECLARED = (
    *("", "INTEGER", "REAL", "TEXT", "BLOB", "NUMERIC", "BOOLEAN", "DATE", "DATETIME", "TIME"),
    *("DECIMAL(10,2)", "VARCHAR(5)", "JSON"),
)
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 1),
    st.floats(allow_nan=False),
    st.decimals(-1000, 1000, places=2).map(float),
    st.text(max_size=8),
    st.binary(max_size=4),
    st.dates().map(str),
    st.datetimes().map(str),
    st.times().map(str),
)


@given(
    declared=st.sampled_from(DECLARED),
    values=st.one_of(
        st.lists(VALUES, max_size=8),
        st.sampled_from([st.dates().map(str), st.datetimes().map(str), st.integers(0, 1)]).flatmap(
            lambda kind: st.lists(kind, max_size=8)
        ),
    ),
)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_whatever_a_column_holds_is_read_without_loss(lab: Lab, declared: str, values: list[Stored]) -> None:
    make(lab, declared, values)

    table, rows = await found_and_read(lab)

    with closing(sqlite3.connect(lab.endpoint.path)) as connection:
        held = [value for (value,) in connection.execute("SELECT value FROM held")]
    assert [value is None for (value,) in rows] == [value is None for value in held]
    for stored, (value,) in zip(held, rows, strict=True):
        assert value is None or says_the_same(table.columns[0].type, stored, value)


def says_the_same(type_: LogicalType, stored: Stored, value: object) -> bool:
    """Whether a value that was read is the one that is stored, in the words of the type."""
    match type_:
        case Decimal():
            return float(str(value)) == float(str(stored))
        case Timestamp() | Time():
            whole, _, fraction = str(stored).replace("T", " ").partition(".")
            return value == f"{whole}.{fraction:0<6}"
        case Binary():
            return value == (stored if isinstance(stored, bytes) else str(stored).encode())
        case Text() | Json():
            return value == str(stored)
        case _:
            return value == stored
