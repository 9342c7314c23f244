"""Well-known databases from engine to engine with the one command, without any knob."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.connections.values import Endpoint, Engine
from tests.support.cli import Finished, url, wherry
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer
from tests.support.samples import Samples, find_samples, load_mysql


@pytest.fixture
def samples(request: pytest.FixtureRequest) -> Samples:
    return find_samples(request)


@pytest.fixture
def sakila(mysql_server: MysqlServer, samples: Samples) -> Iterator[Endpoint]:
    """The film rental shop on MariaDB. Its scripts make a database of this very name."""
    folder = samples.folder / "sakila-mysql"
    load_mysql(mysql_server, mysql_server.admin, folder / "sakila-schema.sql", folder / "sakila-data.sql")
    yield replace(mysql_server.admin, database="sakila")
    mysql_server.run("DROP DATABASE sakila")


@pytest.fixture
def northwind(postgresql_server: PostgresqlServer, postgresql_database: Endpoint, samples: Samples) -> Endpoint:
    """The trading company on PostgreSQL."""
    script = (samples.folder / "northwind" / "northwind_postgres.sql").read_text()
    postgresql_server.run(script, postgresql_database.database)
    return replace(postgresql_server.admin, database=postgresql_database.database)


def migrated(source: Endpoint, target: Endpoint) -> Finished:
    """Migrate with the one command, and check what every success must show."""
    result = wherry("migrate", url(source), url(target), "--json")
    assert result.exit_code == 0, result.stderr
    assert result.document["status"] == "SUCCEEDED"
    assert all(table["verified"] for table in result.document["tables"])
    assert all(note["reason"] for note in result.document["objects"]["skipped"])
    compared = wherry("verify", url(source), url(target), "--json")
    assert compared.exit_code == 0, compared.stderr
    return result


def test_sakila_from_mariadb_to_postgresql(sakila: Endpoint, postgresql_database: Endpoint, samples: Samples) -> None:
    result = migrated(sakila, postgresql_database)

    assert result.counts == samples.counts("sakila-mysql", "sakila-schema.sql")


def test_chinook_from_sqlite_to_mariadb(mysql_database: Endpoint, samples: Samples) -> None:
    source = Endpoint(Engine.SQLITE, path=str(samples.folder / "chinook" / "Chinook_Sqlite.sqlite"))

    result = migrated(source, mysql_database)

    assert result.counts == samples.counts("chinook", "Chinook_Sqlite.sqlite")


def test_northwind_from_postgresql_to_duckdb(northwind: Endpoint, samples: Samples, tmp_path: Path) -> None:
    result = migrated(northwind, Endpoint(Engine.DUCKDB, path=str(tmp_path / "northwind.duckdb")))

    assert result.counts == samples.counts("northwind", "northwind_postgres.sql")


def test_sakila_from_sqlite_to_postgresql(postgresql_database: Endpoint, samples: Samples) -> None:
    source = Endpoint(Engine.SQLITE, path=str(samples.folder / "sakila-sqlite" / "sakila.db"))

    result = migrated(source, postgresql_database)

    assert result.counts == samples.counts("sakila-sqlite", "sakila.db")
