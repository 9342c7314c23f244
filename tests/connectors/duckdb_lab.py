"""A DuckDB file for tests, and statements run on it by DuckDB alone."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import duckdb

from domain.connections.values import Endpoint, Engine
from infra.connectors.duckdb.connector import CONNECTOR
from tests.connectors.lab import Lab


def lab_in(folder: Path) -> Lab:
    """Return a file of a name that has to be quoted everywhere; it is not there yet."""
    return Lab(Engine.DUCKDB, Endpoint(Engine.DUCKDB, path=str(folder / "file é #%[x].duckdb")), CONNECTOR)


def run(lab: Lab, *statements: str) -> list[tuple[object, ...]]:
    """Run statements on the file, and return the rows of the last."""
    with closing(duckdb.connect(lab.endpoint.path)) as connection:
        for statement in statements[:-1]:
            connection.execute(statement)
        return connection.execute(statements[-1]).fetchall()
