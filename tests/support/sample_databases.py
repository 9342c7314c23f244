"""Every sample database by name, and how it is loaded into an empty database of its engine."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from domain.connections.values import Endpoint, Engine
from infra.connectors.urls import parse_url
from tests.support.cli import url, wherry
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
    """One sample: its engine, its files, and the database that its own script makes, if it makes one.

    A folder of files may have `options` in its address; `made_of` names a sample that is migrated to make this one.
    """

    name: str
    engine: Engine
    files: tuple[str, ...]
    makes: str = ""
    options: str = ""
    made_of: str = ""


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
_DLT = ("A803_20230919", "A803_20230920", "freshman_kgs", "mlb_players", "mlb_teams_2012")

_QUOTED = (
    *("t1_delimiter_escape_same", "t1_newline", "t1_quote_escape_char1", "t1_quote_escape_char2"),
    *("test_backspace_char2", "test_backspace_quote_single_quote_escape", "test_default_delimiter_csv"),
    "test_delimiter_backspace",
)
_BARE = (
    *("t1_null_string_csv", "t1_null_string_csv2", "t1_quote_char", "t1_quote_escape_dq", "test_backspace_char"),
    *("test_backspace_escape_double_quote", "test_backspace_quote_double_quote_escape", "t1_escape_backslash"),
)

OTHERS = (
    SampleDatabase(
        "dlt-csv", Engine.CSV, (*(f"csv-features/dlt/{name}.csv" for name in _DLT), "csv-features/dlt/taxi.csv.gz")
    ),
    SampleDatabase(
        "tpch-csv",
        Engine.CSV,
        tuple(
            f"tpch-tiny-csv/{name}.csv.gz"
            for name in ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")
        ),
        options="delimiter=%7C",
    ),
    SampleDatabase("voyager-csv", Engine.CSV, tuple(f"csv-features/yb-voyager/{name}.csv" for name in _QUOTED)),
    SampleDatabase(
        "voyager-bare-csv",
        Engine.CSV,
        tuple(f"csv-features/yb-voyager/{name}.csv" for name in _BARE),
        options="quote=none",
    ),
    SampleDatabase("dlt-parquet", Engine.PARQUET, ("csv-features/dlt/mlb_players.parquet",)),
    *(
        SampleDatabase(f"{name}-{engine.value.lower()}", engine, (), made_of=f"{name}-sqlite")
        for name in ("chinook", "sakila")
        for engine in (Engine.CSV, Engine.PARQUET, Engine.DUCKDB)
    ),
)
"""Folders of files, and files of DuckDB, most of them made of another sample."""

BY_NAME = {sample.name: sample for sample in (*DATABASES, *OTHERS)}


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


def load_into_folder(sample: SampleDatabase, samples: Samples, path: Path) -> Endpoint:
    """Copy a sample's files into a folder of their own."""
    path.mkdir()
    for file in sample.files:
        shutil.copyfile(samples.folder / file, path / Path(file).name)
    return parse_url(f"{sample.engine.value.lower()}:///{path}?{sample.options}".rstrip("?"))


def make_of(sample: SampleDatabase, source: Endpoint, path: Path) -> Endpoint:
    """Migrate another sample, and return what has become of it."""
    endpoint = Endpoint(sample.engine, path=str(path))
    made = wherry("migrate", url(source), url(endpoint))
    assert made.exit_code == 0, made.stderr
    return endpoint


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
