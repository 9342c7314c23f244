"""Runs killed at their first boundary, then at their second, ... until one comes through untouched.

The next run of the same kind completes each of them, and the target is then compared with the source
by a process that knows nothing of either.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import pytest

from domain.connections.values import Endpoint, Engine
from tests.crash.fork_server import WRONG
from tests.crash.forks import KILLED, ForkServer
from tests.crash.tally import Tally
from tests.support.cli import url
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer

SHARE = 9
"""In the default run every so manieth boundary is tried."""

SOURCE = """
CREATE TABLE account (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL);
CREATE TABLE entry (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL REFERENCES account (id), cents BIGINT);
CREATE TABLE note (text VARCHAR(40));
CREATE INDEX entry_account ON entry (account_id);
INSERT INTO account WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30)
    SELECT i, 'account ' || i FROM n;
INSERT INTO entry WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
    SELECT i, 1 + i % 30, i * 7 FROM n;
INSERT INTO note SELECT 'the same' FROM account;
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small SQLite database with keys, an index, a reference, and a table without a key."""
    path = tmp_path_factory.mktemp("source") / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SOURCE)
    return f"sqlite:///{path}"


@contextmanager
def fresh(engine: Engine, request: pytest.FixtureRequest, path: Path) -> Iterator[str]:
    """Give the address of a new, empty database."""
    if engine.is_file:
        yield url(Endpoint(engine, path=str(path)))
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        return
    server: PostgresqlServer | MysqlServer = request.getfixturevalue(f"{engine.value.lower()}_server")
    endpoint = server.create_database()
    yield url(endpoint)
    server.drop(endpoint)


def killed_everywhere(
    engine: Engine, source: str, forks: ForkServer, request: pytest.FixtureRequest, folder: Path, step: int
) -> None:
    """Kill runs at every `step`-th boundary, and have each completed."""
    tally: Tally = request.getfixturevalue("tally")
    wrong = []
    for visit in count(1, step):
        with fresh(engine, request, folder / f"{visit}.db") as target:
            first = forks.run(source, target, f"*:{visit}=kill")
            if first.exit_code == 0:
                break
            second = forks.run(source, target)
        assert (first.exit_code, bool(first.site)) == (KILLED, True), first.said
        tally.kills["at boundaries"] += 1
        tally.sites.add(first.site)
        if second.exit_code != 0:
            kind = "wrong" if second.exit_code == WRONG else "stuck"
            wrong.append(f"{engine.value} killed at visit {visit} ({first.site}): {kind}: {second.said[-600:]}")
    tally.wrong += wrong
    assert wrong == []
    assert visit > 20


@pytest.mark.crash
@pytest.mark.timeout(900)
@pytest.mark.parametrize("engine", list(Engine))
def test_a_run_killed_at_any_boundary_is_completed_by_the_next(
    engine: Engine, source: str, forks: ForkServer, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    killed_everywhere(engine, source, forks, request, tmp_path, step=1)


@pytest.mark.parametrize("engine", list(Engine))
def test_a_run_killed_at_some_boundaries_is_completed_by_the_next(
    engine: Engine, source: str, forks: ForkServer, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    killed_everywhere(engine, source, forks, request, tmp_path, step=SHARE)
