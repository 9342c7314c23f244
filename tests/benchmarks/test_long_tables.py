"""Whether a copy becomes slower towards the end of ten million rows: rows a second for each tenth of the table.

`BENCH_SCALE` multiplies the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import harmonic_mean

import pytest

from domain.connections.values import Engine
from tests.benchmarks.choices import FOLDER, choices
from tests.benchmarks.commits import TENTHS, commits, tenths
from tests.benchmarks.long_tables import Key, filled
from tests.benchmarks.measuring import measured
from tests.benchmarks.ours import migrate
from tests.benchmarks.servers import Databases, databases
from tests.benchmarks.service import machine

pytestmark = [pytest.mark.bench, pytest.mark.timeout(0)]

ROWS = int(10_000_000 * choices().scale)
LIMIT_S = 3600


@pytest.fixture(scope="module")
def running() -> Iterator[Databases]:
    """Both servers; PostgreSQL remembers when each transaction was committed."""
    with databases(track_commit_timestamp="on") as both:
        yield both


@pytest.mark.parametrize("key", Key, ids=lambda key: f"key-{key.name.lower()}")
@pytest.mark.parametrize("engine", [Engine.MYSQL, Engine.POSTGRESQL], ids=lambda engine: engine.value.lower())
def test_the_last_tenth_of_a_long_table_beside_the_first(running: Databases, engine: Engine, key: Key) -> None:
    folder = FOLDER / "run"
    folder.mkdir(parents=True, exist_ok=True)
    with filled(running, engine, ROWS, key) as source, running.empty(Engine.POSTGRESQL) as target:
        run = measured(migrate(source, target, "--verify", "none"), folder, LIMIT_S)
        assert run.exit_code == 0, run.last_words
        made = commits(running.postgresql, target, "long")

    rates = tenths(made) if len(made) >= 2 * TENTHS else []
    pair = f"{engine.value.lower()}-postgresql, key: {key.name.lower()}"
    print(f"\n{ROWS:,} rows, {pair}: {run.wall_s:.1f} s, {len(made)} commits, {machine()}")
    if rates:
        print("  rows/s by tenth: " + " ".join(f"{rate:,.0f}" for rate in rates))
        halves = harmonic_mean(rates[TENTHS // 2 :]) / harmonic_mean(rates[: TENTHS // 2])
        print(f"  last tenth to first: {rates[-1] / rates[0]:.2f}, last half to first: {halves:.2f}")
    else:
        print("  too few commits to tell the tenths apart")
    assert sum(commit.rows for commit in made) == ROWS
