"""Well-known databases from engine to engine with the one command, without any knob."""

from __future__ import annotations

from pathlib import Path

from domain.connections.values import Endpoint, Engine
from tests.samples.conftest import Load
from tests.support.cli import Finished, url, wherry
from tests.support.samples import Samples


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


def test_sakila_from_mariadb_to_postgresql(loaded: Load, postgresql_database: Endpoint, samples: Samples) -> None:
    result = migrated(loaded("sakila-mysql"), postgresql_database)

    assert result.counts == samples.counts("sakila-mysql", "sakila-schema.sql")


def test_chinook_from_sqlite_to_mariadb(loaded: Load, mysql_database: Endpoint, samples: Samples) -> None:
    result = migrated(loaded("chinook-sqlite"), mysql_database)

    assert result.counts == samples.counts("chinook", "Chinook_Sqlite.sqlite")


def test_northwind_from_postgresql_to_duckdb(loaded: Load, samples: Samples, tmp_path: Path) -> None:
    result = migrated(loaded("northwind-pg"), Endpoint(Engine.DUCKDB, path=str(tmp_path / "northwind.duckdb")))

    assert result.counts == samples.counts("northwind", "northwind_postgres.sql")


def test_sakila_from_sqlite_to_postgresql(loaded: Load, postgresql_database: Endpoint, samples: Samples) -> None:
    result = migrated(loaded("sakila-sqlite"), postgresql_database)

    assert result.counts == samples.counts("sakila-sqlite", "sakila.db")
