"""The event log: appended to with an expected version, read by stream or from the start."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.kernel.aggregate import Aggregate
from domain.kernel.errors import ConcurrencyConflict
from domain.kernel.messages import Event
from domain.kernel.scope import Scope
from infra.db.event_codec import decode, encode
from infra.db.tables.kernel import EventRow

READ_ROWS_MAX = 1_000


@dataclass(frozen=True)
class Recorded:
    """An event with its place in the log."""

    position: int
    stream_id: UUID
    event: Event
    actor_id: UUID | None


async def append(
    session: AsyncSession, aggregate: Aggregate[Any], scope: Scope, recorded_at: datetime
) -> Sequence[Recorded]:
    """Add an aggregate's pending events to the log, right after the version it was loaded at.

    Raises:
        ConcurrencyConflict: somebody else has added to the stream since.
    """
    actor_id = scope.principal.user_id if scope.principal else None
    rows = [
        EventRow(
            stream_id=aggregate.id,
            version=aggregate.version + offset,
            type=type(event).__name__,
            schema_version=event.version,
            data=encode(event),
            actor_id=actor_id,
            request_id=scope.request_id,
            recorded_at=recorded_at,
        )
        for offset, event in enumerate(aggregate.pending, start=1)
    ]
    session.add_all(rows)
    try:
        await session.flush()
    except IntegrityError as error:
        if "event_stream_version" not in str(error.orig):
            raise
        raise ConcurrencyConflict("Somebody else has just changed this. Look at it again and retry.") from error
    return [
        Recorded(row.position or 0, aggregate.id, event, actor_id)
        for row, event in zip(rows, aggregate.pending, strict=True)
    ]


async def stream(session: AsyncSession, stream_id: UUID) -> list[Event]:
    """Return the events of one aggregate, in order."""
    rows = await session.exec(select(EventRow).where(EventRow.stream_id == stream_id).order_by(col(EventRow.version)))
    return [decode(row.type, row.schema_version, row.data) for row in rows]


async def everything(session: AsyncSession) -> AsyncIterator[Recorded]:
    """Yield all events in the order of their positions, a bounded number in memory at a time."""
    after = 0
    while True:
        query = select(EventRow).where(col(EventRow.position) > after).order_by(col(EventRow.position))
        rows = (await session.exec(query.limit(READ_ROWS_MAX))).all()
        if not rows:
            return
        for row in rows:
            after = row.position or 0
            yield Recorded(after, row.stream_id, decode(row.type, row.schema_version, row.data), row.actor_id)
        session.expunge_all()
