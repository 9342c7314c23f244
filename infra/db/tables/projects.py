"""Tables of the projects slice; all are projections."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from infra.db.tables.columns import instant


class ProjectRow(SQLModel, table=True):
    """A project."""

    __tablename__ = "project"

    id: UUID = Field(primary_key=True)
    organization_id: UUID = Field(index=True)
    name: str
    description: str
    status: str
    created_at: datetime = instant()
    updated_at: datetime = instant()


class ProjectMemberRow(SQLModel, table=True):
    """A user's role in a project."""

    __tablename__ = "project_member"

    project_id: UUID = Field(primary_key=True)
    user_id: UUID = Field(primary_key=True, index=True)
    role: str
    assigned_at: datetime = instant()


class ProjectActivityRow(SQLModel, table=True):
    """Something that happened in a project; `sequence` is the event's position."""

    __tablename__ = "project_activity"

    sequence: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    project_id: UUID = Field(index=True)
    kind: str
    subject_id: UUID
    summary: str
    actor_id: UUID | None = None
    occurred_at: datetime = instant()
