"""Runs killed at their first boundary, then at their second, ... until one comes through untouched.

The next run of the same kind completes each of them, and the target is then compared with the source
by a process that knows nothing of either.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
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


class Target:
    """A target that is empty again whenever it is asked for: a database of a server, or all that is in a folder."""

    def __init__(self, engine: Engine, server: PostgresqlServer | MysqlServer | None, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self._endpoint = Endpoint(engine, path=str(folder / "target")) if server is None else server.create_database()

    def emptied(self) -> str:
        """Remove everything in it, and return its address."""
        if self._server is None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir()
        else:
            self._server.empty(self._endpoint)
        return url(self._endpoint)

    def drop(self) -> None:
        """End its use."""
        if self._server is not None:
            self._server.drop(self._endpoint)


@dataclass(frozen=True)
class Kill:
    """A run that was killed, and what the next one made of it: nothing if that is whole."""

    site: str
    wrong: str


def kills(source: str, target: Target, forks: ForkServer, visits: Iterable[int]) -> list[Kill]:
    """Kill runs at these visits, until one comes through untouched, and have each completed."""
    found: list[Kill] = []
    for visit in visits:
        address = target.emptied()
        first = forks.run(source, address, f"*:{visit}=kill")
        if first.exit_code == 0:
            return found
        second = forks.run(source, address)
        assert (first.exit_code, bool(first.site)) == (KILLED, True), first.said
        kind = "wrong" if second.exit_code == WRONG else "stuck"
        where = f"{address.partition(':')[0]} killed at visit {visit} ({first.site}): {kind}: {second.said[-600:]}"
        found.append(Kill(first.site, where if second.exit_code else ""))
    return found


def killed_everywhere(
    targets: list[Target], source: str, forks: tuple[ForkServer, ...], tally: Tally, step: int
) -> None:
    """Kill runs at every `step`-th boundary, and have each completed; the visits are shared out among the forks."""
    turns = [count(1 + step * turn, step * len(forks)) for turn in range(len(forks))]
    with ThreadPoolExecutor(len(forks)) as threads:
        found = [kill for some in threads.map(partial(kills, source), targets, forks, turns) for kill in some]
    wrong = [kill.wrong for kill in found if kill.wrong]
    tally.kills["at boundaries"] += len(found)
    tally.sites |= {kill.site for kill in found}
    tally.wrong += wrong
    assert wrong == []
    assert step * len(found) > 20


@pytest.fixture
def targets(
    engine: Engine, request: pytest.FixtureRequest, forks: tuple[ForkServer, ...], tmp_path: Path
) -> Iterator[list[Target]]:
    """A target of an engine for each server that forks."""
    server = None if engine.is_file else request.getfixturevalue(f"{engine.value.lower()}_server")
    made = [Target(engine, server, tmp_path / f"{number}") for number in range(len(forks))]
    yield made
    for target in made:
        target.drop()


@pytest.mark.crash
@pytest.mark.timeout(900)
@pytest.mark.parametrize("engine", list(Engine))
def test_a_run_killed_at_any_boundary_is_completed_by_the_next(
    targets: list[Target], source: str, forks: tuple[ForkServer, ...], tally: Tally
) -> None:
    killed_everywhere(targets, source, forks, tally, step=1)


@pytest.mark.share
@pytest.mark.parametrize("engine", list(Engine))
def test_a_run_killed_at_some_boundaries_is_completed_by_the_next(
    targets: list[Target], source: str, forks: tuple[ForkServer, ...], tally: Tally
) -> None:
    killed_everywhere(targets, source, forks, tally, step=SHARE)
