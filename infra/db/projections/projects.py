"""What projects look like after each event."""

from __future__ import annotations

from sqlalchemy import Table, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel, col
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.projects.events import ProjectCreated, ProjectStatusChanged, UserAssignedToProject
from domain.projects.values import ProjectStatus
from infra.db.event_store import Recorded
from infra.db.tables.projects import ProjectMemberRow, ProjectRow

TABLES: tuple[Table, ...] = tuple(SQLModel.metadata.tables[name] for name in ("project", "project_member"))


async def project(session: AsyncSession, recorded: Recorded) -> None:
    """Apply one event."""
    match recorded.event:
        case ProjectCreated() as event:
            session.add(
                ProjectRow(
                    id=event.project_id,
                    organization_id=event.organization_id,
                    name=event.name,
                    description=event.description,
                    status=ProjectStatus.DRAFT.value,
                    created_at=event.occurred_at,
                    updated_at=event.occurred_at,
                )
            )
        case ProjectStatusChanged() as event:
            change = update(ProjectRow).where(col(ProjectRow.id) == event.project_id)
            await session.exec(change.values(status=event.new_status.value, updated_at=event.occurred_at))
        case UserAssignedToProject() as event:
            role = {"role": event.role.value, "assigned_at": event.occurred_at}
            upsert = insert(ProjectMemberRow).values(project_id=event.project_id, user_id=event.user_id, **role)
            await session.exec(upsert.on_conflict_do_update(index_elements=["project_id", "user_id"], set_=role))
        case _:
            pass  # other slices' events are none of this one's business
