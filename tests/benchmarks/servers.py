"""Servers set up as for real loads, their sources filled once, and a fresh target for every run."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from domain.connections.values import Endpoint, Engine
from infra.embedded.ports import free_port
from tests.benchmarks import floors
from tests.benchmarks.clients import psql
from tests.support import mysql, postgresql
from tests.support.servers import server_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.generation import Prepared
    from tests.benchmarks.measuring import Command
    from tests.support.mysql import MysqlServer
    from tests.support.postgresql import PostgresqlServer

POSTGRESQL_SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "wal_level": "replica",
    "ssl": "off",
}
MARIADB_OPTIONS = {
    "innodb-flush-log-at-trx-commit": "1",
    "innodb-doublewrite": "1",
    "innodb-buffer-pool-size": "2G",
    "innodb-log-file-size": "2G",
    "max-allowed-packet": "1G",
    "skip-log-bin": "1",
    "ssl": "0",
}


class Databases:
    """The sources, loaded when first asked for, and the targets."""

    def __init__(self, postgresql_server: PostgresqlServer, mysql_server: MysqlServer, folder: Path) -> None:
        self.postgresql = postgresql_server
        self.mysql = mysql_server
        self._folder = folder
        self._sources: dict[tuple[Engine, str], Endpoint] = {}

    def source(self, engine: Engine, prepared: Prepared) -> Endpoint:
        """Return a database that holds a data set's table and nothing else."""
        key = (engine, str(prepared.folder))
        if key not in self._sources:
            self._sources[key] = self._loaded(engine, prepared)
        return self._sources[key]

    @contextmanager
    def target(self, engine: Engine, prepared: Prepared, *, with_table: bool) -> Iterator[Endpoint]:
        """Give an empty database, or one with the data set's empty table, and drop it afterwards."""
        with self.empty(engine) as endpoint:
            if with_table:
                self.run(endpoint, prepared.data_set.ddl[engine])
            self._settle()
            yield endpoint

    @contextmanager
    def empty(self, engine: Engine) -> Iterator[Endpoint]:
        """Give an empty database, and drop it afterwards."""
        endpoint = self._created(engine)
        try:
            yield endpoint
        finally:
            self._drop(endpoint)

    def run(self, endpoint: Endpoint, statement: str) -> str:
        """Run a statement and return the first value of its last row as text."""
        match endpoint.engine:
            case Engine.POSTGRESQL:
                return self.postgresql.run(f'SET ROLE "{endpoint.username}"; {statement}', endpoint.database)
            case Engine.MYSQL:
                rows = self.mysql.run(statement, database=endpoint.database)
                return str(rows[0][0]) if rows else ""
            case Engine.DUCKDB:
                made = "" if Path(endpoint.path).exists() else " (STORAGE_VERSION 'v1.2.0')"  # the peer's is older
                with duckdb.connect() as connection:
                    connection.execute(f"ATTACH '{endpoint.path}' AS file{made}")
                    row = connection.execute(f"USE file; {statement}").fetchone()
                    return str(row[0]) if row else ""
            case Engine.SQLITE | Engine.CSV | Engine.PARQUET:
                raise AssertionError("no data set goes into SQLite or a folder")

    def _loaded(self, engine: Engine, prepared: Prepared) -> Endpoint:
        if engine is Engine.SQLITE:
            return Endpoint(engine, path=str(prepared.sqlite_file))
        endpoint = self._created(engine)
        table = prepared.data_set.name
        self.run(endpoint, prepared.data_set.ddl[engine])
        _run(floors.load_of_text(endpoint, prepared))
        if engine is Engine.POSTGRESQL:
            self.postgresql.run(f"VACUUM ANALYZE {table}", endpoint.database)
            _run(psql(endpoint, f"\\copy {table} TO '{prepared.binary_file}' (FORMAT binary)"))
        else:
            self.run(endpoint, f"ANALYZE TABLE {table}")
        return endpoint

    def floor_file_written(self, prepared: Prepared) -> None:
        """See to it that the file of the binary bulk load is there: PostgreSQL writes it itself."""
        if not prepared.binary_file.exists():
            self.source(Engine.POSTGRESQL, prepared)

    def _created(self, engine: Engine) -> Endpoint:
        match engine:
            case Engine.POSTGRESQL:
                return self.postgresql.create_database()
            case Engine.MYSQL:
                return self.mysql.create_database()
            case Engine.DUCKDB | Engine.SQLITE | Engine.CSV | Engine.PARQUET:
                self._folder.mkdir(parents=True, exist_ok=True)
                return Endpoint(engine, path=str(self._folder / f"target.{engine.value.lower()}"))

    def _drop(self, endpoint: Endpoint) -> None:
        match endpoint.engine:
            case Engine.POSTGRESQL:
                self.postgresql.drop(endpoint)
            case Engine.MYSQL:
                self.mysql.drop(endpoint)
            case Engine.DUCKDB | Engine.SQLITE | Engine.CSV | Engine.PARQUET:
                shutil.rmtree(self._folder, ignore_errors=True)

    def _settle(self) -> None:
        """Let no run pay for what the one before left to be written."""
        self.postgresql.run("CHECKPOINT")
        os.sync()


@contextmanager
def databases(**more_settings: str) -> Iterator[Databases]:
    """Run both servers, on loopback and without TLS, in folders that are gone afterwards.

    `more_settings` are PostgreSQL's.
    """
    settings = {**POSTGRESQL_SETTINGS, **more_settings}
    postgresql_programs, mysql_programs = postgresql.find_programs(), mysql.find_programs()
    assert postgresql_programs is not None, "install PostgreSQL to measure"
    assert mysql_programs is not None, "install MariaDB to measure"
    with (
        server_folder("wherry-bench-pg-") as pg,
        server_folder("wherry-bench-my-") as my,
        server_folder("wherry-bench-") as files,
        postgresql.running_postgresql(postgresql_programs, pg, free_port(), settings) as postgresql_server,
        mysql.running_mysql(mysql_programs, my, free_port(), MARIADB_OPTIONS) as mysql_server,
    ):
        yield Databases(postgresql_server, mysql_server, files / "target")


def _run(command: Command) -> None:
    """Run what must not fail."""
    finished = subprocess.run(
        [str(part) for part in command.argv],
        env={**os.environ, **command.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
