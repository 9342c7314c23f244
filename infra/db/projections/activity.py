"""A project's history: one readable line for everything that happens in it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Table
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.kernel.messages import Event
from domain.projects.events import ProjectCreated, ProjectStatusChanged, UserAssignedToProject
from infra.db.event_store import Recorded
from infra.db.tables.projects import ProjectActivityRow

TABLES: tuple[Table, ...] = (SQLModel.metadata.tables["project_activity"],)


async def project(session: AsyncSession, recorded: Recorded) -> None:
    """Note an event that belongs to a project."""
    line = _line(recorded.event)
    if line is None:
        return
    project_id, summary = line
    session.add(
        ProjectActivityRow(
            sequence=recorded.position,
            project_id=project_id,
            kind=type(recorded.event).__name__,
            subject_id=recorded.stream_id,
            summary=summary,
            actor_id=recorded.actor_id,
            occurred_at=recorded.event.occurred_at,
        )
    )


def _line(event: Event) -> tuple[UUID, str] | None:
    """Return the project an event belongs to and what to say of it."""
    match event:
        case ProjectCreated():
            return event.project_id, f"Project {event.name} was created."
        case ProjectStatusChanged():
            return event.project_id, f"The status changed from {event.old_status.value} to {event.new_status.value}."
        case UserAssignedToProject():
            return event.project_id, f"A member was given the role {event.role.value}."
        case _:
            return None
