"""Tables of awkward shapes: as wide as PostgreSQL allows, very many, empty, with keys that may be NULL.

`pytest tests/pairs/test_shapes.py -m "wide or not wide"` makes 500 tables and every kind of target.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from domain.catalog.model import Column, Index, IndexPart, Key, Table, TableName
from domain.catalog.types import Integer, Text
from domain.connections.values import Endpoint, Engine
from domain.migrations.plan import RunOptions
from tests.pairs.conftest import DUCKDB, MYSQL, POSTGRESQL, SQLITE, Pair, names_of
from tests.pairs.moves import Rows, fill, migrate, wrong_tables
from tests.support.cli import url
from tests.support.cli import wherry_here as wherry
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer

COLUMNS_MAX = 1_600
"""PostgreSQL's; a row of so many integers just fits into a page."""

TABLES, TABLES_MANY = 60, 500


@pytest.fixture
def wide(postgresql_server: PostgresqlServer) -> Iterator[Endpoint]:
    """A PostgreSQL database with a table of as many columns as there may be."""
    endpoint = postgresql_server.create_database()
    columns = ", ".join(f"c{number} integer" for number in range(1, COLUMNS_MAX))
    values = ", ".join(f"n * {number % 100}" for number in range(1, COLUMNS_MAX))
    postgresql_server.run(
        f"CREATE TABLE wide (id integer PRIMARY KEY, {columns}); "
        f"INSERT INTO wide SELECT n, {values} FROM generate_series(1, 20) n; "
        f'ALTER TABLE wide OWNER TO "{endpoint.username}"',
        endpoint.database,
    )
    yield endpoint
    postgresql_server.drop(endpoint)


@pytest.mark.parametrize(
    "engine",
    [SQLITE, DUCKDB, *(pytest.param(engine, marks=pytest.mark.wide) for engine in (Engine.CSV, Engine.PARQUET))],
)
def test_a_table_of_1600_columns_arrives(engine: Engine, wide: Endpoint, tmp_path: Path) -> None:
    target = Endpoint(engine, path=str(tmp_path / "wide"))

    result = wherry("migrate", url(wide), url(target), "--json")

    assert result.exit_code == 0, result.stderr
    [table] = result.document["tables"]
    assert (table["rows_written"], table["verified"]) == (20, True)


def test_a_table_of_1600_columns_arrives_in_another_postgresql(wide: Endpoint, postgresql_database: Endpoint) -> None:
    result = wherry("migrate", url(wide), url(postgresql_database), "--json")

    assert result.exit_code == 0, result.stderr
    assert result.document["tables"][0]["verified"] is True


def test_a_table_too_wide_for_mysql_is_named_before_anything_is_made(
    wide: Endpoint, mysql_database: Endpoint, mysql_server: MysqlServer, postgresql_server: PostgresqlServer
) -> None:
    postgresql_server.run(
        f'CREATE TABLE narrow (id integer PRIMARY KEY); ALTER TABLE narrow OWNER TO "{wide.username}"', wide.database
    )

    result = wherry("migrate", url(wide), url(mysql_database), "--json")

    assert result.exit_code == 1
    message = result.document["error"]["message"]
    assert "wide has 1,600 columns" in message
    assert "1,017" in message
    assert mysql_server.run("SHOW TABLES", database=mysql_database.database) == []


def _script(number: int) -> str:
    made = (
        f"CREATE TABLE t{place} (id INTEGER PRIMARY KEY, body TEXT, up INTEGER REFERENCES t{place - place % 7} (id));"
        f"CREATE INDEX i{place} ON t{place} (up); INSERT INTO t{place} (id, body) VALUES ({place}, 'row {place}');"
        for place in range(number)
    )
    return "".join(made)


@pytest.mark.parametrize(
    ("engine", "number"),
    [
        (POSTGRESQL, TABLES),
        *(pytest.param(engine, TABLES_MANY, marks=pytest.mark.wide) for engine in Engine),
    ],
)
def test_very_many_tables_arrive(engine: Engine, number: int, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = tmp_path / "source.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"BEGIN; {_script(number)} COMMIT;")
    source = Endpoint(SQLITE, path=str(path))
    target = Endpoint(engine, path=str(tmp_path / "target"))
    if not engine.is_file:
        target = request.getfixturevalue(f"{engine.value.lower()}_database")

    result = wherry("migrate", url(source), url(target), "--json")

    assert result.exit_code == 0, result.stderr
    assert result.counts == {f"t{place}": 1 for place in range(number)}
    assert all(table["verified"] for table in result.document["tables"])


@pytest.mark.parametrize(
    "pair", [(POSTGRESQL, MYSQL), (MYSQL, POSTGRESQL), (SQLITE, DUCKDB), (DUCKDB, SQLITE)], ids=names_of, indirect=True
)
async def test_rows_without_a_value_in_their_only_key_arrive_once(pair: Pair) -> None:
    keyed = Table(
        TableName("keyed"),
        (Column("code", Integer(32), ""), Column("word", Text(20), "")),
        indexes=(Index("keyed_code", (IndexPart("code"), IndexPart("word")), unique=True),),
    )
    rows: Rows = [(None if number % 3 else number, None if number % 2 else f"w{number}") for number in range(600)]
    nothing = Table(TableName("nothing"), (Column("id", Integer(32), "", nullable=False),), primary_key=Key(("id",)))
    await fill(pair.source, {keyed: rows, nothing: []})

    report = await migrate(pair, RunOptions(chunk_rows=100, parallel=2))

    assert report.error is None, report.error.message
    assert {table.name.rpartition(".")[2]: table.rows_written for table in report.tables} == {
        "keyed": 600,
        "nothing": 0,
    }
    assert await wrong_tables(pair, {keyed: rows, nothing: []}) == []


def test_tables_that_have_given_their_last_number_arrive(
    tmp_path: Path, postgresql_database: Endpoint, mysql_database: Endpoint
) -> None:
    source = Endpoint(SQLITE, path=str(tmp_path / "source.db"))
    with closing(sqlite3.connect(source.path)) as connection:
        connection.executescript(
            "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (-9223372036854775808), (0),"
            "(9223372036854775807);"
            "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO a SELECT * FROM t"
        )
    files = (Endpoint(engine, path=str(tmp_path / f"target.{engine}")) for engine in (SQLITE, DUCKDB))

    for target in (*files, postgresql_database, mysql_database):
        result = wherry("migrate", url(source), url(target), "--json")

        assert result.exit_code == 0, (target.engine, result.stderr)
        assert [table["verified"] for table in result.document["tables"]] == [True, True]
