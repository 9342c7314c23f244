"""The outbox: jobs promised in a transaction, delivered after it, at least once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.kernel.failpoints import failpoint
from domain.kernel.messages import Job, Signal
from infra.db.database import Database
from infra.db.tables.kernel import OutboxRow

RELAY_ROWS_MAX = 100


class Doorbell(Protocol):
    """Where jobs and signals go. Both may be lost; the outbox and the subscribers' polling make up for it."""

    async def ring(self, job: Job) -> None:
        """Hand a job to the queue.

        Raises:
            OSError: the queue cannot be reached.
        """
        ...

    async def publish(self, signal: Signal) -> None:
        """Tell live subscribers.

        Raises:
            OSError: they cannot be reached.
        """
        ...


def put(session: AsyncSession, jobs: Iterable[Job], now: datetime) -> list[OutboxRow]:
    """Store jobs in the transaction that promises them."""
    rows = [OutboxRow(key=job.key, name=job.name, subject=job.subject, created_at=now) for job in jobs]
    session.add_all(rows)
    return rows


async def deliver(database: Database, doorbell: Doorbell) -> int:
    """Hand waiting jobs to the queue and forget those that it took; return how many.

    A crash between the two delivers a job again, which the job's key makes harmless. Rows that
    another relay is delivering are left to it.

    Raises:
        OSError: the queue cannot be reached; the jobs wait.
    """
    async with database.transaction() as session:
        query = select(OutboxRow).order_by(col(OutboxRow.id)).limit(RELAY_ROWS_MAX).with_for_update(skip_locked=True)
        rows = (await session.exec(query)).all()
        if not rows:
            return 0
        for row in rows:
            await doorbell.ring(Job(key=row.key, name=row.name, subject=row.subject))
        failpoint("outbox.rung")
        await session.exec(delete(OutboxRow).where(col(OutboxRow.id).in_([row.id for row in rows])))
        await session.commit()
        failpoint("outbox.forgotten")
        return len(rows)
