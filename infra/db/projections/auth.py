"""What users and organisations look like after each event."""

from __future__ import annotations

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.auth.events import MemberJoined, OrganizationCreated, UserRegistered
from infra.db.event_store import Recorded
from infra.db.tables.auth import MembershipRow, OrganizationRow, PersonRow

TABLES: tuple[Table, ...] = tuple(SQLModel.metadata.tables[name] for name in ("person", "organization", "membership"))


async def project(session: AsyncSession, recorded: Recorded) -> None:
    """Apply one event."""
    match recorded.event:
        case UserRegistered() as event:
            session.add(
                PersonRow(
                    id=event.user_id,
                    email=event.email,
                    first_name=event.first_name,
                    last_name=event.last_name,
                    registered_at=event.occurred_at,
                )
            )
        case OrganizationCreated() as event:
            session.add(OrganizationRow(id=event.organization_id, name=event.name, created_at=event.occurred_at))
        case MemberJoined() as event:
            row = {"organization_id": event.organization_id, "user_id": event.user_id, "role": event.role.value}
            upsert = insert(MembershipRow).values(row)
            await session.exec(
                upsert.on_conflict_do_update(
                    index_elements=["organization_id", "user_id"], set_={"role": event.role.value}
                )
            )
        case _:
            pass  # other slices' events are none of this one's business
