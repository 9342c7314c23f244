"""Tables of the kernel: the event log, the outbox, the answers under idempotency keys."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from infra.db.tables.columns import document, instant


class EventRow(SQLModel, table=True):
    """One fact. Rows are only ever added."""

    __tablename__ = "event"
    __table_args__ = (UniqueConstraint("stream_id", "version", name="event_stream_version"),)

    position: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    stream_id: UUID
    version: int
    type: str
    schema_version: int
    data: dict[str, Any] = document()
    actor_id: UUID | None = None
    request_id: str
    recorded_at: datetime = instant()


class OutboxRow(SQLModel, table=True):
    """A job that was promised in a transaction and not yet handed to the queue."""

    __tablename__ = "outbox"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    key: str
    name: str
    subject: UUID
    created_at: datetime = instant(index=True)


class IdempotencyRow(SQLModel, table=True):
    """The answer that a command gave under an idempotency key."""

    __tablename__ = "idempotency"

    user_id: UUID = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request: str
    fingerprint: str
    answer: UUID
    created_at: datetime = instant(index=True)
