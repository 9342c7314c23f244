"""What is read from the pages of a file is what SQLite reads from it, and where it cannot be, SQLite does."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from infra.connectors.native import has_native
from infra.connectors.sql.text import quoted
from infra.connectors.sqlite.columns import LOWEST_NUMBER, row_number_name
from infra.connectors.sqlite.driver import Connection, driver_errors, handle_of
from infra.connectors.sqlite.pages import Pages, pages_of

if not has_native() or handle_of(Connection(":memory:")) is None:
    pytest.skip("the C helper was not built here, or SQLite is built into Python", allow_module_level=True)

from infra.connectors.native import _native

COLUMNS = ("id", "real", "any", "text")
NUMBERED = "CREATE TABLE held (id INTEGER PRIMARY KEY, real REAL, 'any', text TEXT)"
PLAIN = "CREATE TABLE held (id INT, real DOUBLE, 'any', text TEXT)"
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([0, 1, -1, 127, 128, -129, 2**15, -(2**23) - 1, 2**31, -(2**47) - 1, 2**53 + 1]),
    st.floats(),
    st.text(max_size=12),
    st.binary(max_size=12),
    st.tuples(st.binary(min_size=1, max_size=3), st.integers(100, 9000)).map(lambda made: made[0] * made[1]),
)
ROWS = st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), VALUES, VALUES, VALUES), max_size=40)
NUMBERS = st.integers(-(2**63), 2**63 - 1)


@contextmanager
def read_only(path: Path) -> Iterator[Connection]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, factory=Connection)) as connection:
        connection.text_factory = bytearray
        yield connection


def held_by(connection: Connection) -> _native.SqliteHandle:
    handle = handle_of(connection)
    assert handle is not None
    return handle


def read(connection: Connection, sql: str, bounds: tuple[int, ...], walk: _native.Walk | None) -> list[str]:
    """Read all columns by the helper, and say what each value was."""
    found: list[str] = []

    def asked(place: int, value: _native.SqliteValue) -> bytes:
        found.append(f"{place} {value!r}")
        return b""

    handle = held_by(connection)
    columns = range(len(COLUMNS))
    with driver_errors():
        rows = _native.SqliteRows(handle, sql, bounds, [("d", 0, 0) for _ in columns], asked, walk)
        while (taken := rows.take(1000, 1 << 20))[0]:
            found += [repr(row) for row in zip(*pa.record_batch(taken[2]).to_pydict().values(), strict=True)]
        scanned = _native.sqlite_scan(handle, sql, bounds, [([], True) for _ in columns], lambda *_: True, walk)
    return [*found, repr(scanned)]


def both(
    connection: Connection, first: int = LOWEST_NUMBER, end: int | None = None, columns: tuple[str, ...] = COLUMNS
) -> tuple[list[str], list[str]]:
    """Read rows from the pages, and by SQL."""
    pages = found_pages(connection, columns)
    where, bounds = pages.condition(first, end)
    sql = f"SELECT {', '.join(map(quoted, columns))} FROM held{where}"
    return read(connection, sql, bounds, pages.walk(first, end)), read(connection, sql, bounds, None)


def found_pages(connection: Connection, columns: tuple[str, ...] = COLUMNS) -> Pages:
    pages = pages_of(connection, "held", columns)
    assert pages is not None
    return pages


@given(
    st.sampled_from([NUMBERED, PLAIN]), st.sampled_from([512, 1024, 4096, 65536]), ROWS, NUMBERS, st.none() | NUMBERS
)
@example(NUMBERED, 512, [(2**63 - 1, 1.5, 2, "a"), (-(2**63), 1, b"", None)], LOWEST_NUMBER, None)
@example(PLAIN, 512, [(1, 2.0, "a" * 470, "b" * 40_000)] * 30, 5, 20)
def test_pages_give_what_sql_gives(
    made: str, page_size: int, rows: list[tuple[object, ...]], first: int, end: int | None
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "held.db"
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(f"PRAGMA page_size = {page_size}")
            connection.execute(made)
            connection.executemany("INSERT OR IGNORE INTO held VALUES (?, ?, ?, ?)", rows)
            connection.execute("DELETE FROM held WHERE abs(random()) % 4 = 0")
        with read_only(path) as connection:
            for bounds in ((LOWEST_NUMBER, None), (first, end)):
                by_pages, by_sql = both(connection, *bounds)
                assert by_pages == by_sql


def many(connection: sqlite3.Connection, rows: int, made: str = NUMBERED) -> None:
    connection.execute(made)
    connection.execute(
        "INSERT INTO held WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " SELECT i * 3, i, i / 7.0, 'row ' || i FROM n",
        (rows,),
    )


@pytest.mark.parametrize("made", [NUMBERED, PLAIN])
def test_hardly_any_statement_is_stepped_for_rows_that_pages_give(tmp_path: Path, made: str) -> None:
    with closing(sqlite3.connect(tmp_path / "held.db")) as connection, connection:
        many(connection, 20_000, made)
    with read_only(tmp_path / "held.db") as connection:
        by_pages, by_sql = both(connection)
        assert by_pages == by_sql
        assert len(by_sql) > 20_000
        steps = count()
        connection.set_progress_handler(lambda: next(steps) < 0, 1)
        pages = found_pages(connection)
        where, bounds = pages.condition()
        read(connection, f"SELECT id, real, 'any', text FROM held{where}", bounds, pages.walk())
        assert next(steps) < 1000


def test_rows_from_before_a_column_was_added_have_its_default(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "held.db")) as connection, connection:
        many(connection, 5000)
        connection.execute("ALTER TABLE held ADD COLUMN later TEXT DEFAULT 'default'")
        connection.execute("UPDATE held SET later = 'own' WHERE id % 5 OR id < 6000")
    with read_only(tmp_path / "held.db") as connection:
        by_pages, by_sql = both(connection, columns=("id", "real", "text", "later"))
        assert by_pages == by_sql
        assert any("default" in row for row in by_pages)


def test_an_interruption_is_heard(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "held.db")) as connection, connection:
        many(connection, 20_000)
    with read_only(tmp_path / "held.db") as connection:
        pages = found_pages(connection)
        where, bounds = pages.condition()
        rows = _native.SqliteRows(
            held_by(connection), f"SELECT id FROM held{where}", bounds, [("i", 0, 0)], lambda *_: 0,
            (pages.root, LOWEST_NUMBER, None, [(-1, False)]),
        )  # fmt: skip
        assert rows.take(10, 1 << 20)[0] == 10
        connection.interrupt()
        with pytest.raises(sqlite3.OperationalError, match="interrupted"), driver_errors():
            rows.take(20_000, 1 << 20)


@pytest.mark.parametrize("how", ["PRAGMA journal_mode = WAL", "PRAGMA encoding = 'UTF-16le'"])
def test_other_files_are_read_by_sql(tmp_path: Path, how: str) -> None:
    with closing(sqlite3.connect(tmp_path / "held.db", isolation_level=None)) as connection:
        connection.execute(how)
        many(connection, 1000)
        with read_only(tmp_path / "held.db") as reader:
            by_pages, by_sql = both(reader)
            assert by_pages == by_sql
            assert len(by_sql) > 1000


def test_a_connection_that_writes_sees_its_own_rows(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "held.db", factory=Connection, isolation_level=None)) as connection:
        connection.text_factory = bytearray
        many(connection, 1000)
        connection.execute("BEGIN")
        connection.execute("UPDATE held SET text = 'not committed'")
        by_pages, by_sql = both(connection)
        assert by_pages == by_sql
        assert any("not committed" in row for row in by_sql)


@pytest.mark.parametrize(
    "made",
    [
        pytest.param("CREATE TABLE held (id INTEGER PRIMARY KEY, text TEXT) WITHOUT ROWID", id="no row numbers"),
        pytest.param("CREATE TABLE held (id INTEGER, text AS (id + 1))", id="a computed column"),
        pytest.param("CREATE VIEW held AS SELECT 1 AS id, 2 AS text", id="a view"),
        pytest.param("CREATE TABLE held (id INTEGER, other TEXT)", id="no such column"),
        pytest.param("CREATE TABLE held (id INTEGER, text TEXT, rowid, oid, _rowid_)", id="hidden row numbers"),
    ],
)
def test_some_tables_have_no_pages_to_be_read(tmp_path: Path, made: str) -> None:
    with closing(sqlite3.connect(tmp_path / "held.db")) as connection, connection:
        connection.execute(made)
    with read_only(tmp_path / "held.db") as connection:
        assert pages_of(connection, "held", ("id", "text")) is None


@given(st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=30))
def test_a_damaged_file_gives_what_sqlite_makes_of_it(damage: list[tuple[int, int]]) -> None:
    """Never anything but an error of SQLite or rows; which of them depends on where the damage is met."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "held.db"
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("PRAGMA page_size = 512")
            many(connection, 200)
            connection.execute("INSERT INTO held VALUES (9000, 1, zeroblob(5000), 'long')")
        content = bytearray(path.read_bytes())
        for place, byte in damage:
            content[512 + place % (len(content) - 512)] = byte
        path.write_bytes(content)
        try:
            with read_only(path) as connection:
                both(connection)
        except (sqlite3.DatabaseError, AssertionError, UnicodeDecodeError):
            return


def test_pages_of_many_tables_are_found_by_one_query_until_the_schema_changes(tmp_path: Path) -> None:
    path = tmp_path / "many.db"
    with closing(sqlite3.connect(path)) as other, read_only(path) as connection:
        other.executescript("CREATE TABLE one (id INTEGER PRIMARY KEY, v); CREATE TABLE two (id INTEGER PRIMARY KEY)")
        asked: list[str] = []
        connection.set_trace_callback(asked.append)

        pages = [pages_of(connection, table, ["id"]) for table in ("one", "two", "one")]
        other.executescript("DROP TABLE one; CREATE TABLE three (id INTEGER PRIMARY KEY)")
        later = [pages_of(connection, table, ["id"]) for table in ("two", "three")]

    assert all(pages)
    assert all(later)
    assert len([sql for sql in asked if "sqlite_schema" in sql]) == 2


@pytest.mark.parametrize(
    ("made", "numbers"),
    [
        ("(a INTEGER PRIMARY KEY)", '"a"'),
        ("(a INTEGER PRIMARY KEY) WITHOUT ROWID", ""),
        ("(a TEXT PRIMARY KEY)", "rowid"),
        ("(a, b, PRIMARY KEY (b, a)) WITHOUT ROWID", ""),
        ("(a, b UNIQUE, PRIMARY KEY (a))", "rowid"),
        ("(rowid, b)", "_rowid_"),
    ],
)
def test_rows_are_numbered_unless_the_table_is_declared_without(made: str, numbers: str) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE TABLE t {made}")

        assert row_number_name(connection, "t") == numbers
