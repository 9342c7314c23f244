"""A control store that is started again, crashes, is cut off, slow, full, in a deadlock, or asked too much at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from domain.connections.values import Endpoint, Engine
from domain.kernel.errors import ConcurrencyConflict
from domain.kernel.scope import Principal, Scope
from infra import keepalive
from infra.clock import SystemClock, SystemIds
from infra.db import database
from infra.db.work import SqlWork, SqlWorks, session_of
from infra.settings import Settings
from tests.crash.test_full_disks import SmallDisk
from tests.crash.test_full_disks import small_disk as small_disk  # noqa: PLC0414 - a fixture
from tests.support.api import ApiClient, LiveApi, running_api
from tests.support.cli import url
from tests.support.fault_proxy import FaultProxy, relaying
from tests.support.migrations import ENTRIES, STATUS, Route, all_entries, ended, entries, reached, route_from_shop
from tests.support.postgresql import PostgresqlServer
from tests.support.redis import RedisServer
from tests.support.restarts import OwnServer, own_server
from tests.support.workers import running_worker

ROWS = 20_000
HOLES = """
SELECT count(*) AS holes FROM
    (SELECT version - row_number() OVER (PARTITION BY stream_id ORDER BY version) AS ahead FROM event) AS numbered
WHERE ahead <> 0
"""
SETTINGS = {"worker_lease_s": 3}


async def ended_well(client: ApiClient, id_: str) -> None:
    """Return once a migration is complete; requests that fail on the way are asked again."""
    async with asyncio.timeout(120):
        while True:
            answer = (await client.post(STATUS, {"id": id_})).json()
            if "errors" not in answer:
                status = answer["data"]["migrationStatus"]
                assert status["error"] is None, status
                if status["status"] == "COMPLETED":
                    return
            await asyncio.sleep(0.1)


@asynccontextmanager
async def api_over(
    server: PostgresqlServer, redis_server: RedisServer, home: Path, **settings: Any
) -> AsyncIterator[LiveApi]:
    """Run an API and a worker over a control store."""
    ours = {"redis_url": redis_server.url.removesuffix("/0") + "/4", **SETTINGS, **settings}
    async with running_api(server, home, **ours) as api, running_worker(api.container):
        yield api


async def started(api: LiveApi, target: Endpoint) -> tuple[Route, str]:
    """Start a migration, and return once some rows are copied."""
    route = await route_from_shop(api, target, *entries(ROWS))
    id_ = await route.start(batchSize=100, parallelTasks=2)
    await reached(route, id_, 1_000)
    return route, id_


async def assert_whole(api: LiveApi, server: PostgresqlServer, target: Endpoint) -> None:
    """The target is exact, and no stream of events has a hole."""
    assert await asyncio.to_thread(server.run, ENTRIES, target.database) == all_entries(ROWS)
    [row] = await api.container.database.rows(HOLES)
    assert row["holes"] == 0


def one_backend(own: OwnServer) -> None:
    """Kill the process of one session: all sessions of the server end, and it recovers."""
    assert isinstance(own.server, PostgresqlServer)
    pid = own.server.run(
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname ~ '^db_' LIMIT 1"
    )
    own.kill_child(int(pid))


FAULTS: dict[str, Callable[[OwnServer], None]] = {
    "restarted": lambda own: own.restart(signal.SIGINT),
    "stopped at once": lambda own: own.restart(signal.SIGQUIT),
    "a session killed": one_backend,
}


@pytest.mark.crash
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_migration_outlives_its_control_store(
    fault: str,
    request: pytest.FixtureRequest,
    redis_server: RedisServer,
    postgresql_server: PostgresqlServer,
    postgresql_database: Endpoint,
    tmp_path: Path,
) -> None:
    with own_server(Engine.POSTGRESQL, request, synchronous_commit="on") as own:
        assert isinstance(own.server, PostgresqlServer)
        async with api_over(own.server, redis_server, tmp_path) as api:
            route, id_ = await started(api, postgresql_database)
            FAULTS[fault](own)
            await ended_well(route.client, id_)
            await assert_whole(api, postgresql_server, postgresql_database)


@asynccontextmanager
async def api_behind_relay(
    server: PostgresqlServer, redis_server: RedisServer, home: Path, **settings: Any
) -> AsyncIterator[tuple[LiveApi, FaultProxy]]:
    """Run an API and a worker whose way to the control store is a relay."""
    store = server.create_database()
    async with (
        relaying(FaultProxy(store.host, store.port)) as proxy,
        api_over(server, redis_server, home, database_url=url(proxy.of(store)), **settings) as api,
    ):
        yield api, proxy
    server.drop(store)


def cut_in_an_answer(proxy: FaultProxy) -> None:
    """Cut all lines in the middle of the next message of the control store."""
    proxy.cut_after_bytes = proxy.sent_bytes + 7


BREAKS: dict[str, Callable[[FaultProxy], None]] = {
    "reset": FaultProxy.cut,
    "cut in an answer": cut_in_an_answer,
    "swallowed": FaultProxy.swallow,
}


@pytest.mark.crash
@pytest.mark.parametrize("broken", BREAKS)
async def test_a_migration_outlives_broken_lines_to_its_control_store(
    broken: str,
    redis_server: RedisServer,
    postgresql_server: PostgresqlServer,
    postgresql_database: Endpoint,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Swallowed lines are not closed, and nothing is acknowledged on them; usually they are given up after 11 s."""
    monkeypatch.setattr(keepalive, "OF_CONTROL_STORE", keepalive.Silence(idle_s=1, interval_s=1, probes=2))
    async with api_behind_relay(postgresql_server, redis_server, tmp_path) as (api, proxy):
        route, id_ = await started(api, postgresql_database)
        BREAKS[broken](proxy)
        await ended_well(route.client, id_)
        await assert_whole(api, postgresql_server, postgresql_database)

    assert proxy.cuts + proxy.swallowed > 0


@pytest.mark.crash
async def test_a_slow_control_store_costs_no_lease(
    redis_server: RedisServer, postgresql_server: PostgresqlServer, postgresql_database: Endpoint, tmp_path: Path
) -> None:
    """Every answer comes a fifth of a second late, more or less; leases are as long as usual."""
    settings = {"worker_lease_s": Settings.model_fields["worker_lease_s"].default}
    async with api_behind_relay(postgresql_server, redis_server, tmp_path, **settings) as (api, proxy):
        route = await route_from_shop(api, postgresql_database, *entries(ROWS))
        proxy.delay_s = 0.1
        id_ = await route.start(batchSize=ROWS, parallelTasks=1)
        status = await ended(route.client, id_, timeout_s=240)
        proxy.delay_s = 0
        lost = await api.container.database.rows(
            "SELECT count(*) AS number FROM migration_assignment WHERE migration_id = :id AND state = 'LOST'", id=id_
        )
        await assert_whole(api, postgresql_server, postgresql_database)

    assert (status["status"], status["error"], lost[0]["number"]) == ("COMPLETED", None, 0)


@pytest.mark.crash
async def test_more_commands_than_connections_wait_their_turn(
    redis_server: RedisServer, postgresql_server: PostgresqlServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool has one connection, so nobody may want a second one while he has it."""
    monkeypatch.setattr(database, "POOL_SIZE", 1)
    monkeypatch.setattr(database, "POOL_OVERFLOW", 0)
    names = [f"p-{number}" for number in range(50)]
    async with running_api(postgresql_server, tmp_path, redis_url=redis_server.url) as api:
        ada = await api.signed_in()
        founded = await ada.ok(
            "createOrganization",
            "CreateOrganizationInput",
            {"name": "Acme"},
            "... on CreateOrganizationSuccess { organization { id } }",
        )
        organization_id = founded["organization"]["id"]

        answers = await asyncio.gather(
            *(
                ada.tell(
                    "createProject",
                    "CreateProjectInput",
                    {"organizationId": organization_id, "name": name},
                    "... on ProjectSuccess { project { name } }",
                )
                for name in names
            )
        )

    assert sorted(answer["project"]["name"] for answer in answers if "project" in answer) == sorted(names)


async def test_of_two_commands_in_a_deadlock_one_gives_way_and_may_try_again(live_api: LiveApi) -> None:
    container = live_api.container
    works, ids = SqlWorks(container.database, SystemClock(), container.doorbell), SystemIds()
    scope = Scope(Principal(ids.new(), ids.new()), "test")
    barrier = asyncio.Barrier(2)

    async def lock(first: int, second: int) -> str:
        async with works(scope) as work:
            await held(work, first)
            await barrier.wait()
            await held(work, second)
            return "done"

    outcomes = await asyncio.gather(lock(1, 2), lock(2, 1), return_exceptions=True)

    assert outcomes.count("done") == 1
    assert [outcome.transient for outcome in outcomes if isinstance(outcome, ConcurrencyConflict)] == [True]


async def held(work: SqlWork, number: int) -> None:
    connection = await session_of(work).connection()
    await connection.execute(text("SELECT pg_advisory_xact_lock(4711, :number)"), {"number": number})


@pytest.mark.crash
async def test_commands_on_a_full_disk_fail_whole_and_go_through_once_there_is_room(
    small_disk: SmallDisk, request: pytest.FixtureRequest, redis_server: RedisServer, tmp_path: Path
) -> None:
    with own_server(Engine.POSTGRESQL, request, default_tablespace="small") as own:
        server = own.server
        assert isinstance(server, PostgresqlServer)
        server.run(f"CREATE TABLESPACE small LOCATION '{small_disk.path}'")
        server.run("GRANT CREATE ON TABLESPACE small TO PUBLIC")
        async with running_api(server, tmp_path, redis_url=redis_server.url.removesuffix("/0") + "/5") as api:
            ada = await api.signed_in()
            small_disk.resize(small_disk.used_mb)
            failed = await until_refused(ada)
            small_disk.resize(500)
            async with asyncio.timeout(60):
                while True:
                    if "errors" not in await founding(ada, "after"):
                        break
                    await asyncio.sleep(0.1)
            [row] = await api.container.database.rows(HOLES)

    assert failed["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert row["holes"] == 0


async def founding(client: ApiClient, name: str) -> dict[str, Any]:
    """Found an organization, and return the whole answer."""
    document = "mutation($input: CreateOrganizationInput!) { createOrganization(input: $input) { __typename } }"
    answer: dict[str, Any] = (await client.post(document, {"input": {"name": name}})).json()
    return answer


async def until_refused(client: ApiClient) -> dict[str, Any]:
    """Found organizations until that fails."""
    for number in range(20_000):
        answer = await founding(client, f"Acme {number} {'x' * 60}")
        if "errors" in answer:
            return answer
    raise AssertionError("the disk did not fill")
