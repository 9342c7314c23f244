"""Workers with room for one job at a time: a short migration does not wait for the end of a long one."""

from __future__ import annotations

import pytest

from domain.connections.values import Endpoint
from tests.support.api import running_api
from tests.support.migrations import STATUS, ended, reached, route_from_shop, stands_at
from tests.support.postgresql import PostgresqlServer
from tests.support.redis import RedisServer
from tests.support.workers import running_worker
from workers.jobs import queue

MANY = (
    "CREATE TABLE entry (id INTEGER PRIMARY KEY, cents BIGINT NOT NULL)",
    """INSERT INTO entry WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
       SELECT i, i * 7 FROM n""",
)
FEW = ("CREATE TABLE customer (id INTEGER PRIMARY KEY, name VARCHAR(40))", "INSERT INTO customer VALUES (1, 'Ada')")


async def test_a_short_migration_gets_its_turn_while_a_long_one_has_all_the_room(
    postgresql_server: PostgresqlServer,
    redis_server: RedisServer,
    postgresql_database: Endpoint,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue, "TURN_S", 0.2)
    settings = {"redis_url": redis_server.url.removesuffix("/0") + "/9", "worker_jobs_max": 1, "worker_lane_s": 3600}
    target = postgresql_server.create_database()
    async with running_api(postgresql_server, tmp_path_factory.mktemp("home"), **settings) as api:
        long, short = await route_from_shop(api, target, *MANY), await route_from_shop(api, postgresql_database, *FEW)
        async with running_worker(api.container):
            long_id = await long.start(batchSize=50, parallelTasks=2)
            await reached(long, long_id, rows=50)
            short_id = await short.start(parallelTasks=2)
            short_status = await ended(short.client, short_id)
            long_status = (await long.client.ask(STATUS, id=long_id))["migrationStatus"]
            await long.client.tell("cancelMigration", "CancelMigrationInput", {"migrationId": long_id})
            await stands_at(long, long_id, "CANCELLED")
    postgresql_server.drop(target)

    assert short_status["status"] == "COMPLETED"
    assert long_status["status"] == "RUNNING"
