"""A migration between PostgreSQL databases that goes on for as long as a test needs it to."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from domain.connections.values import Endpoint
from tests.support.api import create_project, signed_in
from tests.support.connections import create_connection, server_input
from tests.support.migrations import Route, reached, route_to
from tests.support.paced_proxy import PacedProxy
from tests.support.postgresql import PostgresqlServer
from tests.support.stack import Stack

LOOK_FACTOR = 10
"""How many times as fast the source answers while it is looked at; that is not what a test wants to last."""


@dataclass(frozen=True)
class Load:
    """A table of `rows` rows of some 37 bytes, read at `bytes_per_s` in chunks of `batch_rows` by so many lanes."""

    rows: int
    bytes_per_s: float
    batch_rows: int = 1_000
    lanes: int = 2


@dataclass(frozen=True)
class SlowMigration:
    """A migration of the table `entry`, running since its first rows are committed."""

    route: Route
    id_: str
    source: Endpoint
    target: Endpoint
    proxy: PacedProxy
    server: PostgresqlServer

    def let_go(self) -> None:
        """Let it go on as fast as it can."""
        self.proxy.bytes_per_s = math.inf

    def assert_exact(self) -> None:
        """See that the target holds what the source holds."""
        content = "SELECT count(*) || ' ' || count(DISTINCT id) || ' ' || sum(id) FROM entry"
        here, there = (self.server.run(content, end.database) for end in (self.source, self.target))
        assert there == here


@asynccontextmanager
async def slow_migration(stack: Stack, server: PostgresqlServer, load: Load) -> AsyncIterator[SlowMigration]:
    """Give a running migration; its databases are dropped afterwards."""
    source, target = server.create_database(), server.create_database()
    server.run(
        f'SET ROLE "{source.username}"; CREATE TABLE entry (id bigint PRIMARY KEY, note varchar(40) NOT NULL); '
        f"INSERT INTO entry SELECT n, 'entry number ' || n FROM generate_series(1, {load.rows}) n",
        source.database,
    )
    async with PacedProxy(source.host, source.port).listening() as proxy:
        route = await route_between(stack, replace(source, port=proxy.port), target)
        proxy.bytes_per_s = LOOK_FACTOR * load.bytes_per_s
        id_ = await route.start(batchSize=load.batch_rows, parallelTasks=load.lanes)
        await reached(route, id_, rows=1)
        proxy.bytes_per_s = load.bytes_per_s
        yield SlowMigration(route, id_, source, target, proxy, server)
    for endpoint in (source, target):
        server.drop(endpoint)


async def route_between(stack: Stack, source: Endpoint, target: Endpoint) -> Route:
    """Return a route of a new user between two servers."""
    client = await signed_in(stack.url)
    project_id = await create_project(client)
    source_id = await create_connection(client, server_input(project_id, source, isSource=True, isTarget=False))
    return await route_to(client, project_id, source_id, target)
