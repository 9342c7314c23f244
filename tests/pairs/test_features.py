"""Scripts full of one engine's peculiarities, each a database, to another engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.connections.values import Endpoint, Engine
from domain.kernel.errors import ErrorCode
from domain.migrations.progress import RunStatus
from infra.connectors.registry import connector_for
from tests.connectors.lab import Lab
from tests.pairs.conftest import Pair
from tests.pairs.moves import migrate
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer
from tests.support.samples import Samples, find_samples, load_mysql

MYSQL_SCRIPTS = (
    "case-sensitivity-reserved-words",
    "constraints",
    "datatypes",
    "functions",
    "indexes",
    "misc-tests",
    "partitions",
    "sequences",
    "triggers-procedures",
    "views",
)
POSTGRESQL_SCRIPTS = (
    "case-sensitive-objects",
    "constraints",
    "datatypes",
    "duckdb_decimals",
    "indexes",
    "partitions",
    "sequences",
)

pytestmark = pytest.mark.slow


@pytest.fixture
def samples(request: pytest.FixtureRequest) -> Samples:
    return find_samples(request)


@pytest.fixture
def mysql_source(mysql_server: MysqlServer, mysql_database: Endpoint) -> Endpoint:
    """An empty database and an account that may load anything into it."""
    return replace(mysql_server.admin, database=mysql_database.database)


@pytest.fixture
def dates_that_are_none(mysql_server: MysqlServer, samples: Samples) -> Iterator[Endpoint]:
    """MySQL types with zero dates among them. The script makes a database of this very name."""
    load_mysql(mysql_server, mysql_server.admin, samples.folder / "mysql-features" / "duckdb_mysql_types.sql")
    yield replace(mysql_server.admin, database="mysqlscanner")
    mysql_server.run("DROP DATABASE mysqlscanner")


def between(source: Endpoint, target: Endpoint) -> Pair:
    return Pair(*(Lab(end.engine, end, connector_for(end.engine)) for end in (source, target)))


@pytest.mark.parametrize("script", MYSQL_SCRIPTS)
async def test_what_mysql_offers_arrives_in_postgresql(
    script: str, samples: Samples, mysql_server: MysqlServer, mysql_source: Endpoint, postgresql_database: Endpoint
) -> None:
    load_mysql(mysql_server, mysql_source, samples.folder / "mysql-features" / f"{script}.sql")

    report = await migrate(between(mysql_source, postgresql_database))

    assert report.error is None, report.error.message
    assert all(table.verified for table in report.tables)
    assert [table.rows_written for table in report.tables] != []


@pytest.mark.parametrize("script", POSTGRESQL_SCRIPTS)
async def test_what_postgresql_offers_arrives_in_mysql(
    script: str,
    samples: Samples,
    postgresql_server: PostgresqlServer,
    postgresql_database: Endpoint,
    mysql_database: Endpoint,
) -> None:
    text = (samples.folder / "pg-features" / f"{script}.sql").read_text()
    postgresql_server.run(text, postgresql_database.database)
    source = replace(postgresql_server.admin, database=postgresql_database.database)

    report = await migrate(between(source, mysql_database))

    assert report.error is None, report.error.message
    assert all(table.verified for table in report.tables)
    assert [table.rows_written for table in report.tables] != []


@pytest.mark.parametrize(
    "target", [Engine.MYSQL, Engine.SQLITE, Engine.DUCKDB], ids=lambda engine: engine.value.lower()
)
async def test_names_that_differ_by_case_alone_are_refused_before_anything_is_made(
    target: Engine,
    samples: Samples,
    postgresql_server: PostgresqlServer,
    postgresql_database: Endpoint,
    mysql_database: Endpoint,
    tmp_path: Path,
) -> None:
    text = (samples.folder / "pg-features" / "duckdb_other.sql").read_text()
    postgresql_server.run(text, postgresql_database.database)
    source = replace(postgresql_server.admin, database=postgresql_database.database)
    pair = between(source, Endpoint(target, path=str(tmp_path / "copy")) if target.is_file else mysql_database)

    report = await migrate(pair)

    assert report.error is not None
    assert report.error.code is ErrorCode.VALIDATION_FAILED, report.error
    async with pair.target.target() as there:
        assert (await there.introspect()).tables == ()


async def test_dates_that_are_none_are_refused_by_who_cannot_hold_them_and_kept_by_who_can(
    dates_that_are_none: Endpoint, postgresql_database: Endpoint, tmp_path: Path
) -> None:
    file = Endpoint(Engine.SQLITE, path=str(tmp_path / "copy.db"))

    refused = await migrate(between(dates_that_are_none, postgresql_database))
    kept = await migrate(between(dates_that_are_none, file))

    assert refused.error is not None
    assert refused.error.code is ErrorCode.VALUE_REJECTED
    assert kept.status is RunStatus.SUCCEEDED
    assert all(table.verified for table in kept.tables)
