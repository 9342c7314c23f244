"""The unit of work over the control store: the only place that commits a command."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.kernel.aggregate import Aggregate
from domain.kernel.errors import ConcurrencyConflict, Conflict, NotFound
from domain.kernel.failpoints import failpoint
from domain.kernel.messages import Job, Signal
from domain.kernel.ports import Clock
from domain.kernel.scope import Scope
from domain.kernel.work import Work
from infra.db import event_store, outbox
from infra.db.database import Database
from infra.db.outbox import Doorbell
from infra.db.projections.registry import project
from infra.db.tables.kernel import IdempotencyRow

G = TypeVar("G", bound=Aggregate[Any])

_GAVE_WAY = frozenset({"40001", "40P01"})
"""What PostgreSQL says to the one of two transactions that has to give way: nothing of it was done."""

_log = structlog.get_logger(__name__)


class SqlWork:
    """One command's transaction."""

    def __init__(self, session: AsyncSession, scope: Scope, clock: Clock) -> None:
        self.session = session
        self.jobs: list[Job] = []
        self.signals: list[Signal] = []
        self._scope = scope
        self._clock = clock
        self._aggregates: list[Aggregate[Any]] = []

    @property
    def scope(self) -> Scope:
        """The circumstances of the command."""
        return self._scope

    async def load(self, aggregate: type[G], id_: UUID) -> G:
        """Rebuild an aggregate from its events."""
        events = await event_store.stream(self.session, id_)
        if not events:
            raise NotFound(f"There is no {aggregate.__name__.lower()} {id_}.")
        return aggregate.replay(id_, events)

    def add(self, aggregate: Aggregate[Any]) -> None:
        """Store the aggregate's pending events at the commit."""
        if aggregate not in self._aggregates:
            self._aggregates.append(aggregate)

    def enqueue(self, job: Job) -> None:
        """Hand a job to the workers after the commit."""
        self.jobs.append(job)

    def signal(self, signal: Signal) -> None:
        """Wake live subscribers after the commit."""
        self.signals.append(signal)

    async def commit(self) -> None:
        """Append events, update projections, fill the outbox, commit."""
        now = self._clock.now()
        for aggregate in self._aggregates:
            for recorded in await event_store.append(self.session, aggregate, self._scope, now):
                await project(self.session, recorded)
        outbox.put(self.session, self.jobs, now)
        failpoint("work.commits")
        await self.session.commit()
        failpoint("work.committed")

    async def recall(self, request_name: str, fingerprint: str) -> UUID | None:
        """Return the answer already given under the scope's idempotency key, if any."""
        row = await self.session.get(IdempotencyRow, (self._scope.user_id, self._scope.idempotency_key))
        known = (row.request, row.fingerprint, row.answer) if row else None
        await self.session.rollback()  # a handler may now take its time before it needs the transaction
        if known is None:
            return None
        if known[:2] != (request_name, fingerprint):
            raise Conflict("This idempotency key was used for another request. Take a new key.")
        return known[2]

    async def remember(self, request_name: str, fingerprint: str, answer: UUID) -> None:
        """Store an answer under the scope's idempotency key, in this transaction."""
        self.session.add(
            IdempotencyRow(
                user_id=self._scope.user_id,
                key=self._scope.idempotency_key,
                request=request_name,
                fingerprint=fingerprint,
                answer=answer,
                created_at=self._clock.now(),
            )
        )


class SqlWorks:
    """Opens units of work, and after each commit delivers what it promised."""

    def __init__(self, database: Database, clock: Clock, doorbell: Doorbell) -> None:
        self._database = database
        self._clock = clock
        self._doorbell = doorbell

    def __call__(self, scope: Scope) -> AbstractAsyncContextManager[SqlWork]:
        """Open a transaction."""
        return self._open(scope)

    @asynccontextmanager
    async def _open(self, scope: Scope) -> AsyncIterator[SqlWork]:
        async with self._database.transaction() as session:
            work = SqlWork(session, scope, self._clock)
            try:
                yield work
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) in _GAVE_WAY:
                    raise ConcurrencyConflict("Somebody else changed the same at the same time; try again.") from error
                raise
            committed = not session.in_transaction()
        if committed:
            await self._flush(work)

    async def _flush(self, work: SqlWork) -> None:
        """Ring and publish. What fails here is made up for: jobs by the relay, signals by polling."""
        try:
            if work.jobs:
                await outbox.deliver(self._database, self._doorbell)
            for signal in work.signals:
                await self._doorbell.publish(signal)
        except OSError as error:
            _log.warning("doorbell out of reach", error=type(error).__name__)


def session_of(work: Work) -> AsyncSession:
    """Return the session of a unit of work, for stores that write in its transaction."""
    if not isinstance(work, SqlWork):
        raise TypeError("this store writes only in a unit of work of the control store")
    return work.session
