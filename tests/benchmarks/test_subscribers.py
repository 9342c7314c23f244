"""A thousand live subscribers while a worker, Redis and the API are taken away: what they get, and how soon.

`BENCH_SUBSCRIBERS` says how many there are.
"""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest

from infra.embedded.ports import free_port
from infra.open_files import raise_open_files_limit
from tests.benchmarks.consumption import consumption
from tests.benchmarks.deliveries import Deliveries
from tests.support.postgresql import find_programs, running_postgresql
from tests.support.redis import find_program
from tests.support.servers import server_folder
from tests.support.slow_migration import Load
from tests.support.stack import API, open_stack
from tests.support.storm import Weather, weathered

pytestmark = [pytest.mark.bench, pytest.mark.timeout(0)]

SUBSCRIBERS = int(os.environ.get("BENCH_SUBSCRIBERS", "1000"))
WEATHER = Weather(
    subscribers=SUBSCRIBERS,
    processes=2,
    load=Load(rows=1_000_000, bytes_per_s=160_000),
    calm_events=30,
    redis_away_s=3.0,
)


async def test_a_thousand_subscribers_get_every_event_once_and_one_end_whatever_is_restarted(tmp_path: Path) -> None:
    raise_open_files_limit()
    programs, redis_program = find_programs(), find_program()
    assert programs is not None, "install PostgreSQL to measure"
    assert redis_program is not None, "install Redis to measure"
    with (
        server_folder("wherry-bench-pg-") as folder,
        running_postgresql(programs, folder, free_port(), {"track_commit_timestamp": "on"}) as server,
        open_stack(server, redis_program, tmp_path / "home", log_level="warning") as stack,
    ):
        await stack.start("worker")
        await stack.start("api")
        async with consumption(lambda: stack.pids(API)) as used:
            storm, crowd = await weathered(stack, server, WEATHER, redis_program, tmp_path)
        committed = stack.control(
            "SELECT sequence, extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM migration_event "
            f"WHERE migration_id = '{storm.id_}'"
        )
        last, said = storm.last_number(), stack.log("api")

    seen = crowd.seen()
    times = {int(number): float(at) for number, at in (line.split("|") for line in committed.splitlines())}
    print(f"\n{SUBSCRIBERS:,} subscribers, load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for line in Deliveries(seen, times).lines(storm.calm, storm.faults):
        print(f"  {line}")
    print(
        f"  the API's process: {used.cores(*storm.calm):.2f} cores while calm, {used.rss_mib_max:.0f} MiB at most; "
        f"{said.count('Traceback')} tracebacks in its log"
    )
    assert [one["faults"] for one in seen if one["faults"]] == []
    assert [one["terminals"] for one in seen] == [1] * SUBSCRIBERS
    assert {one["sequences"][-1] for one in seen} == {last}
    assert all(earlier < later for one in seen for earlier, later in pairwise(one["sequences"]))
