"""Workers that sleep while their migration comes to rest write nothing more when they wake up."""

from __future__ import annotations

import asyncio
import signal
import subprocess

import pytest

from domain.connections.values import Endpoint
from tests.crash.tally import Tally
from tests.crash.test_pauses import ROWS, assert_complete
from tests.support.api import LiveApi
from tests.support.migrations import MIGRATION, Route, entries, pause, resume, route_from_shop, stands_at
from tests.support.postgresql import PostgresqlServer
from tests.support.workers import running_worker, start_worker

SLEEPS_BEFORE_COMMIT = "target.commits:15=delay"
HELD = """SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'
    AND datname = current_database() AND state_change < now() - interval '0.3 s'"""
SESSIONS = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'wherry%'"""
RELATIONS = "SELECT count(*) FROM pg_class WHERE oid >= 16384 AND relnamespace <> 'pg_toast'::regnamespace"
"""What is not PostgreSQL's own."""
STATISTICS = "query($id: ID!) { migration(id: $id) { status statistics { processedRecords } } }"


class Target:
    """What the target of a test holds."""

    def __init__(self, server: PostgresqlServer, where: Endpoint) -> None:
        self._server, self._name = server, where.database

    async def says(self, sql: str) -> int:
        return int(await asyncio.to_thread(self._server.run, sql, self._name))

    async def rows(self) -> int:
        return await self.says("SELECT count(*) FROM entry")


async def asleep(api: LiveApi, route: Route, target: Target) -> tuple[str, subprocess.Popen[bytes]]:
    """Start a migration, and stop its worker where a chunk is written and about to be committed."""
    worker = start_worker(api.container, SLEEPS_BEFORE_COMMIT)
    id_ = await route.start(batchSize=1_000, parallelTasks=1)
    while not await target.says(HELD):
        assert worker.poll() is None
    worker.send_signal(signal.SIGSTOP)
    return id_, worker


async def asleep_at(api: LiveApi, route: Route, site: str) -> tuple[str, subprocess.Popen[bytes]]:
    """Start a migration, and stop its worker at the visit of a site."""
    worker = start_worker(api.container, f"{site}=delay", stderr=subprocess.PIPE)
    assert worker.stderr is not None
    id_ = await route.start(batchSize=20_000, parallelTasks=1)
    while not (await asyncio.to_thread(worker.stderr.readline)).startswith(b"failpoint"):
        assert worker.poll() is None
    worker.send_signal(signal.SIGSTOP)
    return id_, worker


async def woken(worker: subprocess.Popen[bytes], target: Target) -> None:
    """Let a worker go on until it has left the target, and end it."""
    worker.send_signal(signal.SIGCONT)
    async with asyncio.timeout(60):
        while await target.says(SESSIONS):  # noqa: ASYNC110 - sessions tell nobody that they end
            await asyncio.sleep(0.05)
    worker.kill()
    worker.communicate()


async def paused_in_its_sleep(
    api: LiveApi, route: Route, target: Target, tally: Tally
) -> tuple[str, subprocess.Popen[bytes]]:
    """Start a migration, put its worker to sleep, and let it pause without that."""
    id_, worker = await asleep(api, route, target)
    tally.kills["of workers that are frozen"] += 1
    await pause(route, id_)
    async with running_worker(api.container):
        assert await stands_at(route, id_, "PAUSED", "FAILED", "COMPLETED", timeout_s=120) == "PAUSED"
    return id_, worker


async def test_a_worker_that_wakes_up_after_a_pause_or_the_end_writes_nothing_more(
    hasty_api: LiveApi, postgresql_server: PostgresqlServer, postgresql_database: Endpoint, tally: Tally
) -> None:
    target = Target(postgresql_server, postgresql_database)
    route = await route_from_shop(hasty_api, postgresql_database, *entries(ROWS))
    id_, worker = await paused_in_its_sleep(hasty_api, route, target, tally)
    await route.client.ok("cancelMigration", "CancelMigrationInput", {"migrationId": id_}, MIGRATION)

    at_rest = await target.rows()
    await woken(worker, target)

    assert 0 < at_rest < ROWS
    assert await target.rows() == at_rest
    ended = (await route.client.ask(STATISTICS, id=id_))["migration"]
    assert ended == {"status": "CANCELLED", "statistics": {"processedRecords": at_rest}}


@pytest.mark.parametrize("site", ["run.planned:1", "run.opened:1", "step.begins:1", "step.begins:2"])
async def test_a_worker_that_slept_while_it_planned_or_completed_makes_nothing_when_it_wakes_up(
    site: str,
    hasty_api: LiveApi,
    postgresql_server: PostgresqlServer,
    postgresql_database: Endpoint,
    tally: Tally,
) -> None:
    """Before it has a ticket, with one but nothing made, before its first table and, once all is copied, its key."""
    target = Target(postgresql_server, postgresql_database)
    route = await route_from_shop(hasty_api, postgresql_database, *entries(ROWS))
    id_, worker = await asleep_at(hasty_api, route, site)
    tally.kills["of workers that are frozen"] += 1
    await pause(route, id_)
    async with running_worker(hasty_api.container):
        await stands_at(route, id_, "PAUSED", timeout_s=120)

    at_rest = await target.says(RELATIONS)
    await woken(worker, target)

    assert await target.says(RELATIONS) == at_rest
    await resume(route, id_)
    async with running_worker(hasty_api.container):
        await assert_complete(route, id_, postgresql_server, postgresql_database, ROWS)


async def test_a_migration_that_paused_while_its_worker_slept_is_complete_once_it_is_resumed(
    hasty_api: LiveApi, postgresql_server: PostgresqlServer, postgresql_database: Endpoint, tally: Tally
) -> None:
    """The worker wakes up between the pause and the resumption."""
    target = Target(postgresql_server, postgresql_database)
    route = await route_from_shop(hasty_api, postgresql_database, *entries(ROWS))
    id_, worker = await paused_in_its_sleep(hasty_api, route, target, tally)
    await woken(worker, target)

    await resume(route, id_)
    async with running_worker(hasty_api.container):
        await assert_complete(route, id_, postgresql_server, postgresql_database, ROWS)
