"""Rollbacks killed at their first boundary, then at their second, ... until one comes through untouched.

After each kill the next rollback goes on, and the target is then as it was before the run: catalogue and digests.
Runs that are killed anywhere are taken back likewise.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from domain.connections.values import Engine
from tests.connectors.lab import Lab
from tests.crash.forks import KILLED, ForkServer, Run
from tests.crash.tally import Tally
from tests.pairs.conftest import _lab, _server
from tests.pairs.moves import fill, write_later
from tests.pairs.test_rollback import DATABASES, ITEM, KIND, OLD_KINDS, UNRELATED
from tests.support.cli import url
from tests.support.pictures import Picture, picture

SHARES = {("POSTGRESQL", "TRUNCATE"): 17, ("MYSQL", "APPEND"): 19, ("SQLITE", "APPEND"): 11, ("DUCKDB", "TRUNCATE"): 11}
"""In the default run every so manieth boundary is tried, in each engine with one of the policies."""

STEPS = {"TRUNCATE": 1, "APPEND": 7}
"""In `make crash` every boundary is tried where rows are replaced, every seventh one where rows are added."""

SOURCE = """
CREATE TABLE kind (id BIGINT PRIMARY KEY NOT NULL, name VARCHAR(30));
CREATE TABLE item (id BIGINT PRIMARY KEY NOT NULL, kind_id BIGINT REFERENCES kind (id), title VARCHAR(50));
CREATE TABLE added (id INTEGER PRIMARY KEY, kind_id BIGINT REFERENCES kind (id));
CREATE INDEX added_kind ON added (kind_id);
INSERT INTO kind WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
    SELECT i, 'kind ' || i FROM n;
INSERT INTO item SELECT id, id, 'title' FROM kind WHERE id < 5;
INSERT INTO added SELECT id, id FROM kind WHERE id < 10;
"""
"""Tables that are there with rows, there without any, and new."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small SQLite database."""
    path = tmp_path_factory.mktemp("source") / "kinds.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SOURCE)
    return f"sqlite:///{path}"


@pytest.fixture(params=DATABASES, ids=[engine.value.lower() for engine in DATABASES])
def targets(request: pytest.FixtureRequest, forks: tuple[ForkServer, ...], tmp_path: Path) -> Iterator[list[Lab]]:
    """Empty databases of each engine, one for each server that forks."""
    engine: Engine = request.param
    labs = [_lab(engine, request, tmp_path / f"target{number}") for number in range(len(forks))]
    yield labs
    if not engine.is_file:
        for lab in labs:
            _server(engine, request).drop(lab.endpoint)


class Trial:
    """One target that is written and put back again and again."""

    def __init__(self, forks: ForkServer, source: str, target: Lab, on_existing: str, tally: Tally) -> None:
        self._forks = forks
        self._ends = (source, url(target.endpoint))
        self._target = target
        self._on_existing = on_existing
        self._tally = tally
        self._before: Picture | None = None

    async def make(self) -> None:
        """Make the tables that are there before, and remember what the target is like."""
        await fill(self._target, {KIND: OLD_KINDS, ITEM: [], UNRELATED: [(1,)]})
        self._before = await picture(self._target.endpoint)

    async def run(self, failpoints: str = "") -> Run:
        """Migrate."""
        return await asyncio.to_thread(self._forks.run, *self._ends, failpoints, on_existing=self._on_existing)

    async def back(self, failpoints: str = "") -> Run:
        """Roll back."""
        return await asyncio.to_thread(self._forks.run, *self._ends, failpoints, takes_back=True)

    async def killed_rollbacks(self, visits: Iterable[int]) -> int:
        """Kill rollbacks at these visits, until one comes through, and have each completed; return how many."""
        for killed, visit in enumerate(visits):
            done = await self.run()
            assert done.exit_code == 0, done.said
            if self._on_existing == "TRUNCATE":
                await write_later(self._target, "kind", [(999, "later")])
            first = await self.back(f"*:{visit}=kill")
            if first.exit_code == 0:
                await self._check(f"came through at visit {visit}")
                return killed
            self._count("of rollbacks at boundaries", first)
            await self._completed(visit, first)
        raise AssertionError("a count has no end")

    async def killed_runs(self, visits: Iterable[int]) -> int:
        """Kill runs at these visits, until one comes through, and have each rolled back; return how many."""
        for killed, visit in enumerate(visits):
            first = await self.run(f"*:{visit}=kill")
            if first.exit_code != 0:
                self._count("of runs to be rolled back", first)
            await self._completed(visit, first)
            if first.exit_code == 0:
                return killed
        raise AssertionError("a count has no end")

    def _count(self, kind: str, first: Run) -> None:
        assert (first.exit_code, bool(first.site)) == (KILLED, True), first.said
        self._tally.kills[kind] += 1
        self._tally.sites.add(first.site)

    async def _completed(self, visit: int, first: Run) -> None:
        second = await self.back()
        where = f"{self._target.engine.value} {self._on_existing} killed at visit {visit} ({first.site})"
        if second.exit_code != 0:
            self._tally.wrong.append(f"{where}: stuck: {second.said[-600:]}")
        assert second.exit_code == 0, f"{where}: {second.said}"
        await self._check(where)

    async def _check(self, where: str) -> None:
        now = await picture(self._target.endpoint)
        if now != self._before:
            self._tally.wrong.append(f"{where}: the target is not as it was")
        assert now == self._before, where


@pytest.fixture
async def trials(
    forks: tuple[ForkServer, ...], source: str, targets: list[Lab], on_existing: str, tally: Tally
) -> list[Trial]:
    """Trials of the engine and the policy of a test, among which the boundaries are shared out."""
    made = [Trial(server, source, target, on_existing, tally) for server, target in zip(forks, targets, strict=True)]
    await asyncio.gather(*(trial.make() for trial in made))
    return made


def visits_of(trials: list[Trial], step: int) -> list[Iterable[int]]:
    """Return for each trial which boundaries are its own, where every `step`-th is tried."""
    return [count(1 + step * turn, step * len(trials)) for turn in range(len(trials))]


@pytest.mark.crash
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("on_existing", "step"), STEPS.items())
async def test_a_rollback_killed_at_any_boundary_is_completed_by_the_next(trials: list[Trial], step: int) -> None:
    turns = zip(trials, visits_of(trials, step), strict=True)

    assert step * sum(await asyncio.gather(*(trial.killed_rollbacks(visits) for trial, visits in turns))) > 20


@pytest.mark.crash
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("on_existing", "step"), STEPS.items())
async def test_a_run_killed_at_any_boundary_is_rolled_back(trials: list[Trial], step: int) -> None:
    turns = zip(trials, visits_of(trials, step), strict=True)

    assert step * sum(await asyncio.gather(*(trial.killed_runs(visits) for trial, visits in turns))) > 20


@pytest.mark.share
@pytest.mark.parametrize(
    ("targets", "on_existing", "step"),
    [(Engine(engine), on_existing, step) for (engine, on_existing), step in SHARES.items()],
    indirect=["targets"],
)
async def test_a_rollback_killed_at_some_boundaries_is_completed_by_the_next(trials: list[Trial], step: int) -> None:
    turns = zip(trials, visits_of(trials, step), strict=True)

    assert step * sum(await asyncio.gather(*(trial.killed_rollbacks(visits) for trial, visits in turns))) > 20
