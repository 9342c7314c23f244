"""Two empty databases, of every engine and every engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from domain.connections.values import Endpoint, Engine
from infra.connectors.registry import connector_for
from tests.connectors.lab import Lab
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer
from workers.engine.ends import Route

ENGINES = tuple(Engine)

POSTGRESQL, MYSQL, SQLITE, DUCKDB, CSV, PARQUET = ENGINES

DATABASE_PAIRS = [ends for ends in product(ENGINES, ENGINES) if not any(end.is_folder for end in ends)]

FOLDER_PAIRS = [
    *((POSTGRESQL, CSV), (CSV, MYSQL), (DUCKDB, CSV), (CSV, SQLITE)),
    *((MYSQL, PARQUET), (PARQUET, POSTGRESQL), (CSV, PARQUET), (PARQUET, CSV)),
]
"""Both kinds of folders at both ends, and each engine on the other side of one."""

OTHER_FOLDER_PAIRS = [
    ends for ends in product(ENGINES, ENGINES) if any(end.is_folder for end in ends) and ends not in FOLDER_PAIRS
]
"""All the rest, run by `pytest -m wide`."""

PAIRS = [
    *DATABASE_PAIRS,
    *FOLDER_PAIRS,
    *(pytest.param(ends, marks=pytest.mark.wide) for ends in OTHER_FOLDER_PAIRS),
]


@dataclass(frozen=True)
class Pair:
    """A source and a target."""

    source: Lab
    target: Lab

    @property
    def route(self) -> Route:
        return Route(self.source.connector, self.source.endpoint, self.target.connector, self.target.endpoint)


def names_of(ends: tuple[Engine, Engine]) -> str:
    """Name a pair in a test's id."""
    return "-".join(end.value.lower() for end in ends)


@pytest.fixture(params=PAIRS, ids=names_of)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    """Two empty databases, gone after the test."""
    engines: tuple[Engine, Engine] = request.param
    labs = [_lab(engine, request, tmp_path / name) for engine, name in zip(engines, ("source", "target"), strict=True)]
    yield Pair(*labs)
    for lab in labs:
        if not lab.engine.is_file:
            _server(lab.engine, request).drop(lab.endpoint)


@contextmanager
def lab_of(engine: Engine, request: pytest.FixtureRequest, path: Path) -> Iterator[Lab]:
    """One empty database of an engine, gone afterwards."""
    lab = _lab(engine, request, path)
    yield lab
    if not engine.is_file:
        _server(engine, request).drop(lab.endpoint)


def _lab(engine: Engine, request: pytest.FixtureRequest, path: Path) -> Lab:
    endpoint = Endpoint(engine, path=str(path)) if engine.is_file else _server(engine, request).create_database()
    return Lab(engine, endpoint, connector_for(engine))


def _server(engine: Engine, request: pytest.FixtureRequest) -> MysqlServer | PostgresqlServer:
    server = request.getfixturevalue(f"{engine.value.lower()}_server")
    assert isinstance(server, MysqlServer | PostgresqlServer)
    return server
