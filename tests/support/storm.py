"""A migration that is watched by a crowd while one part of the service after the other is taken away."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tests.support.crowd.crowd import Crowd, gathered
from tests.support.crowd.follower import Wanted
from tests.support.migrations import EVENTS
from tests.support.postgresql import PostgresqlServer
from tests.support.slow_migration import Load, slow_migration
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

    Between two losses everybody gets `calm_events`; Redis is away for `redis_away_s`.
    """

    subscribers: int
    processes: int
    load: Load
    calm_events: int
    redis_away_s: float = 1.0
    losses: tuple[Loss, ...] = tuple(Loss)


@dataclass(frozen=True)
class Fault:
    """What was taken away and when, in seconds since 1970; `ended_at` is when it was there again."""

    loss: Loss
    began_at: float
    ended_at: float


class Storm:
    """One migration, its crowd, and the faults so far."""

    def __init__(self, stack: Stack, weather: Weather, redis_program: Path, migration_id: str) -> None:
        self.faults: list[Fault] = []
        self.calm: tuple[float, float] = (0.0, 0.0)
        self.id_ = migration_id
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


async def weathered(
    stack: Stack, server: PostgresqlServer, weather: Weather, redis_program: Path, folder: Path
) -> tuple[Storm, Crowd]:
    """Have a crowd watch a migration through a storm, to its end, and return both."""
    async with slow_migration(stack, server, weather.load) as migration:
        storm = Storm(stack, weather, redis_program, migration.id_)
        url = stack.url.replace("http", "ws", 1) + "/graphql"
        wanted = Wanted(url, migration.route.client.token, EVENTS, migration.id_)
        async with gathered(wanted, weather.subscribers, weather.processes, folder) as crowd:
            await storm.break_over(crowd)
            migration.let_go()
            await crowd.until(lambda now: now.over == crowd.subscribers, PATIENCE_S)
            await crowd.ended()
        migration.assert_exact()
    return storm, crowd
