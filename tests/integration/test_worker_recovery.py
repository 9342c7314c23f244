"""Workers that are killed, frozen, stopped or cut off: the target is exact all the same."""

from __future__ import annotations

import asyncio
import secrets
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from domain.connections.values import Endpoint
from infra.embedded.ports import free_port
from tests.support.api import LiveApi, running_api
from tests.support.migrations import Route, ended, reached, report_of, route_from_shop
from tests.support.postgresql import PostgresqlServer
from tests.support.redis import RedisServer, find_program, running_redis
from tests.support.servers import server_folder
from tests.support.workers import start_worker, worker_process

Json = dict[str, Any]

ROWS = 100_000
LEDGER = (
    "CREATE TABLE ledger (id INTEGER PRIMARY KEY, cents BIGINT NOT NULL, note VARCHAR(60))",
    "CREATE TABLE tag (id INTEGER PRIMARY KEY, name VARCHAR(20))",
    f"""INSERT INTO ledger WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
        SELECT i, i * 7 % 1009, 'entry number ' || i FROM n""",
    "INSERT INTO tag SELECT id, 'tag ' || id FROM ledger WHERE id <= 500",
)
CONTENT = "SELECT count(*), count(DISTINCT id), sum(id), sum(cents), max(length(note)) FROM ledger"


@pytest.fixture(scope="module")
async def hasty_api(
    postgresql_server: PostgresqlServer, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[LiveApi]:
    """An API whose workers miss each other after two seconds and take turns every four. Its queue is its own."""
    settings = {
        "redis_url": redis_server.url.removesuffix("/0") + "/1",
        "worker_lease_s": 2,
        "worker_lane_s": 4,
    }
    async with running_api(postgresql_server, tmp_path_factory.mktemp("home"), **settings) as api:
        yield api


@pytest.fixture
async def route(hasty_api: LiveApi, postgresql_database: Endpoint) -> Route:
    """A route from a table of a hundred thousand rows."""
    return await route_from_shop(hasty_api, postgresql_database, *LEDGER)


async def assert_exact(api: LiveApi, route: Route, id_: str, server: PostgresqlServer, target: Endpoint) -> None:
    """Wait for the end, and compare target, report and stream with what they must be."""
    status = await ended(route.client, id_)
    assert (status["status"], status["error"]) == ("COMPLETED", None)
    total = sum(n * 7 % 1009 for n in range(1, ROWS + 1))
    expected = f"{ROWS}|{ROWS}|{ROWS * (ROWS + 1) // 2}|{total}|{len(f'entry number {ROWS}')}"
    assert server.run(CONTENT, target.database) == expected
    report = await report_of(route.client, id_)
    rows = {table["name"]: (table["rowsRead"], table["rowsWritten"], table["verified"]) for table in report["tables"]}
    assert rows == {"ledger": (ROWS, ROWS, True), "tag": (500, 500, True)}
    stream = await api.container.database.rows(
        "SELECT sequence, kind FROM migration_event WHERE migration_id = :id ORDER BY sequence", id=id_
    )
    assert [row["sequence"] for row in stream] == list(range(1, len(stream) + 1))
    assert [row["kind"] for row in stream].count("TERMINAL") == 1


async def test_another_worker_takes_over_from_one_that_is_killed(
    hasty_api: LiveApi, route: Route, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    killed = start_worker(hasty_api.container)
    id_ = await route.start(batchSize=1_000, parallelTasks=3)
    await reached(route, id_, rows=5_000)

    killed.kill()
    killed.wait()
    with worker_process(hasty_api.container):
        await assert_exact(hasty_api, route, id_, postgresql_server, postgresql_database)

    log = await route.client.ask(
        "query($id: ID!) { migrationLogs(id: $id, minLevel: WARNING) { nodes { message } } }", id=id_
    )
    assert any("A worker was lost" in entry["message"] for entry in log["migrationLogs"]["nodes"])


@pytest.mark.slow
async def test_however_often_workers_are_killed_the_target_is_exact(
    hasty_api: LiveApi, route: Route, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    id_ = await route.start(batchSize=1_000, parallelTasks=2)

    for _ in range(6):
        doomed = start_worker(hasty_api.container)
        await asyncio.sleep(2.5 + secrets.randbelow(3_000) / 1_000)
        doomed.kill()
        doomed.wait()
    with worker_process(hasty_api.container), worker_process(hasty_api.container):
        await assert_exact(hasty_api, route, id_, postgresql_server, postgresql_database)


async def test_a_frozen_worker_that_wakes_up_too_late_writes_nothing(
    hasty_api: LiveApi, route: Route, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    with worker_process(hasty_api.container) as frozen:
        id_ = await route.start(batchSize=500, parallelTasks=3)
        await reached(route, id_, rows=2_000)
        frozen.send_signal(signal.SIGSTOP)
        with worker_process(hasty_api.container):
            await reached(route, id_, rows=20_000)
            frozen.send_signal(signal.SIGCONT)
            await assert_exact(hasty_api, route, id_, postgresql_server, postgresql_database)


async def test_a_worker_that_is_told_to_stop_gives_its_work_back_at_once(
    hasty_api: LiveApi, route: Route, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    stopped = start_worker(hasty_api.container)
    id_ = await route.start(batchSize=1_000, parallelTasks=2)
    await reached(route, id_, rows=3_000)

    stopped.terminate()
    exit_code = await asyncio.to_thread(stopped.wait, 10)

    assert exit_code == 0
    held = "SELECT count(*) AS number FROM migration_assignment WHERE migration_id = :id AND state = 'TAKEN'"
    assert (await hasty_api.container.database.rows(held, id=id_))[0]["number"] == 0
    with worker_process(hasty_api.container):
        await assert_exact(hasty_api, route, id_, postgresql_server, postgresql_database)


async def test_jobs_that_redis_forgets_are_given_out_again(
    hasty_api: LiveApi, route: Route, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    id_ = await route.start(batchSize=1_000, parallelTasks=2)

    await hasty_api.container.redis.flushdb()

    with worker_process(hasty_api.container):
        await assert_exact(hasty_api, route, id_, postgresql_server, postgresql_database)


async def test_a_migration_whose_workers_are_gone_can_still_be_cancelled(
    hasty_api: LiveApi, route: Route, postgresql_database: Endpoint
) -> None:
    killed = start_worker(hasty_api.container)
    id_ = await route.start(batchSize=500, parallelTasks=2)
    await reached(route, id_, rows=1_000)
    killed.kill()
    killed.wait()

    cancelled = await route.client.ok("cancelMigration", "CancelMigrationInput", {"migrationId": id_}, "")
    with worker_process(hasty_api.container):
        status = await ended(route.client, id_, timeout_s=30)

    assert cancelled["__typename"] == "MigrationSuccess"
    assert status["status"] == "CANCELLED"


async def test_a_worker_that_loses_redis_ends_so_that_another_can_be_started(
    postgresql_server: PostgresqlServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    program = find_program()
    assert program is not None
    home = tmp_path_factory.mktemp("home")
    async with AsyncExitStack() as opened:
        folder = opened.enter_context(server_folder("wherry-worker-"))
        with running_redis(program, folder, free_port()) as redis:
            api = await opened.enter_async_context(running_api(postgresql_server, home, redis_url=redis.url))
            worker = start_worker(api.container)
            await _is_polling(api, worker)
        exit_code = await asyncio.to_thread(worker.wait, 120)

    assert exit_code == 1


async def _is_polling(api: LiveApi, worker: subprocess.Popen[bytes]) -> None:
    """Wait until a worker has shown its health to Redis."""
    async with asyncio.timeout(120):
        while not await api.container.redis.keys("*health-check*"):
            assert worker.poll() is None
            await asyncio.sleep(0.1)
