"""Whether a copy becomes slower towards the end of ten million rows: rows a second for each tenth of the table.

`BENCH_SCALE` multiplies the rows. One tenth takes about a second, in which a machine can do much else, so the copy is
repeated (`BENCH_ROUNDS`), and the median tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import harmonic_mean, median

import pytest

from domain.connections.values import Endpoint, Engine
from tests.benchmarks.choices import FOLDER, choices
from tests.benchmarks.commits import TENTHS, Commit, commits, tenths
from tests.benchmarks.long_tables import Key, filled
from tests.benchmarks.measuring import measured
from tests.benchmarks.ours import migrate
from tests.benchmarks.servers import Databases, databases
from tests.benchmarks.service import machine

pytestmark = [pytest.mark.bench, pytest.mark.timeout(0)]

ROWS = int(10_000_000 * choices().scale)
CHUNK_ROWS = max(1, ROWS // 200)
"""The clock starts at the first commit, when the other lane is about to make its own: chunks that are large beside a
tenth make the first one look faster than it is."""
LIMIT_S = 3600


@pytest.fixture(scope="module")
def running() -> Iterator[Databases]:
    """Both servers; PostgreSQL remembers when each transaction was committed."""
    with databases(track_commit_timestamp="on") as both:
        yield both


@pytest.mark.parametrize("key", Key, ids=lambda key: f"key-{key.name.lower()}")
@pytest.mark.parametrize("engine", [Engine.MYSQL, Engine.POSTGRESQL], ids=lambda engine: engine.value.lower())
def test_the_last_tenth_of_a_long_table_beside_the_first(running: Databases, engine: Engine, key: Key) -> None:
    print(f"\n{ROWS:,} rows, {engine.value.lower()}-postgresql, key: {key.name.lower()}, {machine()}")
    last, half = [], []
    with filled(running, engine, ROWS, key) as source:
        for _ in range(choices().rounds):
            made, wall_s = _copied(running, source)
            assert sum(commit.rows for commit in made) == ROWS
            if len(made) < 2 * TENTHS:
                print(f"  {wall_s:.1f} s, {len(made)} commits: too few to tell the tenths apart")
                continue
            rates = tenths(made)
            print(f"  {wall_s:.1f} s, {len(made)} commits, rows/s by tenth: " + " ".join(f"{it:,.0f}" for it in rates))
            last.append(rates[-1] / rates[0])
            half.append(harmonic_mean(rates[TENTHS // 2 :]) / harmonic_mean(rates[: TENTHS // 2]))
    for name, ratios in (("last tenth to first", last), ("last half to first", half)) if last else ():
        print(f"  {name}: {median(ratios):.2f} ({', '.join(f'{ratio:.2f}' for ratio in ratios)})")


def _copied(running: Databases, source: Endpoint) -> tuple[list[Commit], float]:
    """Copy the table into an empty database; return the commits that made it, and the seconds of the whole."""
    folder = FOLDER / "run"
    folder.mkdir(parents=True, exist_ok=True)
    with running.empty(Engine.POSTGRESQL) as target:
        command = migrate(source, target, "--verify", "none", "--chunk-rows", str(CHUNK_ROWS))
        run = measured(command, folder, LIMIT_S)
        assert run.exit_code == 0, run.last_words
        return commits(running.postgresql, target, "long"), run.wall_s
