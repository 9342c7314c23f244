"""A worker is killed again and again: how long it takes until another has committed rows in its stead.

`BENCH_KILLS` says how often.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.benchmarks.commits import commits, first_after
from tests.benchmarks.service import machine, service
from tests.benchmarks.spread import Spread
from tests.support.migrations import ended, report_of
from tests.support.slow_migration import Load, slow_migration
from tests.support.stack import Stack, until

pytestmark = [pytest.mark.bench, pytest.mark.timeout(0)]

KILLS = int(os.environ.get("BENCH_KILLS", "20"))
LOAD = Load(rows=1_500_000, bytes_per_s=80_000, batch_rows=2_000, lanes=1)
LAST_WORDS_S = 0.2
"""What the killed worker had asked the target to commit may still be committed."""


async def test_another_worker_takes_over_from_one_that_is_killed(tmp_path: Path) -> None:
    with service(tmp_path / "home") as (databases, stack):
        await stack.start("api")
        worker, killed = await stack.start_lone_worker(), []
        async with slow_migration(stack, databases.postgresql, LOAD) as migration:
            route, id_ = migration.route, migration.id_
            for _ in range(KILLS):
                heir = await stack.start_lone_worker()
                await _grows(stack, id_)
                killed.append(time.time())
                worker.kill()
                await _grows(stack, id_)
                print(
                    f"\nkill {len(killed)}: others count rows again after {time.time() - killed[-1]:.1f} s",
                    end="",
                    flush=True,
                )
                worker = heir
            migration.let_go()
            status = await ended(route.client, id_, timeout_s=600)
            made = commits(databases.postgresql, migration.target, "entry")
            migration.assert_exact()
            report = await report_of(route.client, id_)

    times = [first_after(made, moment + LAST_WORDS_S) for moment in killed]
    spread = Spread.of(LAST_WORDS_S + took for took in times if took is not None)
    print(f"\nfrom the kill of a worker to the next committed rows, {KILLS} times, {machine()}: {spread}")
    assert None not in times
    assert (status["status"], report["tables"][0]["rowsWritten"]) == ("COMPLETED", LOAD.rows)


async def _grows(stack: Stack, id_: str) -> None:
    """Wait until more rows are counted than are now."""
    before = _rows(stack, id_)
    await until(lambda: _rows(stack, id_) > before)


def _rows(stack: Stack, id_: str) -> int:
    return int(stack.control(f"SELECT sum(rows_written) FROM migration_table WHERE migration_id = '{id_}'"))
