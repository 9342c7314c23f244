"""A project's history: one readable line for everything that happens in it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Table
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.catalog.events import SchemaAnalyzed
from domain.connections.events import (
    ConnectionCreated,
    ConnectionCredentialsUpdated,
    ConnectionDeleted,
    ConnectionEvent,
    ConnectionTested,
    ConnectionUpdated,
)
from domain.kernel.messages import Event
from domain.mappings.events import SchemaMappingCreated, SchemaValidationCompleted
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
        case ConnectionCreated() | ConnectionUpdated() | ConnectionCredentialsUpdated():
            return event.project_id, _of_connection(event)
        case ConnectionTested() | ConnectionDeleted():
            return event.project_id, _of_connection(event)
        case SchemaAnalyzed() | SchemaMappingCreated() | SchemaValidationCompleted():
            return event.project_id, _of_schema(event)
        case _:
            return None


def _of_schema(event: SchemaAnalyzed | SchemaMappingCreated | SchemaValidationCompleted) -> str:
    """Say what was read or made of schemas."""
    match event:
        case SchemaAnalyzed():
            return f"A schema was analysed: {event.counts.tables} tables."
        case SchemaMappingCreated():
            return f"Mapping {event.name} of {len(event.tables)} tables was created."
        case SchemaValidationCompleted():
            outcome = "is valid" if event.is_valid else "is not valid"
            return f"A mapping was validated and {outcome}; {event.errors_total} issues were found."


def _of_connection(event: ConnectionEvent) -> str:
    """Say what happened to a connection."""
    match event:
        case ConnectionCreated():
            return f"Connection {event.name} to a {event.type.value} database was created."
        case ConnectionUpdated():
            return f"Connection {event.name} was changed."
        case ConnectionCredentialsUpdated():
            return "The password of a connection was changed."
        case ConnectionTested(success=True):
            return f"A connection was tested and works; it took {event.latency_ms} ms."
        case ConnectionTested():
            return f"A connection was tested and does not work: {event.code.value if event.code else 'unknown'}."
        case ConnectionDeleted():
            return f"Connection {event.name} was deleted."
