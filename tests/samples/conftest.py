"""The sample databases, each loaded once, and the table that is printed at the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from domain.connections.values import Endpoint, Engine
from tests.samples.matrix import Cell, as_text
from tests.support.mysql import MysqlServer
from tests.support.notes import noted
from tests.support.postgresql import PostgresqlServer
from tests.support.sample_databases import (
    BY_NAME,
    Refused,
    load_into_file,
    load_into_folder,
    load_into_mysql,
    load_into_postgresql,
    make_of,
)
from tests.support.samples import Samples, find_samples

Load = Callable[[str], Endpoint]
FOLDER = Path(".bench")


@pytest.fixture(scope="session")
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Load:
    """Load a sample by its name, the first time it is asked for; what a server refuses stays refused."""
    known: dict[str, Endpoint | Refused] = {}
    folder = tmp_path_factory.mktemp("samples")

    def load(name: str) -> Endpoint:
        if name not in known:
            try:
                made_of = BY_NAME[name].made_of
                known[name] = (
                    make_of(BY_NAME[name], load(made_of), folder / name) if made_of else _load(name, request, folder)
                )
            except Refused as refused:
                known[name] = refused
        found = known[name]
        if isinstance(found, Refused):
            raise found
        return found

    return load


def _load(name: str, request: pytest.FixtureRequest, folder: Path) -> Endpoint:
    sample, samples = BY_NAME[name], find_samples(request)
    match sample.engine:
        case Engine.MYSQL:
            mysql: MysqlServer = request.getfixturevalue("mysql_server")
            return load_into_mysql(mysql, sample, samples)
        case Engine.POSTGRESQL:
            postgresql: PostgresqlServer = request.getfixturevalue("postgresql_server")
            return load_into_postgresql(postgresql, sample, samples)
        case Engine.CSV | Engine.PARQUET:
            return load_into_folder(sample, samples, folder / name)
        case _:
            return load_into_file(sample, samples, folder / f"{name}.db")


@pytest.fixture(scope="session")
def samples(request: pytest.FixtureRequest) -> Samples:
    """The folder of the samples; without it the test is skipped."""
    return find_samples(request)


@pytest.fixture(scope="session")
def cells(request: pytest.FixtureRequest) -> list[Cell]:
    """The results of the matrix so far."""
    return noted(request.config, Cell)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table of the runs that were made, and keep it in a file."""
    found = noted(config, Cell)
    if not found:
        return
    text = as_text(found)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "samples.md").write_text(text + "\n")
    terminalreporter.section("Sample databases")
    terminalreporter.write_line(text)
