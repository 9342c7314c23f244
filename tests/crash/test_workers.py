"""Workers killed at every site that a migration passes, killed again and again, and how fast others take over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from domain.connections.values import Endpoint
from domain.kernel.failpoints import SITES
from infra.db.stores.migrations.revival import LOSSES_MAX
from tests.crash.tally import Tally, takeover_p95_s
from tests.support.api import LiveApi, running_api
from tests.support.migrations import Route, ended, reached, report_of, route_from_shop, stands_at
from tests.support.postgresql import PostgresqlServer
from tests.support.redis import RedisServer
from tests.support.workers import killed_by_itself, start_worker, worker_process

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]

ROWS = 2_000
ENTRIES = (
    "CREATE TABLE entry (id INTEGER PRIMARY KEY, cents BIGINT NOT NULL)",
    f"""INSERT INTO entry WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
        SELECT i, i * 7 FROM n""",
    "CREATE INDEX entry_cents ON entry (cents)",
)
MANY = (ENTRIES[0], ENTRIES[1].replace(str(ROWS), "200000"))
OF_WORKERS = sorted(site for site in SITES if site.partition(".")[0] in ("job", "outbox", "work"))
"""Sites that only workers pass; those of the engine are tried in every run of its own."""

TAKEOVER_MAX_S = 20
ROUNDS = 3
AT_ONCE = 4


@pytest.fixture(scope="module")
async def usual_api(
    postgresql_server: PostgresqlServer, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[LiveApi]:
    """An API with the settings that everybody has. Its queue is its own."""
    settings = {"redis_url": redis_server.url.removesuffix("/0") + "/6"}
    async with running_api(postgresql_server, tmp_path_factory.mktemp("home"), **settings) as api:
        yield api


@pytest.mark.parametrize("site", [*OF_WORKERS, "chunk.counted"])
async def test_a_worker_killed_at_any_site_is_replaced_and_the_target_is_exact(
    site: str,
    hasty_api: LiveApi,
    postgresql_database: Endpoint,
    postgresql_server: PostgresqlServer,
    tally: Tally,
) -> None:
    route = await route_from_shop(hasty_api, postgresql_database, *ENTRIES)
    id_ = await route.start(batchSize=500, parallelTasks=2)
    await killed_by_itself(start_worker(hasty_api.container, f"{site}:1=kill"))
    tally.kills["of workers at sites"] += 1
    tally.sites.add(site)

    with worker_process(hasty_api.container):
        status = await ended(route.client, id_)

    content = "SELECT count(*), count(DISTINCT id), sum(cents) FROM entry"
    rows = postgresql_server.run(content, postgresql_database.database)
    account = [(table["rowsRead"], table["rowsWritten"]) for table in (await report_of(route.client, id_))["tables"]]
    if (rows, account) != (f"{ROWS}|{ROWS}|{7 * ROWS * (ROWS + 1) // 2}", [(ROWS, ROWS)]):
        tally.wrong.append(f"worker killed at {site}: {status} {rows} {account}")
    assert (status["status"], status["error"]) == ("COMPLETED", None)
    assert rows == f"{ROWS}|{ROWS}|{7 * ROWS * (ROWS + 1) // 2}"
    assert account == [(ROWS, ROWS)]


async def test_a_migration_that_kills_every_worker_fails_after_five_losses_and_can_be_resumed(
    hasty_api: LiveApi, postgresql_database: Endpoint, tally: Tally
) -> None:
    route = await route_from_shop(hasty_api, postgresql_database, *ENTRIES)
    id_ = await route.start()

    for _ in range(LOSSES_MAX):
        await killed_by_itself(start_worker(hasty_api.container, "run.opened:1=kill"))
        tally.kills["in a crash loop"] += 1
    with worker_process(hasty_api.container):
        failed = await ended(route.client, id_)
        await route.client.ok("resumeMigration", "ResumeMigrationInput", {"migrationId": id_})
        status = await ended(route.client, id_)

    assert (failed["status"], f"{LOSSES_MAX} times in a row" in failed["error"]["message"]) == ("FAILED", True)
    assert status["status"] == "COMPLETED"


async def test_others_take_over_from_a_killed_worker_within_twenty_seconds_with_the_usual_settings(
    usual_api: LiveApi, postgresql_server: PostgresqlServer, tally: Tally
) -> None:
    """From the kill to the first rows that another worker has committed."""
    for _ in range(ROUNDS):
        targets = [postgresql_server.create_database() for _ in range(AT_ONCE)]
        doomed = start_worker(usual_api.container)
        routes = [await route_from_shop(usual_api, target, *MANY) for target in targets]
        ids = [await route.start(batchSize=100, parallelTasks=1) for route in routes]
        for route, id_ in zip(routes, ids, strict=True):
            await reached(route, id_, rows=500)
        others = len(await usual_api.container.redis.client_list())
        with worker_process(usual_api.container):
            await _has_joined(usual_api, others)
            doomed.kill()
            doomed.wait()
            times = await asyncio.gather(*(_first_rows_after(usual_api, id_) for id_ in ids))
            tally.kills["of workers for takeover"] += 1
            tally.takeover_s += times
            for route, id_ in zip(routes, ids, strict=True):
                await _cancelled(route, id_)
        for target in targets:
            postgresql_server.drop(target)

    assert takeover_p95_s(tally) <= TAKEOVER_MAX_S


async def _has_joined(api: LiveApi, others: int) -> None:
    """Wait until one more client than `others` talks to Redis."""
    async with asyncio.timeout(60):
        while len(await api.container.redis.client_list()) <= others:  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.1)


async def _cancelled(route: Route, id_: str) -> None:
    await route.client.tell("cancelMigration", "CancelMigrationInput", {"migrationId": id_})
    await stands_at(route, id_, "CANCELLED", "COMPLETED")


async def _first_rows_after(api: LiveApi, id_: str) -> float:
    """Wait until more rows are committed than are now, and return how long that took, in seconds."""
    began_at, before = time.monotonic(), await _rows(api, id_)
    async with asyncio.timeout(60):
        while await _rows(api, id_) <= before:  # noqa: ASYNC110 - the control store tells nobody
            await asyncio.sleep(0.1)
    return time.monotonic() - began_at


async def _rows(api: LiveApi, id_: str) -> int:
    sql = "SELECT CAST(sum(rows_written) AS bigint) AS rows FROM migration_table WHERE migration_id = :id"
    rows: int = (await api.container.database.rows(sql, id=id_))[0]["rows"]
    return rows
