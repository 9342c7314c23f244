"""An API that is killed before its answer, and workers that are blocked, frozen, or short of memory."""

from __future__ import annotations

import asyncio
import os
import resource
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from domain.connections.values import Endpoint
from infra.embedded.ports import free_port
from tests.crash.tally import Tally
from tests.support.api import ApiClient, LiveApi
from tests.support.cli import ROOT
from tests.support.migrations import MIGRATION, SALES, ended, route_from_shop
from tests.support.postgresql import PostgresqlServer
from tests.support.workers import environment, start_worker, worker_process

pytestmark = [pytest.mark.crash, pytest.mark.timeout(300)]

LEASE = "SELECT lease_until FROM migration_assignment WHERE migration_id = :id AND state = 'TAKEN'"
PROLONGED = 4
"""So many leases in a row a blocked worker must be seen to keep."""

HELD = "datname = current_database() AND now() - state_change > interval '1 second'"
"""Of sessions: in this control store, and quiet for a while."""


@contextmanager
def api_process(api: LiveApi, failpoints: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run one more API over the same servers as a process of its own, armed; gives its address."""
    port = free_port()
    ours = environment(api.container, failpoints) | {"WHERRY_PORT": str(port), "WHERRY_LOG_LEVEL": "warning"}
    process = subprocess.Popen([sys.executable, "-m", "infra.serving"], cwd=ROOT, env=ours)
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.kill()
        process.wait()


async def serving(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until an API answers."""
    async with asyncio.timeout(120), httpx2.AsyncClient() as http:
        while process.poll() is None:
            try:
                await http.get(f"{url}/livez")
            except httpx2.HTTPError:
                await asyncio.sleep(0.1)
            else:
                return
    raise AssertionError("the API did not start")


async def test_who_asks_again_after_the_api_was_killed_before_its_answer_gets_the_one_migration(
    hasty_api: LiveApi, postgresql_database: Endpoint, postgresql_server: PostgresqlServer, tally: Tally
) -> None:
    route, key = await route_from_shop(hasty_api, postgresql_database), secrets.token_hex(8)

    async def ask(client: ApiClient) -> Any:
        input_, headers = route.input(), {"Idempotency-Key": key}
        return await client.ok("startMigration", "StartMigrationInput", input_, MIGRATION, **headers)

    with api_process(hasty_api, "work.committed:1=kill") as (url, process):
        await serving(url, process)
        with pytest.raises(httpx2.HTTPError):
            await ask(ApiClient(url, route.client.token))
        exit_code = await asyncio.to_thread(process.wait, 60)
    tally.kills["of the API before its answer"] += 1
    tally.sites.add("work.committed")

    first = await ask(route.client)
    again = await ask(route.client)

    assert exit_code == -signal.SIGKILL
    assert first["migration"]["id"] == again["migration"]["id"]
    count = "SELECT count(*) AS number FROM migration WHERE project_id = CAST(:project_id AS uuid)"
    migrations = await hasty_api.container.database.rows(count, project_id=route.project_id)
    assert migrations[0]["number"] == 1
    with worker_process(hasty_api.container):
        status = await ended(route.client, first["migration"]["id"])
    assert status["status"] == "COMPLETED"
    assert postgresql_server.run("SELECT count(*) FROM sale", postgresql_database.database) == str(SALES)


async def test_a_worker_whose_loop_is_blocked_keeps_its_lease_and_one_that_is_dead_loses_it(
    hasty_api: LiveApi, postgresql_database: Endpoint, postgresql_server: PostgresqlServer, tally: Tally
) -> None:
    route = await route_from_shop(hasty_api, postgresql_database)
    blocked = start_worker(hasty_api.container, "chunk.read:1=hang")
    id_ = await route.start(parallelTasks=1)
    leases: set[object] = set()
    async with asyncio.timeout(120):
        while len(leases) < PROLONGED:
            rows = await hasty_api.container.database.rows(LEASE, id=id_)
            leases |= {row["lease_until"] for row in rows}
            await asyncio.sleep(0.1)
    state = await hasty_api.container.database.rows(
        "SELECT count(*) AS number FROM migration_assignment WHERE migration_id = :id AND state = 'LOST'", id=id_
    )
    os.kill(blocked.pid, signal.SIGKILL)
    blocked.wait()
    tally.kills["of blocked workers"] += 1
    with worker_process(hasty_api.container):
        status = await ended(route.client, id_)

    assert state[0]["number"] == 0
    assert (status["status"], status["error"]) == ("COMPLETED", None)
    assert postgresql_server.run("SELECT count(*) FROM sale", postgresql_database.database) == str(SALES)


async def test_a_worker_that_is_frozen_in_the_middle_of_a_transaction_is_not_waited_for(
    hasty_api: LiveApi, postgresql_database: Endpoint, postgresql_server: PostgresqlServer, tally: Tally
) -> None:
    route = await route_from_shop(hasty_api, postgresql_database)
    frozen = start_worker(hasty_api.container, "work.commits:2=hang")
    id_ = await route.start(parallelTasks=1)
    open_transaction = "SELECT count(*) AS number FROM pg_stat_activity WHERE state = 'idle in transaction'"
    async with asyncio.timeout(120):
        while not (await hasty_api.container.database.rows(f"{open_transaction} AND {HELD}"))[0]["number"]:  # noqa: ASYNC110 - no news of it
            await asyncio.sleep(0.1)
    os.kill(frozen.pid, signal.SIGSTOP)
    tally.kills["of workers that are frozen"] += 1
    with worker_process(hasty_api.container):
        status = await ended(route.client, id_)
    os.kill(frozen.pid, signal.SIGKILL)
    frozen.wait()

    assert (status["status"], status["error"]) == ("COMPLETED", None)
    assert postgresql_server.run("SELECT count(*) FROM sale", postgresql_database.database) == str(SALES)


ROW_BYTES = 100_000_000
PICTURE = (
    "CREATE TABLE picture (id INTEGER PRIMARY KEY, content BLOB NOT NULL)",
    f"INSERT INTO picture VALUES (1, zeroblob({ROW_BYTES}))",
)
ROOM_BYTES = 220_000_000
"""How much more than it has a worker may write to: twice what a usual migration takes, which is mostly stacks of
threads, and half of what such a row takes.

Addresses are not counted: every thread's first allocation has 64 MB of them reserved, of which it uses little.
"""


async def test_a_worker_without_memory_for_a_row_says_so_and_others_are_not_affected(
    hasty_api: LiveApi, postgresql_server: PostgresqlServer
) -> None:
    targets = [postgresql_server.create_database() for _ in range(2)]
    big = await route_from_shop(hasty_api, targets[0], *PICTURE)
    small = await route_from_shop(hasty_api, targets[1])
    others = len(await hasty_api.container.redis.client_list())
    with worker_process(hasty_api.container) as poor:
        async with asyncio.timeout(60):
            while len(await hasty_api.container.redis.client_list()) <= others:  # noqa: ASYNC110 - no news of it
                await asyncio.sleep(0.1)
        pages = int(Path(f"/proc/{poor.pid}/statm").read_text().split()[5])
        limit = pages * resource.getpagesize() + ROOM_BYTES
        resource.prlimit(poor.pid, resource.RLIMIT_DATA, (limit, limit))
        id_ = await big.start(parallelTasks=1)
        failed = await ended(big.client, id_)
        other = await ended(small.client, await small.start())
    with worker_process(hasty_api.container):
        await big.client.ok("resumeMigration", "ResumeMigrationInput", {"migrationId": id_})
        status = await ended(big.client, id_)

    length = postgresql_server.run("SELECT sum(length(content)) FROM picture", targets[0].database)
    for target in targets:
        postgresql_server.drop(target)
    assert (failed["status"], "not enough memory" in failed["error"]["message"]) == ("FAILED", True), failed
    assert (other["status"], other["error"]) == ("COMPLETED", None)
    assert (status["status"], status["error"]) == ("COMPLETED", None)
    assert length == str(ROW_BYTES)
