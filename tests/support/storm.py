"""A migration that is watched by a crowd while one part of the service after the other is taken away."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from domain.connections.values import Endpoint
from tests.support.api import create_project, signed_in
from tests.support.connections import create_connection, server_input
from tests.support.crowd.crowd import Crowd, gathered
from tests.support.crowd.follower import Wanted
from tests.support.migrations import EVENTS, Route, reached, route_to
from tests.support.paced_proxy import PacedProxy
from tests.support.postgresql import PostgresqlServer
from tests.support.stack import API, WORKER, Stack, until

PATIENCE_S = 300.0
"""How long anything may take on a busy machine before the test gives up."""


class Loss(Enum):
    """What is taken away."""

    WORKER = "SIGKILL of a worker"
    REDIS = "restart of Redis"
    API_STOPPED = "restart of the API"
    API_KILLED = "SIGKILL of the API"


@dataclass(frozen=True)
class Weather:
    """How hard it comes.

    The source gives `bytes_per_s` until the last fault is over. Between two faults everybody gets
    `calm_events`; Redis is away for `redis_away_s`.
    """

    subscribers: int
    processes: int
    rows: int
    bytes_per_s: float
    calm_events: int
    redis_away_s: float = 1.0
    batch_rows: int = 1_000
    losses: tuple[Loss, ...] = tuple(Loss)


@dataclass(frozen=True)
class Fault:
    """What was taken away and when, in seconds since 1970; `ended_at` is when it was there again."""

    loss: Loss
    began_at: float
    ended_at: float


class Storm:
    """One migration, its crowd, and the faults so far."""

    def __init__(self, stack: Stack, weather: Weather, redis_program: Path) -> None:
        self.faults: list[Fault] = []
        self.calm: tuple[float, float] = (0.0, 0.0)
        self.id_ = ""
        self._stack = stack
        self._weather = weather
        self._redis_program = redis_program

    async def break_over(self, crowd: Crowd) -> None:
        """Take everything away in turn; return when all subscribers have had news after the last fault."""
        await crowd.until(lambda now: now.connected == crowd.subscribers and now.lowest > 0, PATIENCE_S)
        self.calm = (time.time(), 0.0)
        await self._news(crowd)
        self.calm = (self.calm[0], time.time())
        for loss in self._weather.losses:
            began_at = time.time()
            await self._lose(loss)
            self.faults.append(Fault(loss, began_at, time.time()))
            await self._news(crowd)

    def last_number(self) -> int:
        """Return the number of the migration's last event."""
        return int(self._stack.control(f"SELECT sequence FROM migration_stream WHERE migration_id = '{self.id_}'"))

    async def _news(self, crowd: Crowd) -> None:
        """Wait until everybody is there and has got a number of events that do not exist yet."""
        wanted = self.last_number() + self._weather.calm_events
        await crowd.until(lambda now: now.connected == crowd.subscribers and now.lowest >= wanted, PATIENCE_S)

    async def _lose(self, loss: Loss) -> None:
        """Take something away; return when it, or what has come in its place, is there again."""
        match loss:
            case Loss.WORKER:
                self._stack.kill(WORKER)
            case Loss.REDIS:
                self._stack.stop_redis()
                await asyncio.sleep(self._weather.redis_away_s)
                self._stack.start_redis(self._redis_program)
            case Loss.API_STOPPED:
                await self._stack.stop("api")
                await self._stack.start("api")
            case Loss.API_KILLED:
                dead = self._stack.kill(API)
                await until(lambda: dead not in self._stack.pids(API))
                await self._stack.is_answering()


async def _slow_route(stack: Stack, source: Endpoint, target: Endpoint, proxy: PacedProxy) -> Route:
    """Return a route of a new user whose source is reached through a proxy."""
    client = await signed_in(stack.url)
    project_id = await create_project(client)
    through = replace(source, port=proxy.port)
    source_id = await create_connection(client, server_input(project_id, through, isSource=True, isTarget=False))
    return await route_to(client, project_id, source_id, target)


async def weathered(
    stack: Stack, server: PostgresqlServer, weather: Weather, redis_program: Path, folder: Path
) -> tuple[Storm, Crowd]:
    """Have a crowd watch a migration through a storm, to its end, and return both."""
    source, target = server.create_database(), server.create_database()
    owner = f'SET ROLE "{source.username}"; '
    server.run(f"{owner}CREATE TABLE entry (id bigint PRIMARY KEY, note varchar(40) NOT NULL)", source.database)
    filled = f"INSERT INTO entry SELECT n, 'entry number ' || n FROM generate_series(1, {weather.rows}) n"
    server.run(owner + filled, source.database)
    storm = Storm(stack, weather, redis_program)
    async with PacedProxy(source.host, source.port).listening() as proxy:
        route = await _slow_route(stack, source, target, proxy)
        proxy.bytes_per_s = 10 * weather.bytes_per_s  # which the look at the source does not take long with
        storm.id_ = await route.start(batchSize=weather.batch_rows, parallelTasks=2)
        await reached(route, storm.id_, rows=1)
        proxy.bytes_per_s = weather.bytes_per_s
        wanted = Wanted(stack.url.replace("http", "ws") + "/graphql", route.client.token, EVENTS, storm.id_)
        async with gathered(wanted, weather.subscribers, weather.processes, folder) as crowd:
            await storm.break_over(crowd)
            proxy.bytes_per_s = math.inf
            await crowd.until(lambda now: now.over == crowd.subscribers, PATIENCE_S)
            await crowd.ended()
    content = "SELECT count(*) || ' ' || count(DISTINCT id) || ' ' || sum(id) FROM entry"
    assert server.run(content, target.database) == server.run(content, source.database)
    for endpoint in (source, target):
        server.drop(endpoint)
    return storm, crowd
