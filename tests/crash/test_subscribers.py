"""Subscribers keep their place while a worker, Redis and the API are taken away; a thousand of them: `make bench`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.postgresql import PostgresqlServer
from tests.support.redis import find_program
from tests.support.slow_migration import Load
from tests.support.stack import open_stack
from tests.support.storm import Loss, Weather, weathered

WEATHER = Weather(
    subscribers=30,
    processes=1,
    load=Load(rows=400_000, bytes_per_s=50_000, batch_rows=2_000),
    calm_events=1,
    redis_away_s=0.2,
    losses=(Loss.WORKER, Loss.REDIS, Loss.API_KILLED),
)


@pytest.mark.crash
@pytest.mark.timeout(900)
async def test_subscribers_get_every_event_once_and_one_end_whatever_is_restarted(
    postgresql_server: PostgresqlServer, tmp_path: Path
) -> None:
    redis_program = find_program()
    if redis_program is None:
        pytest.skip("Redis is not installed")
    with open_stack(postgresql_server, redis_program, tmp_path / "home", worker_lease_s=2, workers=1) as stack:
        await stack.start("worker")
        await stack.start("api")
        storm, crowd = await weathered(stack, postgresql_server, WEATHER, redis_program, tmp_path)
        last = storm.last_number()

    seen = crowd.seen()
    assert [one["faults"] for one in seen] == [[]] * WEATHER.subscribers
    assert [one["terminals"] for one in seen] == [1] * WEATHER.subscribers
    assert {one["sequences"][-1] for one in seen} == {last}
    assert all(one["sequences"] == list(range(one["sequences"][0], last + 1)) for one in seen)
