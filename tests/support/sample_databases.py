"""Every sample database by name, and how it is loaded into an empty database of its engine."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from domain.connections.values import Endpoint, Engine
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer
from tests.support.samples import Samples, load_mysql

_SHOWS_ONLY = re.compile(r"^\\ ?[dc].*$", re.MULTILINE)
"""Lines by which psql would describe a table or go to another database."""

_MAKES_DATABASE = re.compile(r"^(?:DROP|CREATE) DATABASE [^;]*;", re.MULTILINE)

MYSQL_FEATURES = (
    *("case-sensitivity-reserved-words", "constraints", "datatypes", "functions", "indexes", "misc-tests"),
    *("partitions", "sequences", "triggers-procedures", "views"),
)
POSTGRESQL_FEATURES = (
    *("case-sensitive-objects", "codependent-schemas", "constraints", "datatypes", "duckdb_all_pg_types"),
    *("duckdb_decimals", "duckdb_other", "indexes", "partitions", "sequences", "views-and-rules"),
)


@dataclass(frozen=True)
class SampleDatabase:
    """One sample: its engine, its files, and the database that its own script makes, if it makes one."""

    name: str
    engine: Engine
    files: tuple[str, ...]
    makes: str = ""


DATABASES = (
    SampleDatabase("chinook-mysql", Engine.MYSQL, ("chinook/Chinook_MySql.sql",), "Chinook"),
    SampleDatabase(
        "northwind-mysql",
        Engine.MYSQL,
        ("northwind/northwind_mysql_schema.sql", "northwind/northwind_mysql_data.sql"),
        "northwind",
    ),
    SampleDatabase(
        "sakila-mysql", Engine.MYSQL, ("sakila-mysql/sakila-schema.sql", "sakila-mysql/sakila-data.sql"), "sakila"
    ),
    SampleDatabase("mysql-types", Engine.MYSQL, ("mysql-features/duckdb_mysql_types.sql",), "mysqlscanner"),
    *(SampleDatabase(f"mysql-{name}", Engine.MYSQL, (f"mysql-features/{name}.sql",)) for name in MYSQL_FEATURES),
    SampleDatabase("chinook-pg", Engine.POSTGRESQL, ("chinook/Chinook_PostgreSql.sql",)),
    SampleDatabase("northwind-pg", Engine.POSTGRESQL, ("northwind/northwind_postgres.sql",)),
    SampleDatabase("periodic-pg", Engine.POSTGRESQL, ("pg-small/periodic_table.sql",)),
    SampleDatabase("happiness-pg", Engine.POSTGRESQL, ("pg-small/happiness_index.sql",)),
    *(SampleDatabase(f"pg-{name}", Engine.POSTGRESQL, (f"pg-features/{name}.sql",)) for name in POSTGRESQL_FEATURES),
    SampleDatabase("chinook-sqlite", Engine.SQLITE, ("chinook/Chinook_Sqlite.sqlite",)),
    SampleDatabase("northwind-sqlite", Engine.SQLITE, ("northwind/northwind_sqlite.sql",)),
    SampleDatabase("sakila-sqlite", Engine.SQLITE, ("sakila-sqlite/sakila.db",)),
)
BY_NAME = {sample.name: sample for sample in DATABASES}


class Refused(Exception):
    """The server itself does not take a sample's script; the text is the server's reason."""


def load_into_mysql(server: MysqlServer, sample: SampleDatabase, samples: Samples) -> Endpoint:
    """Load a sample and return it as its administrator sees it.

    Raises:
        Refused: the server does not take the script.
    """
    endpoint = replace(server.admin, database="mysql" if sample.makes else server.create_database().database)
    try:
        load_mysql(server, endpoint, *(samples.folder / file for file in sample.files))
    except AssertionError as error:
        raise Refused(str(error)) from error
    return replace(endpoint, database=sample.makes or endpoint.database)


def load_into_postgresql(server: PostgresqlServer, sample: SampleDatabase, samples: Samples) -> Endpoint:
    """Load a sample into a new database and return it as its administrator sees it.

    Raises:
        Refused: the server does not take the script.
    """
    database = server.create_database().database
    for file in sample.files:
        text = (samples.folder / file).read_text()
        try:
            server.run(_MAKES_DATABASE.sub("", _SHOWS_ONLY.sub("", text)), database)
        except AssertionError as error:
            raise Refused(str(error)) from error
    return replace(server.admin, database=database)


def load_into_file(sample: SampleDatabase, samples: Samples, path: Path) -> Endpoint:
    """Copy a sample's SQLite file, or make one of its script."""
    for file in sample.files:
        if file.endswith(".sql"):
            with closing(sqlite3.connect(path)) as connection:
                connection.executescript("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY;")
                connection.executescript((samples.folder / file).read_text())
        else:
            shutil.copyfile(samples.folder / file, path)
    return Endpoint(Engine.SQLITE, path=str(path))
