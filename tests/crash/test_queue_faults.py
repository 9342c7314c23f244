"""Redis away, frozen, full, replaced or fed with garbage: it holds nothing that is not made up for."""

from __future__ import annotations

import asyncio
import os
import pickle
import secrets
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from domain.connections.values import Endpoint
from infra.embedded.ports import free_port
from infra.redis.client import QUEUE_NAME, connect
from tests.support.api import LiveApi, running_api
from tests.support.fault_proxy import FaultProxy, relaying
from tests.support.migrations import EVENTS, SALES, Route, ended, route_from_shop
from tests.support.postgresql import PostgresqlServer
from tests.support.redis import RedisServer, find_program, running_redis
from tests.support.servers import server_folder
from tests.support.workers import worker_process
from workers.main import TRIES_MAX

pytestmark = pytest.mark.timeout(300)

OVERFLOW = b"x" * 8_000_000


@contextmanager
def own_redis(port: int = 0, password: str = "") -> Iterator[RedisServer]:
    """Run a server that a test may do anything to."""
    program = find_program()
    if program is None:
        pytest.skip("Redis is not installed")
    with (
        server_folder("wherry-redis-") as folder,
        running_redis(program, folder, port or free_port(), password or secrets.token_hex(12)) as server,
    ):
        yield server


@pytest.fixture(scope="module")
async def api(postgresql_server: PostgresqlServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LiveApi]:
    """An API with a Redis of its own, whose workers miss each other after a second."""
    with own_redis() as redis:
        home = tmp_path_factory.mktemp("home")
        async with running_api(postgresql_server, home, redis_url=redis.url, worker_lease_s=1) as api:
            yield api


async def assert_done(api: LiveApi, route: Route, id_: str, server: PostgresqlServer, target: Endpoint) -> None:
    """Let a worker come, and hold the migration to its end and the target to the source."""
    with worker_process(api.container):
        status = await ended(route.client, id_)
    assert (status["status"], status["error"]) == ("COMPLETED", None)
    assert server.run("SELECT count(*), count(DISTINCT id) FROM sale", target.database) == f"{SALES}|{SALES}"


async def promised(api: LiveApi) -> int:
    """Count the jobs that are promised and not in the queue."""
    count: int = (await api.container.database.rows("SELECT count(*) AS number FROM outbox"))[0]["number"]
    return count


async def test_a_queue_that_gives_up_and_one_full_of_garbage_do_not_keep_a_migration_from_its_end(
    api: LiveApi, postgresql_database: Endpoint, postgresql_server: PostgresqlServer, tmp_path: Path
) -> None:
    route, redis = await route_from_shop(api, postgresql_database), api.container.redis
    id_ = await route.start()
    harm = tmp_path / "executed"
    for name, job in {"pickled": pickle.dumps(_Harm(harm)), "garbage": b"\xff\x00{", "not-ours": b'{"t": 1}'}.items():
        await redis.set(f"arq:job:{name}", job)
        await redis.zadd(QUEUE_NAME, {name: 1})
    for key in await redis.keys(f"arq:job:{id_}*"):
        await redis.set(key.decode().replace("arq:job:", "arq:retry:"), TRIES_MAX)

    await assert_done(api, route, id_, postgresql_server, postgresql_database)

    assert not harm.exists()
    assert await redis.zcard(QUEUE_NAME) == 0


@pytest.mark.crash
async def test_a_migration_is_accepted_while_redis_has_no_memory_left(
    api: LiveApi, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    route, redis = await route_from_shop(api, postgresql_database), api.container.redis
    await redis.config_set("maxmemory", 1)
    id_ = await route.start()
    waiting = await promised(api)
    await redis.config_set("maxmemory", 0)

    assert waiting == 1
    await assert_done(api, route, id_, postgresql_server, postgresql_database)


@pytest.mark.crash
async def test_a_frozen_redis_keeps_nobody_from_starting_and_asking(
    api: LiveApi, postgresql_database: Endpoint, postgresql_server: PostgresqlServer
) -> None:
    route = await route_from_shop(api, postgresql_database)
    pid = (await api.container.redis.info("server"))["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(60):
            id_ = await route.start()
            asked = await route.client.ask("query($id: ID!) { migrationStatus(id: $id) { status } }", id=id_)
        waiting = await promised(api)
    finally:
        os.kill(pid, signal.SIGCONT)

    assert asked["migrationStatus"]["status"] == "PENDING"
    assert waiting == 1
    await assert_done(api, route, id_, postgresql_server, postgresql_database)


@pytest.mark.crash
async def test_subscribers_whose_line_to_redis_is_closed_for_being_slow_miss_nothing(
    api: LiveApi, postgresql_database: Endpoint
) -> None:
    route, redis = await route_from_shop(api, postgresql_database), api.container.redis
    id_ = await route.start()
    before = {client["id"] for client in await redis.client_list("pubsub")}
    await redis.config_set("client-output-buffer-limit", "pubsub 1000 1000 1")
    numbers, kinds = [], []
    async with asyncio.timeout(120), route.client.follow(EVENTS, id=id_) as events:
        numbers.append((await anext(events))["migrationEvents"]["sequence"])
        await redis.publish(f"wherry:migration:{id_}", OVERFLOW)
        while before & {client["id"] for client in await redis.client_list("pubsub")}:  # noqa: ASYNC110 - no news of it
            await asyncio.sleep(0.1)
        await redis.config_set("client-output-buffer-limit", "pubsub 33554432 8388608 60")
        with worker_process(api.container):
            async for event in events:
                numbers.append(event["migrationEvents"]["sequence"])
                kinds.append(event["migrationEvents"]["kind"])

    assert numbers == sorted(set(numbers))
    assert kinds.count("TERMINAL") == 1
    assert kinds[-1] == "TERMINAL"


@pytest.mark.crash
async def test_a_migration_is_accepted_before_redis_is_there(
    postgresql_server: PostgresqlServer, postgresql_database: Endpoint, tmp_path: Path
) -> None:
    port, password = free_port(), secrets.token_hex(12)
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    async with running_api(postgresql_server, tmp_path / "home", redis_url=url, worker_lease_s=1) as api:
        route = await route_from_shop(api, postgresql_database)
        id_ = await route.start()
        waiting = await promised(api)
        with own_redis(port, password):
            await assert_done(api, route, id_, postgresql_server, postgresql_database)

    assert waiting == 1


@pytest.mark.crash
async def test_a_replica_that_has_lost_the_jobs_is_given_them_again(
    postgresql_server: PostgresqlServer, postgresql_database: Endpoint, tmp_path: Path
) -> None:
    password = secrets.token_hex(12)
    with own_redis(password=password) as primary, own_redis(password=password) as replica:
        async with relaying(FaultProxy(primary.host, primary.port)) as proxy:
            url = f"redis://:{password}@127.0.0.1:{proxy.port}/0"
            async with running_api(postgresql_server, tmp_path / "home", redis_url=url, worker_lease_s=1) as api:
                await replicating(replica, primary)
                route = await route_from_shop(api, postgresql_database)
                await asked(replica, "REPLICAOF", "NO", "ONE")
                id_ = await route.start()
                waiting = await promised(api)
                proxy.upstream_port = replica.port
                proxy.cut()
                await assert_done(api, route, id_, postgresql_server, postgresql_database)

    assert waiting == 0


async def replicating(replica: RedisServer, primary: RedisServer) -> None:
    """Make a server the replica of another, and wait until it is."""
    await asked(replica, "CONFIG", "SET", "masterauth", primary.password)
    await asked(replica, "REPLICAOF", primary.host, str(primary.port))
    async with asyncio.timeout(60):
        while b"master_link_status:up" not in await asked(replica, "INFO", "replication"):  # noqa: ASYNC110 - no news of it
            await asyncio.sleep(0.1)


async def asked(server: RedisServer, *command: str) -> Any:
    """Send a command to a server."""
    client = connect(server.url)
    client.response_callbacks.clear()
    try:
        return await client.execute_command(*command)  # type: ignore[no-untyped-call]  # the library has no types here
    finally:
        await client.aclose(close_connection_pool=True)


class _Harm:
    """What a reader of pickles would execute: it makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, tuple[object, ...]]:
        return Path.touch, (self._path,)
