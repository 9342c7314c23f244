"""A worker that waits for a lock without end says so, and writes down what it waits for."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from domain.connections.values import Endpoint
from tests.support.api import running_api
from tests.support.migrations import ended, route_from_shop
from tests.support.postgresql import PostgresqlServer
from tests.support.redis import RedisServer
from tests.support.workers import running_worker

LOGS = "query($id: ID!) { migrationLogs(id: $id, minLevel: WARNING) { nodes { message context { name value } } } }"


async def test_a_worker_that_waits_too_long_says_so_and_writes_a_dump(
    postgresql_server: PostgresqlServer,
    redis_server: RedisServer,
    postgresql_database: Endpoint,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home = tmp_path_factory.mktemp("home")
    settings = {"redis_url": redis_server.url.removesuffix("/0") + "/7", "worker_stall_s": 1}
    owner = f'SET ROLE "{postgresql_database.username}";'
    made = "CREATE TABLE customer (id bigint PRIMARY KEY, name varchar(40) NOT NULL)"
    postgresql_server.run(f"{owner} {made}", postgresql_database.database)
    holder = await asyncpg.connect(
        host=postgresql_database.host,
        port=postgresql_database.port,
        user=postgresql_database.username,
        password=postgresql_database.password.reveal(),
        database=postgresql_database.database,
    )
    await holder.execute("BEGIN; LOCK TABLE customer IN EXCLUSIVE MODE")
    async with running_api(postgresql_server, home, **settings) as api, running_worker(api.container):
        route = await route_from_shop(api, postgresql_database)
        id_ = await route.start(parallelTasks=1)
        warnings: list[str] = []
        async with asyncio.timeout(25):
            while not any("Nothing has moved" in warning for warning in warnings):
                log = await route.client.ask(LOGS, id=id_)
                warnings = [entry["message"] for entry in log["migrationLogs"]["nodes"]]
                await asyncio.sleep(0.2)
        await holder.close()
        status = await ended(route.client, id_)

    dumps = [dump.read_text() for dump in (home / "diagnostics").glob(f"{id_}-*.txt")]
    assert status["status"] == "COMPLETED"
    assert any("attended" in dump and "perform" in dump for dump in dumps)
