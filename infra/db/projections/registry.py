"""All projections together. They run in the transaction that appends, so reads never lag behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sqlalchemy import Table
from sqlmodel.ext.asyncio.session import AsyncSession

from infra.db.event_store import Recorded
from infra.db.projections import activity, auth, catalog, connections, mappings, migrations, projects

Projection = Callable[[AsyncSession, Recorded], Awaitable[None]]

PROJECTIONS: tuple[Projection, ...] = (
    auth.project,
    projects.project,
    connections.project,
    catalog.project,
    mappings.project,
    migrations.project,
    activity.project,
)

TABLES: tuple[Table, ...] = (
    *auth.TABLES,
    *projects.TABLES,
    *connections.TABLES,
    *catalog.TABLES,
    *mappings.TABLES,
    *migrations.TABLES,
    *activity.TABLES,
)
"""The tables that projections own; a rebuild empties them first."""


async def project(session: AsyncSession, recorded: Recorded) -> None:
    """Update every read table that an event concerns."""
    for projection in PROJECTIONS:
        await projection(session, recorded)
