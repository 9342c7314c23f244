"""An empty database of every engine whose connector is there."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.connections.values import Endpoint, Engine
from infra.connectors.registry import connector_for
from tests.connectors.lab import Lab
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer

ENGINES = tuple(
    engine
    for engine in Engine
    if importlib.util.find_spec(f"infra.connectors.{engine.value.lower()}") is not None
    and importlib.util.find_spec(f"infra.connectors.{engine.value.lower()}.connector") is not None
)
FILE_ENGINES = tuple(engine for engine in ENGINES if engine.is_file)
SERVER_ENGINES = tuple(engine for engine in ENGINES if not engine.is_file)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on every engine, or on those its marker names."""
    if "engine" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("engines")
    wanted = marker.args if marker else tuple(Engine)
    metafunc.parametrize(
        "engine",
        [engine for engine in ENGINES if engine in wanted],
        ids=lambda engine: engine.value.lower(),
        scope="module",
    )


@pytest.fixture
def lab(engine: Engine, request: pytest.FixtureRequest, tmp_path: Path) -> Lab:
    """An empty database of the engine, gone after the test."""
    return Lab(engine, _endpoint(engine, request, tmp_path), connector_for(engine))


def _endpoint(engine: Engine, request: pytest.FixtureRequest, folder: Path) -> Endpoint:
    if engine.is_file:
        return Endpoint(engine, path=str(folder / f"lab.{engine.value.lower()}"))
    endpoint = request.getfixturevalue(f"{engine.value.lower()}_database")
    assert isinstance(endpoint, Endpoint)
    return endpoint


@pytest.fixture(scope="module")
def shared_lab(
    engine: Engine, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    """A database that the tests of one module share; each makes tables of its own."""
    if engine.is_file:
        folder = tmp_path_factory.mktemp(engine.value.lower())
        yield Lab(engine, Endpoint(engine, path=str(folder / "shared")), connector_for(engine))
        return
    server = request.getfixturevalue(f"{engine.value.lower()}_server")
    assert isinstance(server, PostgresqlServer | MysqlServer)
    endpoint = server.create_database()
    yield Lab(engine, endpoint, connector_for(engine))
    server.drop(endpoint)
