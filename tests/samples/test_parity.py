"""Every object that a catalogue knows has its line in the report, counted without our own description."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from domain.connections.values import Endpoint, Engine
from domain.migrations.plan import RunOptions
from infra.connectors.registry import connector_for
from tests.connectors.lab import Lab
from tests.pairs.one_engine import MYSQL, POSTGRESQL
from tests.samples.census import Census, of_mysql, of_postgresql, of_sqlite
from tests.samples.conftest import Load
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer
from tests.support.sample_databases import DATABASES
from workers.engine.plan import make_plan

FILE = Endpoint(Engine.DUCKDB, path="/nowhere")
LARGE = ("pg-duckdb_all_pg_types", "pg-duckdb_decimals")


@pytest.mark.parametrize("name", [sample.name for sample in DATABASES if sample.name not in LARGE])
async def test_no_object_of_a_sample_is_missing_from_the_report(
    name: str, loaded: Load, request: pytest.FixtureRequest
) -> None:
    source = loaded(name)
    taken = census(source, request)

    assert taken - await reported(source, taken) == Counter()


async def test_no_object_of_a_postgresql_database_full_of_everything_is_missing(
    postgresql_server: PostgresqlServer, postgresql_database: Endpoint
) -> None:
    postgresql_server.run(POSTGRESQL, postgresql_database.database)
    source = replace(postgresql_server.admin, database=postgresql_database.database)
    taken = of_postgresql(postgresql_server, source)

    assert taken - await reported(source, taken) == Counter()


async def test_no_object_of_a_mysql_database_full_of_everything_is_missing(
    mysql_server: MysqlServer, mysql_database: Endpoint
) -> None:
    mysql_server.run(*MYSQL.split(";\n"), database=mysql_database.database)
    taken = of_mysql(mysql_server, mysql_database)

    assert taken - await reported(mysql_database, taken) == Counter()


def census(source: Endpoint, request: pytest.FixtureRequest) -> Census:
    """Count a database's objects."""
    match source.engine:
        case Engine.POSTGRESQL:
            return of_postgresql(request.getfixturevalue("postgresql_server"), source)
        case Engine.MYSQL:
            return of_mysql(request.getfixturevalue("mysql_server"), source)
        case _:
            return of_sqlite(source)


async def reported(source: Endpoint, asked: Census) -> Census:
    """Count the lines of the report of a move to another engine, by the kinds of a census."""
    lab = Lab(source.engine, source, connector_for(source.engine))
    async with lab.source() as described:
        schema = await described.introspect()
    plan = make_plan(schema, RunOptions(), {}, lab.connector.capabilities, connector_for(Engine.DUCKDB), FILE)
    lines = Counter(line.object.kind for line in plan.schema.parity)
    return Counter({kinds: sum(lines[kind] for kind in kinds) for kinds in asked})
