"""Views give the same rows in every engine that takes them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from domain.connections.values import Endpoint, Engine
from infra.connectors.registry import connector_for
from tests.connectors.lab import Lab
from tests.pairs.conftest import DUCKDB, MYSQL, POSTGRESQL, Pair, lab_of
from tests.pairs.moves import migrate
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer

FILMS = """
CREATE TABLE film (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, length INTEGER);
INSERT INTO film VALUES (1, 7, 90), (2, 7, 130), (3, 8, NULL), (4, 7, 200);
CREATE VIEW joined AS SELECT kind, group_concat(kind, '-') AS kinds FROM film GROUP BY kind;
CREATE VIEW counted AS SELECT kind, count(*) FILTER (WHERE length > 100) AS longer,
    sum(length) FILTER (WHERE length > 100) AS total, count(length) FILTER (WHERE id > 1) AS known
    FROM film GROUP BY kind;
"""
SHOWN = (
    "SELECT kind, kinds FROM joined ORDER BY kind",
    "SELECT kind, longer, total, known FROM counted ORDER BY kind",
)


@pytest.mark.parametrize("engine", [MYSQL, POSTGRESQL, DUCKDB], ids=lambda engine: engine.value.lower())
async def test_aggregates_with_conditions_and_of_numbers_as_texts_give_what_they_gave(
    engine: Engine, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    held = Endpoint(Engine.SQLITE, path=str(tmp_path / "films.db"))
    with closing(sqlite3.connect(held.path)) as connection:
        connection.executescript(FILMS)
    with lab_of(engine, request, tmp_path / "target") as target:
        report = await migrate(Pair(Lab(Engine.SQLITE, held, connector_for(Engine.SQLITE)), target))
        arrived = [_ask(target, request, sql) for sql in SHOWN]

    assert report.error is None, report.error.message
    assert not [note for note in report.objects.skipped if "view" in note.name]
    assert arrived == [
        [("7", "7-7-7"), ("8", "8")],
        [("7", "2", "330", "2"), ("8", "0", "", "0")],
    ]


def _ask(lab: Lab, request: pytest.FixtureRequest, sql: str) -> list[tuple[str, ...]]:
    if lab.engine is POSTGRESQL:
        server: PostgresqlServer = request.getfixturevalue("postgresql_server")
        return [tuple(line.split("|")) for line in server.run(sql, lab.endpoint.database).splitlines()]
    if lab.engine is MYSQL:
        mysql: MysqlServer = request.getfixturevalue("mysql_server")
        rows = mysql.run(sql, database=lab.endpoint.database)
    else:
        with duckdb.connect(lab.endpoint.path) as connection:
            rows = connection.execute(sql).fetchall()
    return [tuple("" if value is None else str(value) for value in row) for row in rows]
