"""Write a data set once: as an SQLite database, and as text that the servers' bulk loaders read."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from domain.connections.values import Engine
from tests.benchmarks.datasets import DataSet

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS_AT_ONCE = 50_000
THREADS = 2


@dataclass(frozen=True)
class Prepared:
    """The files of a data set. PostgreSQL writes `binary_file` itself, once it has loaded its text."""

    data_set: DataSet
    rows: int
    folder: Path

    @property
    def sqlite_file(self) -> Path:
        """The rows as a database."""
        return self.folder / "rows.sqlite"

    @property
    def binary_file(self) -> Path:
        """The rows as PostgreSQL's COPY writes them in binary form."""
        return self.folder / "rows.copy"

    def text_file(self, engine: Engine) -> Path:
        """The rows as PostgreSQL's COPY or MySQL's LOAD DATA reads them as text."""
        return self.folder / f"rows.{engine.value.lower()}.text"


def prepared(data_set: DataSet, rows: int, folder: Path) -> Prepared:
    """Return a data set's files, and write those that are not there; others than today's rows are never taken."""
    recipe = json.dumps([data_set.rows_sql, _lines_sql(data_set, Engine.MYSQL), data_set.ddl[Engine.SQLITE], rows])
    name = f"{data_set.name}-{rows}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    files = Prepared(data_set, rows, folder / name)
    files.folder.mkdir(parents=True, exist_ok=True)
    wanted = (files.sqlite_file, files.text_file(Engine.MYSQL), files.text_file(Engine.POSTGRESQL))
    if all(file.exists() for file in wanted):
        return files
    with closing(duckdb.connect(config={"threads": THREADS})) as connection:
        connection.execute(f"CREATE TABLE made AS {data_set.rows_sql}", {"rows": rows})
        for engine in (Engine.MYSQL, Engine.POSTGRESQL):
            _write(files.text_file(engine), _lines(connection, data_set, engine))
        _write_sqlite(connection, files)
    return files


def _write(file: Path, parts: Iterator[str]) -> None:
    """Write a file under another name first: a file that is there is whole."""
    growing = file.with_suffix(".part")
    with growing.open("w", encoding="utf-8", newline="") as stream:
        for part in parts:
            stream.write(part)
    growing.rename(file)


def _lines(connection: duckdb.DuckDBPyConnection, data_set: DataSet, engine: Engine) -> Iterator[str]:
    """Give the rows as lines, many at once."""
    result = connection.execute(
        f"SELECT string_agg(line, '' ORDER BY id) FROM (SELECT id, {_lines_sql(data_set, engine)} AS line FROM made)"
        f" GROUP BY id // {ROWS_AT_ONCE} ORDER BY min(id)"
    )
    while row := result.fetchone():
        yield row[0]


def _lines_sql(data_set: DataSet, engine: Engine) -> str:
    """Return DuckDB's expression of a row as a line: tabs between, backslashes before what would end a value."""
    values = " || chr(9) || ".join(f"coalesce({_text_sql(data_set, name, engine)}, '\\N')" for name in data_set.columns)
    return f"{values} || chr(10)"


def _text_sql(data_set: DataSet, column: str, engine: Engine) -> str:
    if column in data_set.escaped:
        escaped = f"replace({column}, '\\', '\\\\')"
        for character, letter in ((9, "t"), (10, "n"), (13, "r")):
            escaped = f"replace({escaped}, chr({character}), '\\{letter}')"
        return escaped
    if column in data_set.binary:
        return f"'\\\\x' || hex({column})" if engine is Engine.POSTGRESQL else f"hex({column})"
    return _scalar_sql(column)


def _scalar_sql(column: str) -> str:
    """Return a number, day or time as text; a truth value as 1 or 0, which every engine reads."""
    text = f"{column}::VARCHAR"
    return f"CASE typeof({column}) WHEN 'BOOLEAN' THEN ({text} = 'true')::INTEGER::VARCHAR ELSE {text} END"


def _write_sqlite(connection: duckdb.DuckDBPyConnection, files: Prepared) -> None:
    data_set = files.data_set
    plain = data_set.escaped | data_set.binary | {"id"}
    columns = ", ".join(name if name in plain else _scalar_sql(name) for name in data_set.columns)
    marks = ", ".join("?" for _ in data_set.columns)
    growing = files.sqlite_file.with_suffix(".part")
    growing.unlink(missing_ok=True)
    with closing(sqlite3.connect(growing)) as database, database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute(data_set.ddl[Engine.SQLITE])
        result = connection.execute(f"SELECT {columns} FROM made ORDER BY id")
        while rows := result.fetchmany(ROWS_AT_ONCE):
            database.executemany(f"INSERT INTO {data_set.name} VALUES ({marks})", rows)
    growing.rename(files.sqlite_file)
