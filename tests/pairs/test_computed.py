"""Computed columns and defaults give in another engine what they gave in their own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb

from domain.connections.values import Endpoint, Engine
from infra.connectors.registry import connector_for
from tests.connectors.lab import Lab
from tests.pairs.conftest import Pair
from tests.pairs.moves import migrate
from tests.support.mysql import MysqlServer

COMPUTED = (
    "same int AS (name = 'abc')",
    "known int AS (name IN ('abc', 'x'))",
    "chosen varchar(5) AS (CASE name WHEN 'abc' THEN 'y' ELSE 'n' END)",
    "loud varchar(20) AS (upper(name))",
    "rest int AS (a % b)",
    "joined varchar(60) AS (concat(name, '-', name))",
    "most bigint AS (a * b + 1)",
)
QUERY = "SELECT id, same, known, chosen, loud, rest, joined, most FROM t ORDER BY id"


async def test_computed_columns_of_mysql_hold_the_same_values_in_files(
    mysql_server: MysqlServer, mysql_database: Endpoint, tmp_path: Path
) -> None:
    mysql_server.run(
        "CREATE TABLE t (id int PRIMARY KEY, name varchar(20) COLLATE utf8mb4_general_ci, a int, b int, "
        f"{', '.join(COMPUTED)})",
        "INSERT INTO t (id, name, a, b) VALUES (1, 'ABC', 2147483647, 3), (2, 'É', 7, 0), (3, 'abc ', NULL, 1)",
        database=mysql_database.database,
    )
    source = Lab(Engine.MYSQL, mysql_database, connector_for(Engine.MYSQL))
    held = mysql_server.run(QUERY, database=mysql_database.database)
    files = {engine: str(tmp_path / engine.value) for engine in (Engine.SQLITE, Engine.DUCKDB)}

    for engine, path in files.items():
        report = await migrate(Pair(source, Lab(engine, Endpoint(engine, path=path), connector_for(engine))))

        assert report.error is None, report.error.message
        replaced = {note.name for note in report.objects.replaced if "holds the computed values" in note.reason}
        assert replaced == {f"column t.{name}" for name in ("same", "known", "chosen", "loud", "rest")}

    with closing(sqlite3.connect(files[Engine.SQLITE])) as connection:
        assert connection.execute(QUERY).fetchall() == held
    with closing(duckdb.connect(files[Engine.DUCKDB], read_only=True)) as other:
        assert other.execute(QUERY).fetchall() == held


async def test_defaults_of_mysql_give_the_same_values_in_files(
    mysql_server: MysqlServer, mysql_database: Endpoint, tmp_path: Path
) -> None:
    mysql_server.run(
        "CREATE TABLE t (id int PRIMARY KEY, most bigint unsigned DEFAULT 18446744073709551615, "
        "price decimal(10, 4) DEFAULT 1.5, seen timestamp NOT NULL DEFAULT '2020-01-01 00:00:00')",
        "INSERT INTO t (id) VALUES (1)",
        database=mysql_database.database,
    )
    source = Lab(Engine.MYSQL, mysql_database, connector_for(Engine.MYSQL))
    files = {engine: str(tmp_path / engine.value) for engine in (Engine.SQLITE, Engine.DUCKDB)}

    for engine, path in files.items():
        report = await migrate(Pair(source, Lab(engine, Endpoint(engine, path=path), connector_for(engine))))

        assert report.error is None, report.error.message
        assert report.objects.skipped == ()

    with closing(sqlite3.connect(files[Engine.SQLITE])) as connection:
        connection.execute("INSERT INTO t (id) VALUES (2)")
        assert connection.execute("SELECT most, price FROM t").fetchall() == [("18446744073709551615", "1.5000")] * 2
    with closing(duckdb.connect(files[Engine.DUCKDB])) as other:
        other.execute("SET TimeZone = 'Asia/Tokyo'")
        other.execute("INSERT INTO t (id) VALUES (2)")
        assert other.execute("SELECT epoch(seen) FROM t").fetchall() == [(1_577_836_800.0,)] * 2
