"""The processes of a history: workers with the jobs that real ones do, and APIs that send commands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from arq import Retry
from arq.connections import ArqRedis

from domain.connections.values import Endpoint
from domain.kernel.behaviors import pipeline
from domain.kernel.mediator import Mediator
from domain.kernel.messages import Command
from domain.kernel.scope import Principal, Scope
from domain.migrations.transfer import Connector
from infra.authentication import Authenticator
from infra.bindings.ports import Ports
from infra.bindings.table import bindings
from infra.clock import SystemClock, SystemIds
from infra.container import Container
from infra.crypto.envelope import Envelope
from infra.crypto.keyring import credentials_key, signing_key
from infra.crypto.passwords import Argon2Hasher
from infra.crypto.tokens import TokenIssuer
from infra.db.database import Database
from infra.db.readers.access import SqlAccess
from infra.db.readers.mappings import SqlMappingBook
from infra.db.readers.migration_brief import Brief
from infra.db.stores.auth import SqlSessions
from infra.db.stores.connections import SqlCredentials
from infra.db.work import SqlWorks
from infra.files import DataFolder
from infra.logs import StructuredRequestLog
from infra.metrics import Metrics
from infra.redis.cache import RedisCache
from infra.redis.client import connect
from infra.redis.doorbell import RedisDoorbell
from infra.redis.feed import RedisFeed
from infra.settings import Settings
from infra.validation import PydanticValidator
from tests.crash.simulation.databases import Pair
from tests.crash.simulation.queue import JobQueue, SimulatedDoorbell, Waiting
from workers.engine.concurrency import cancelled
from workers.engine.ends import Route
from workers.jobs.finish import finish_migration
from workers.jobs.lane import copy_lane
from workers.jobs.prepare import prepare_migration
from workers.jobs.reconcile import Reconciler
from workers.jobs.rollback import rollback_migration
from workers.jobs.workshop import KEY, Workshop, open_workshop
from workers.main import POLL_S

NO_REDIS = "redis://127.0.0.1:1/0"
"""Nobody dials it."""

_JOBS: dict[str, Callable[[dict[str, Any], str], Awaitable[None]]] = {
    "prepare_migration": prepare_migration,
    "copy_lane": copy_lane,
    "finish_migration": finish_migration,
    "rollback_migration": rollback_migration,
}


class _Unhurried:
    """Slows nobody down."""

    async def admit(self, action: str, client: str, account: str = "") -> None:
        """Let everybody pass."""


@dataclass(frozen=True)
class Parts:
    """What all processes of all histories share: keys and settings."""

    settings: Settings
    hasher: Argon2Hasher
    tokens: TokenIssuer
    envelope: Envelope
    redis: ArqRedis
    metrics: Metrics

    @classmethod
    def below(cls, home: Path, **settings: Any) -> Parts:
        """Make keys and settings below a folder."""
        chosen = Settings.model_validate({"home": home, **settings})
        return cls(
            settings=chosen,
            hasher=Argon2Hasher(),
            tokens=TokenIssuer(signing_key(chosen.signing_key_file)),
            envelope=Envelope(credentials_key(chosen.credentials_key_file)),
            redis=connect(NO_REDIS),
            metrics=Metrics(),
        )

    def container(self, database: Database, doorbell: SimulatedDoorbell) -> Container:
        """Wire a process as `open_container` does, over another line to the control store and another queue."""
        clock, feed = SystemClock(), RedisFeed(self.redis)
        ports = Ports(
            clock=clock,
            ids=SystemIds(),
            database=database,
            hasher=self.hasher,
            tokens=self.tokens,
            throttle=_Unhurried(),
            envelope=self.envelope,
            files=DataFolder(self.settings.data_dir),
            feed=feed,
            mappings=SqlMappingBook(database),
        )
        behaviors = pipeline(
            log=StructuredRequestLog(self.metrics),
            access=SqlAccess(database),
            validator=PydanticValidator(),
            cache=RedisCache(self.redis),
            open_work=SqlWorks(database, clock, doorbell),
        )
        return Container(
            settings=self.settings,
            database=database,
            redis=self.redis,
            doorbell=cast(RedisDoorbell, doorbell),
            feed=feed,
            authenticator=Authenticator(self.tokens, SqlSessions(database), clock),
            mediator=Mediator(bindings(ports), behaviors),
            metrics=self.metrics,
            credentials=SqlCredentials(database, self.envelope, ports.files),
            mappings=ports.mappings,
        )


@dataclass(frozen=True, kw_only=True)
class _Shop(Workshop):
    pair: Pair

    async def route(self, brief: Brief) -> Route:
        """Lead to the databases of this history."""
        return self.pair.route()

    async def target(self, brief: Brief) -> tuple[Connector, Endpoint]:
        """Lead to the target of this history."""
        route = self.pair.route()
        return route.target_connector, route.target_endpoint


class SimulatedWorker:
    """A worker process: polls the queue, does the jobs, looks after lost work."""

    def __init__(self, name: str, container: Container, queue: JobQueue, pair: Pair) -> None:
        self.name = name
        shop = open_workshop(container)
        self._shop = _Shop(**{field.name: getattr(shop, field.name) for field in fields(shop)}, pair=pair)
        self._queue = queue
        self._jobs: dict[asyncio.Task[None], None] = {}
        self.crashes: list[BaseException] = []
        """What jobs have raised; no job should."""

    @property
    def is_busy(self) -> bool:
        """Whether it has a job in hand."""
        return bool(self._jobs)

    async def work(self) -> None:
        """Work until cancelled, or until the queue is out of reach; then give back what is in hand."""
        reconciling = asyncio.create_task(Reconciler(self._shop).keep())
        try:
            with suppress(ConnectionError):
                while True:
                    self._take()
                    await asyncio.sleep(POLL_S)
        finally:
            await cancelled([reconciling, *self._jobs])

    def _take(self) -> None:
        self._queue.check()
        while len(self._jobs) < self._shop.container.settings.worker_jobs_max:
            entry = self._queue.take(asyncio.get_running_loop().time())
            if entry is None:
                return
            job = asyncio.create_task(self._do(entry))
            self._jobs[job] = None
            job.add_done_callback(self._jobs.pop)

    async def _do(self, entry: Waiting) -> None:
        ctx = {KEY: self._shop, "job_id": entry.job.key, "job_try": entry.tries}
        try:
            await _JOBS[entry.job.name](ctx, str(entry.job.subject))
        except Retry as later:
            self._queue.put_back(entry, (later.defer_score or 0) / 1000)
        except asyncio.CancelledError:
            self._queue.put_back(entry, 0.0)
            raise
        except Exception as error:  # noqa: BLE001 - arq would log it and forget the job
            self.crashes.append(error)
            self._queue.taken.pop(entry.job.key, None)
        else:
            self._queue.taken.pop(entry.job.key, None)


class SimulatedApi:
    """An API process, as far as commands go."""

    def __init__(self, name: str, container: Container, user_id: UUID) -> None:
        self.name = name
        self._container = container
        self._principal = Principal(user_id, UUID(int=0))

    async def send(self, command: Command[UUID], key: str) -> UUID:
        """Carry a command out for the user, under an idempotency key."""
        scope = Scope(principal=self._principal, request_id=key, idempotency_key=key)
        return await self._container.mediator.send(command, scope)
