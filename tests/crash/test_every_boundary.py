"""Runs killed at their first boundary, then at their second, ... until one comes through untouched.

The next run of the same kind completes each of them, and the target is then compared with the source
by a process that knows nothing of either.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from domain.connections.values import Endpoint, Engine
from tests.crash.fork_server import WRONG
from tests.crash.forks import KILLED, ForkServer
from tests.crash.tally import Tally
from tests.pairs.test_rollback import DATABASES
from tests.support.cli import url
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer

SHARE = 9
"""In the default run every so manieth boundary is tried; of folders of files in `make crash` too."""

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
def fresh(engine: Engine, server: PostgresqlServer | MysqlServer | None, path: Path) -> Iterator[str]:
    """Give the address of a new, empty database."""
    if server is None:
        yield url(Endpoint(engine, path=str(path)))
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        return
    endpoint = server.create_database()
    yield url(endpoint)
    server.drop(endpoint)


@dataclass(frozen=True)
class Kill:
    """A run that was killed, and what the next one made of it: nothing if that is whole."""

    site: str
    wrong: str


@dataclass(frozen=True)
class Place:
    """Where runs are killed."""

    engine: Engine
    server: PostgresqlServer | MysqlServer | None
    folder: Path
    source: str

    def kills(self, forks: ForkServer, visits: Iterable[int]) -> list[Kill]:
        """Kill runs at these visits, until one comes through untouched, and have each completed."""
        found: list[Kill] = []
        for visit in visits:
            with fresh(self.engine, self.server, self.folder / f"{visit}.db") as target:
                first = forks.run(self.source, target, f"*:{visit}=kill")
                if first.exit_code == 0:
                    return found
                second = forks.run(self.source, target)
            assert (first.exit_code, bool(first.site)) == (KILLED, True), first.said
            kind = "wrong" if second.exit_code == WRONG else "stuck"
            where = f"{self.engine.value} killed at visit {visit} ({first.site}): {kind}: {second.said[-600:]}"
            found.append(Kill(first.site, where if second.exit_code else ""))
        return found


def killed_everywhere(place: Place, forks: tuple[ForkServer, ...], tally: Tally, step: int) -> None:
    """Kill runs at every `step`-th boundary, and have each completed; the visits are shared out among the forks."""
    turns = [count(1 + step * turn, step * len(forks)) for turn in range(len(forks))]
    with ThreadPoolExecutor(len(forks)) as threads:
        kills = [kill for some in threads.map(place.kills, forks, turns) for kill in some]
    wrong = [kill.wrong for kill in kills if kill.wrong]
    tally.kills["at boundaries"] += len(kills)
    tally.sites |= {kill.site for kill in kills}
    tally.wrong += wrong
    assert wrong == []
    assert step * len(kills) > 20


@pytest.fixture
def place(engine: Engine, source: str, request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where runs into an engine are killed."""
    server = None if engine.is_file else request.getfixturevalue(f"{engine.value.lower()}_server")
    return Place(engine, server, tmp_path, source)


@pytest.mark.crash
@pytest.mark.timeout(900)
@pytest.mark.parametrize("engine", DATABASES)
def test_a_run_killed_at_any_boundary_is_completed_by_the_next(
    place: Place, forks: tuple[ForkServer, ...], tally: Tally
) -> None:
    killed_everywhere(place, forks, tally, step=1)


@pytest.mark.parametrize("engine", list(Engine))
def test_a_run_killed_at_some_boundaries_is_completed_by_the_next(
    place: Place, forks: tuple[ForkServer, ...], tally: Tally
) -> None:
    killed_everywhere(place, forks, tally, step=SHARE)
