"""What the C helper makes of stored values is what Python makes of them, and so are its refusals."""

from __future__ import annotations

import gc
import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.catalog.model import TableName
from domain.catalog.types import (
    Binary,
    Bits,
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
from domain.kernel.errors import WherryError
from domain.migrations.digests import DigestColumn
from domain.migrations.transfer import ColumnCopy, TableCopy, WholeTable
from infra.connectors.broken_texts import values_of
from infra.connectors.native import has_native
from infra.connectors.sqlite.digest import digest_table
from infra.connectors.sqlite.driver import Connection, handle_of
from infra.connectors.sqlite.profile import profile_table
from infra.connectors.sqlite.reading import open_reading
from infra.connectors.sqlite.scan import Part, parts_of
from infra.connectors.sqlite.values import Present, Stored
from infra.connectors.sqlite.writer import SqliteWriting

if not has_native() or handle_of(Connection(":memory:")) is None:
    pytest.skip("the C helper was not built here, or SQLite is built into Python", allow_module_level=True)

from infra.connectors.native import _native

T = TypeVar("T")
EXAMPLES = max(500, settings.default.max_examples if settings.default else 0)
HELD = TableName("held")
RSS_GROWTH_MAX = 24 * 1024 * 1024

DECLARED = (
    *("", "INTEGER", "REAL", "TEXT", "BLOB", "NUMERIC", "BOOLEAN", "DATE", "DATETIME", "TIMESTAMPTZ", "TIME", "UUID"),
    *("DECIMAL(10,2)", "DECIMAL_TEXT(10,2)", "DECIMAL_TEXT", "DECIMAL(4,4)", "VARCHAR(5)", "JSON", "BIT_TEXT(3)"),
)
TYPES: tuple[LogicalType, ...] = (
    *(Integer(64), Integer(64, signed=False), Integer(128), Float(64), Boolean(), Binary(), Text(), Text(5), Json()),
    *(Date(), Timestamp(), Timestamp(zoned=True), Time(), Time(zoned=True), Uuid(), Bits(3), Bits(varying=True)),
    *(Decimal(), Decimal(10, 2), Decimal(4, 4), Decimal(3, 0), Decimal(20), Decimal(40, 20), Decimal(400, 380)),
)
MOMENTS = st.builds(
    lambda day, between, clock, fraction, mark: f"{day}{between}{clock}{fraction}{mark}",
    st.dates().map(str) | st.sampled_from(["0000-01-01", "2024-02-30", "10000-01-01", "1900-02-29"]),
    st.sampled_from([" ", "T", "", "  "]),
    st.times().map(lambda clock: clock.isoformat("seconds")) | st.sampled_from(["24:00:00", "23:59:60", "1:2:3", ""]),
    st.sampled_from(["", ".5", ".123456", ".1234567", ".", ".000"]),
    st.sampled_from(["", "Z", "+00:00", "+02:00", " "]),
)
NUMBERS = st.from_regex(r"-?[0-9]{0,6}(\.[0-9]{0,5})?(e[0-9]{1,3})?", fullmatch=True)
TEXTS = st.one_of(
    st.text(max_size=8),
    MOMENTS,
    NUMBERS,
    st.dates().map(str),
    st.times().map(str),
    st.uuids().map(str),
    st.sampled_from(
        ["NaN", "Infinity", "-Infinity", "-0", "-0.00", "007", "٣", "1_0", "0x1F", " 5", "a\0b", "\0", "101"]
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
        max_leaves=5,
    ).map(json.dumps),
    st.sampled_from(
        ["[" * 100 + "]" * 100, "1" * 5000, '"\\u12"', '"\\x"', '"\t"', "[1,]", "nul", "\ufeff1", "{}x", "01"]
    ),
)
RAW = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([0, 1, -1, 2**53, -(2**53), 2**53 + 1, 10**15, 99_999_999]),
    st.floats(),
    st.decimals(-(10**6), 10**6, places=2).map(float),
    st.sampled_from([-0.0, 0.0001, 0.99995, 99.995, 1e15, 999999999999999.0, 123456789012345.6, 1e22, 5e-324]),
    TEXTS,
    st.binary(max_size=6),
    st.binary(max_size=6).map(bytearray),  # a text, valid or not
)
ALIKE = st.sampled_from([MOMENTS, st.dates().map(str), NUMBERS, st.integers(0, 1), st.floats(-99, 99), TEXTS])
COLUMNS = st.lists(RAW, max_size=8) | ALIKE.flatmap(lambda kind: st.lists(st.none() | kind, max_size=8))


def opened() -> Connection:
    connection = Connection(":memory:", isolation_level=None)
    connection.text_factory = bytearray
    return connection


def held(declared: str, values: list[Stored | str]) -> Connection:
    """A table `held` of one column with these values; a bytearray is stored as text whatever its bytes are."""
    connection = opened()
    connection.execute(f"CREATE TABLE held (value {declared})")
    for value in values:
        cast = "CAST(? AS TEXT)" if isinstance(value, bytearray) else "?"
        connection.execute(
            f"INSERT INTO held VALUES ({cast})", (bytes(value) if isinstance(value, bytearray) else value,)
        )
    return connection


@contextmanager
def in_python(connection: Connection) -> Iterator[None]:
    """Have Python do the work."""
    handle, connection.native = connection.native, None
    try:
        yield
    finally:
        connection.native = handle


def outcome(work: Callable[[], T]) -> T | tuple[type[Exception], str]:
    """What some work gives, or how it fails; messages about one value may name it in a batch or alone."""
    try:
        return work()
    except WherryError as error:
        return type(error), type(error).code.value if hasattr(type(error), "code") else ""


def both(connection: Connection, work: Callable[[], T]) -> tuple[object, object]:
    natively = outcome(work)
    assert connection.native is not None
    with in_python(connection):
        return natively, outcome(work)


def copy_of(type_: LogicalType) -> TableCopy:
    return TableCopy(0, HELD, HELD, (ColumnCopy("value", "value", type_, "", ""),))


def read(connection: Connection, type_: LogicalType) -> list[object]:
    reading = open_reading(connection, copy_of(type_), WholeTable())
    rows: list[object] = []
    while (batch := reading.next_batch(connection)) is not None:
        assert isinstance(batch.payload, pa.RecordBatch)
        batch.payload.validate(full=not isinstance(type_, Text))
        rows += values_of(batch.payload.column(0))
    reading.close(connection)
    return [repr(row) for row in rows]


@given(st.sampled_from(DECLARED), COLUMNS)
@settings(max_examples=EXAMPLES)
@example("DECIMAL(10,2)", [1.1, 2, "3", None, -0.0])
@example("JSON", ['{"a": 1}', 5, 5.5])
@example("TEXT", [bytearray(b"\xff"), "a"])
def test_a_column_is_found_to_be_the_same(declared: str, values: list[Stored | str]) -> None:
    connection = held(declared, values)
    natively, plainly = both(connection, lambda: profile_table(connection, "held", {"value": declared}))
    assert natively == plainly


@given(st.sampled_from(DECLARED), COLUMNS, st.sampled_from(TYPES))
@settings(max_examples=EXAMPLES)
@example("", ["2024-02-29T10:00:00.5Z", "2024-02-29 10:00:00+00:00"], Timestamp(zoned=True))
@example("", [0.1, 1e-7, 123456789.12, -5.0], Decimal(12, 7))
@example("", [99.995], Decimal(4, 2))
def test_values_are_read_or_refused_alike(declared: str, values: list[Stored | str], type_: LogicalType) -> None:
    connection = held(declared, values)
    natively, plainly = both(connection, lambda: read(connection, type_))
    assert natively == plainly


@given(st.sampled_from(DECLARED), COLUMNS, st.lists(st.sampled_from(TYPES), min_size=1, max_size=3))
@settings(max_examples=EXAMPLES)
def test_digests_are_the_same(declared: str, values: list[Stored | str], types: list[LogicalType]) -> None:
    connection = held(declared, values)
    columns = tuple(DigestColumn("value", declared, type_) for type_ in types)
    natively, plainly = both(connection, lambda: digest_table(connection, HELD, columns))
    assert natively == plainly


BOUND: dict[LogicalType, st.SearchStrategy[Present | str | bool]] = {
    Integer(64): st.integers(-(2**63), 2**63 - 1),
    Integer(64, signed=False): st.integers(0, 2**64 - 1),
    Float(64): st.floats(),
    Boolean(): st.booleans(),
    Text(): st.text(max_size=8) | NUMBERS,
    Decimal(): NUMBERS,
    Binary(): st.binary(max_size=8),
}
CARRIERS = {
    Integer(64): pa.int64(),
    Integer(64, signed=False): pa.uint64(),
    Float(64): pa.float64(),
    Boolean(): pa.bool_(),
    Text(): pa.large_string(),
    Decimal(): pa.large_string(),
    Binary(): pa.large_binary(),
}


@given(
    st.sampled_from(DECLARED),
    st.sampled_from(list(BOUND)).flatmap(
        lambda type_: st.tuples(st.just(type_), st.lists(st.none() | BOUND[type_], max_size=6), st.integers(0, 2))
    ),
)
@settings(max_examples=EXAMPLES)
def test_values_are_stored_or_refused_alike(
    declared: str, bound: tuple[LogicalType, list[Present | str | bool | None], int]
) -> None:
    type_, values, first = bound
    copy = TableCopy(0, HELD, HELD, (ColumnCopy("value", "value", type_, "", declared),))
    batch = pa.RecordBatch.from_arrays([pa.array(values, CARRIERS[type_])], names=["value"]).slice(first)
    connection = held(declared, [])

    def stored() -> list[tuple[object, ...]]:
        connection.execute("DELETE FROM held")
        SqliteWriting().insert(connection, copy, batch)
        return connection.execute("SELECT typeof(value), quote(value), value FROM held ORDER BY rowid").fetchall()

    natively, plainly = both(connection, stored)
    assert repr(natively) == repr(plainly)


@given(st.binary(max_size=300))
@example(b"")
@example(b"a" * 55)
@example(b"a" * 56)
@example(b"a" * 64)
@example(b"a" * 119)
@example(b"a" * 120)
def test_md5_is_that_of_everybody_else(content: bytes) -> None:
    assert _native.md5_digest(content) == hashlib.md5(content).hexdigest()


@pytest.mark.parametrize("odd", [None, "'2024-02-30'", "9007199254740993", "9e999", "x'00'", "CAST(x'ff' AS TEXT)"])
def test_parts_of_a_table_together_hold_what_the_table_holds(tmp_path: Path, odd: str | None) -> None:
    path = tmp_path / "parts.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE held (id INTEGER PRIMARY KEY, day DATE, price DECIMAL(10,2))")
        connection.execute(
            "INSERT INTO held WITH RECURSIVE n(i) AS (SELECT -60000 UNION ALL SELECT i + 1 FROM n WHERE i < 120000)"
            " SELECT i, date('2000-01-01', i % 9999 || ' days'), i / 100.0 FROM n"
        )
        if odd:
            connection.execute(f"UPDATE held SET day = {odd} WHERE id = 119000")
    declared = {"day": "DATE", "price": "DECIMAL(10,2)"}
    with ExitStack() as stack:
        connections = [stack.enter_context(closing(Connection(path, check_same_thread=False))) for _ in range(3)]
        for connection in connections:
            connection.text_factory = bytearray
        parts = parts_of(connections, "held", "id")
        assert len(parts) == 3
        whole = profile_table(connections[0], "held", declared)
        assert profile_table(connections[0], "held", declared, parts) == whole
        assert whole.rows == 180_001


def test_a_failure_in_one_part_ends_the_look_at_all(tmp_path: Path) -> None:
    path = tmp_path / "parts.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE held (value)")
        connection.executemany("INSERT INTO held VALUES (?)", [(number,) for number in range(1000)])
    with ExitStack() as stack:
        connections = [stack.enter_context(closing(Connection(path, check_same_thread=False))) for _ in range(2)]
        connections[1].set_progress_handler(lambda: 1, 1)
        with pytest.raises(sqlite3.OperationalError, match="interrupted"):
            profile_table(connections[0], "held", {"value": ""}, [Part(each) for each in connections])


def test_large_values_and_many_rows_cross_whole() -> None:
    connection = held("BLOB", [bytes(range(256)) * 40_000, None, b""])
    natively, plainly = both(connection, lambda: read(connection, Binary()))
    assert natively == plainly
    connection = opened()
    connection.execute("CREATE TABLE held (value INTEGER)")
    connection.execute(
        "INSERT INTO held WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50001)"
        " SELECT i FROM n"
    )
    assert read(connection, Integer(64)) == [str(number) for number in range(1, 50_002)]


def test_a_batch_ends_where_its_values_take_too_much() -> None:
    connection = held("TEXT", ["x" * 100_000] * 200)
    reading = open_reading(connection, copy_of(Text()), WholeTable())
    sizes = []
    while (batch := reading.next_batch(connection)) is not None:
        sizes.append(batch.rows)
    assert sum(sizes) == 200
    assert len(sizes) > 2


def test_a_duplicate_key_is_refused_as_by_the_driver() -> None:
    connection = opened()
    connection.execute("CREATE TABLE held (value INTEGER PRIMARY KEY)")
    batch = pa.RecordBatch.from_arrays([pa.array([1, 2, 1], pa.int64())], names=["value"])
    caught = []
    for _ in range(2):
        connection.execute("BEGIN")
        with pytest.raises(sqlite3.IntegrityError) as raised:
            SqliteWriting().insert(connection, copy_of(Integer(64)), batch)
        connection.execute("ROLLBACK")
        caught.append((str(raised.value), raised.value.sqlite_errorcode))
        connection.native = None
    assert caught[0] == caught[1]
    assert "UNIQUE" in caught[0][0]


def test_a_query_that_is_wrong_or_interrupted_fails_as_in_the_driver() -> None:
    connection = held("INTEGER", [1, 2])
    assert connection.native is not None
    for sql in ("SELECT nothing FROM held", "SELECT FROM", "SELECT * FROM gone"):
        with pytest.raises(_native.SqliteFailed) as raised:
            _native.SqliteRows(connection.native, sql, (), [("i", 0, 0)], lambda _place, value: value)
        with pytest.raises(sqlite3.Error) as plainly:
            connection.execute(sql)
        assert raised.value.args == (plainly.value.sqlite_errorcode, str(plainly.value))
    connection.set_progress_handler(lambda: 1, 1)
    with pytest.raises(_native.SqliteFailed, match="interrupted"):
        _native.SqliteRows(connection.native, "SELECT value FROM held", (), [("i", 0, 0)], lambda _p, v: v).take(1, 1)


def test_a_closed_connection_fails_and_harms_nothing() -> None:
    connection = held("INTEGER", [1, 2])
    handle = connection.native
    assert handle is not None
    rows = _native.SqliteRows(handle, "SELECT value FROM held", (), [("i", 0, 0)], lambda _place, value: value)
    assert rows.take(1, 10**6)[0] == 1
    connection.close()
    with pytest.raises(ValueError, match="closed"):
        rows.take(1, 10**6)
    with pytest.raises(ValueError, match="closed"):
        _native.sqlite_scan(handle, "SELECT 1", (), [([], False)], lambda *_: True)


def test_what_is_asked_of_python_may_fail_in_the_middle_of_a_row() -> None:
    connection = held("", ["1", 2, "x"])
    assert connection.native is not None

    def refuse(_place: int, value: Present) -> object:
        raise LookupError(value)

    rows = _native.SqliteRows(connection.native, "SELECT 5, value FROM held", (), [("i", 0, 0)] * 2, refuse)
    with pytest.raises(LookupError):
        rows.take(10, 10**6)
    with pytest.raises(LookupError):
        _native.sqlite_digest(connection.native, "SELECT value FROM held", (), [("i", 0, 0)], "m", refuse, "t")  # type: ignore[arg-type]
    rows.close()


def _rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc here")
def test_nothing_is_kept_of_work_that_is_done_or_has_failed() -> None:
    connection = held("", ["2024-02-29", 5, "x" * 20_000, b"\xff", 1.5, None] * 50)
    columns = (DigestColumn("value", "", Text()), DigestColumn("value", "", Timestamp()))

    def once() -> None:
        profile_table(connection, "held", {"value": "DATE"})
        for type_ in (Binary(), Integer(64), Date()):
            outcome(lambda type_=type_: read(connection, type_))  # type: ignore[misc]
        digest_table(connection, HELD, columns)

    for _ in range(5):
        once()
    gc.collect()
    before = _rss_bytes()
    for _ in range(60):
        once()
    gc.collect()
    assert _rss_bytes() - before < RSS_GROWTH_MAX
