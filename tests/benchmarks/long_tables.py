"""A narrow table named `long` with very many rows, in the forms that tables are cut in different ways by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

from domain.connections.values import Endpoint, Engine
from tests.benchmarks.servers import Databases

PIECE_ROWS = 1_000_000
"""So many rows are made in one statement."""


class Key(Enum):
    """What the rows of a table are told apart by."""

    NUMBER = "id bigint PRIMARY KEY"
    TEXT = "id varchar(40) PRIMARY KEY"
    NONE = "id bigint NOT NULL"


@contextmanager
def filled(databases: Databases, engine: Engine, rows: int, key: Key = Key.NUMBER) -> Iterator[Endpoint]:
    """Give a database that holds the table."""
    with databases.empty(engine) as source:
        databases.run(source, f"CREATE TABLE `long` ({_columns(key)})".replace("`", _quote(engine)))
        for begin in range(1, rows + 1, PIECE_ROWS):
            databases.run(source, _insert(engine, key, begin, min(begin + PIECE_ROWS - 1, rows)))
        databases.run(source, "ANALYZE long" if engine is Engine.POSTGRESQL else "ANALYZE TABLE `long`")
        yield source


def _columns(key: Key) -> str:
    return f"{key.value}, amount bigint NOT NULL, note varchar(20) NOT NULL"


def _quote(engine: Engine) -> str:
    return '"' if engine is Engine.POSTGRESQL else "`"


def _insert(engine: Engine, key: Key, begin: int, end: int) -> str:
    """Return the statement that makes the rows between two numbers."""
    if engine is Engine.POSTGRESQL:
        id_ = "md5(n::text)" if key is Key.TEXT else "n"
        numbers = f"generate_series({begin}::bigint, {end}) n"
        return f"INSERT INTO long SELECT {id_}, n * 7, left(md5(n::text), 12) FROM {numbers}"
    id_ = "md5(seq)" if key is Key.TEXT else "seq"
    return f"INSERT INTO `long` SELECT {id_}, seq * 7, left(md5(seq), 12) FROM seq_{begin}_to_{end}"
