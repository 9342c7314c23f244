"""What a SQLite file stores, in another SQLite file: spelled as it was, or meaning the same."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from domain.connections.values import Endpoint, Engine
from domain.migrations.plan import OnExisting, RunOptions
from tests.pairs.conftest import Pair
from tests.pairs.moves import between, migrate
from tests.pairs.test_same_engine import assert_whole
from workers.engine.compare import compare
from workers.engine.control import ControlSwitch

MIXED = """
CREATE TABLE plain (v, w); CREATE TABLE words (v TEXT, w VARCHAR(3)); CREATE TABLE wholes (v INTEGER, w INT);
CREATE TABLE reals (v REAL, w FLOAT); CREATE TABLE numbers (v NUMERIC, w DECIMAL(10,2));
CREATE TABLE moments (v DATETIME, w DATE); CREATE TABLE truths (v BOOLEAN, w JSON);
CREATE TABLE keyed (v, w, PRIMARY KEY (v, w)) WITHOUT ROWID;
"""

OF_ALL_KINDS = (1, "1", 1.0, "1.0", b"1", b"", "", "nul\0in", 2**63 - 1, 0.1 + 0.2, 5e-324, float("inf"), b"\0\xff")

MOMENTS = ("2024-01-01 00:00:00", "2024-01-01T00:00:00Z", "2024-01-01 00:00:00.5", "2024-01-01 00:00:00+00:00")


async def test_values_of_a_sqlite_file_keep_their_storage_class_and_their_spelling_in_another(tmp_path: Path) -> None:
    pair, paths = two_files(tmp_path)
    with closing(sqlite3.connect(paths[0])) as connection:
        connection.executescript(MIXED)
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for table in tables:
            sql = f"INSERT OR IGNORE INTO {table} VALUES (?, ?)"  # 1 and 1.0 are one key
            connection.executemany(sql, [(value, value) for value in OF_ALL_KINDS])
        connection.execute("INSERT INTO words VALUES (NULL, CAST(x'ff00' AS TEXT)), (CAST(x'74ff' AS TEXT), NULL)")
        for number, moment in enumerate(MOMENTS):
            connection.execute(f"CREATE TABLE one_{number} (v TIMESTAMP, w DECIMAL(10,2), t TIME)")
            connection.execute(f"INSERT INTO one_{number} VALUES (?, 5, '10:00:00'), (?, 12, NULL)", (moment, moment))
            tables.append(f"one_{number}")
        connection.commit()

    report = await migrate(pair)

    assert_whole(report)
    assert (report.objects.skipped, report.objects.replaced) == ((), ())
    for table in tables:
        assert stored_in(paths[1], table) == stored_in(paths[0], table)


async def test_files_that_spell_the_same_values_otherwise_compare_as_equal(tmp_path: Path) -> None:
    pair, (source, target) = two_files(tmp_path)
    execute(source, "CREATE TABLE t (at TIMESTAMP, total NUMERIC(10,2), day DATE)")
    execute(source, "INSERT INTO t VALUES ('2024-01-01 00:00:00', 1.98, '2024-01-01')")
    execute(target, "CREATE TABLE t (at TIMESTAMP, total DECIMAL_TEXT(10,2), day DATE)")
    execute(target, "INSERT INTO t VALUES ('2024-01-01 00:00:00.000000', '1.98', '2024-01-01')")

    assert [verdict.difference for verdict in await compare(pair.route, RunOptions(), ControlSwitch())] == [""]


async def test_a_number_and_its_digits_are_different_values_of_a_column_that_has_both(tmp_path: Path) -> None:
    pair, paths = two_files(tmp_path)
    for path, value in zip(paths, ("1", "'1'"), strict=True):
        execute(path, "CREATE TABLE t (v)", f"INSERT INTO t VALUES ('word'), ({value})")

    (verdict,) = await compare(pair.route, RunOptions(), ControlSwitch())

    assert verdict.difference == "same number of rows, different values in v"


async def test_values_come_by_what_they_mean_into_a_table_that_declares_them_otherwise(tmp_path: Path) -> None:
    pair, (source, target) = two_files(tmp_path)
    execute(source, "CREATE TABLE t (v NUMERIC(10,2))", "INSERT INTO t VALUES (1.98), (5)")
    execute(target, "CREATE TABLE t (v DECIMAL_TEXT(10,2))")

    report = await migrate(pair, RunOptions(on_existing=OnExisting.APPEND))

    assert_whole(report)
    with closing(sqlite3.connect(target)) as connection:
        assert connection.execute("SELECT v FROM t ORDER BY 1").fetchall() == [("1.98",), ("5.00",)]


def two_files(folder: Path) -> tuple[Pair, list[Path]]:
    """A source and a target, and where they are."""
    paths = [folder / "source.db", folder / "target.db"]
    return between(*(Endpoint(Engine.SQLITE, path=str(path)) for path in paths)), paths


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def stored_in(path: Path, table: str) -> list[tuple[str, ...]]:
    """The storage class and the bytes of every value."""
    with closing(sqlite3.connect(path)) as connection:
        connection.text_factory = bytes
        rows = connection.execute(f"SELECT typeof(v), v, typeof(w), w FROM {table}").fetchall()
    return sorted(tuple(map(repr, row)) for row in rows)
