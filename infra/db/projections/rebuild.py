"""Rebuilding every read table from the event log."""

from __future__ import annotations

from sqlmodel.ext.asyncio.session import AsyncSession

from infra.db import event_store
from infra.db.database import Database, control_store_url
from infra.db.projections.registry import TABLES, project
from infra.db.upgrade import upgrade


async def rebuild_at(url: str) -> int:
    """Bring the control store at an address up to date and rebuild its projections; return the number of events."""
    database = Database(control_store_url(url))
    try:
        await upgrade(database)
        return await rebuild(database)
    finally:
        await database.close()


async def rebuild(database: Database) -> int:
    """Empty the projections and play all events again, in one transaction; return the number of events.

    Readers see the old tables until the commit. New events wait: the log is locked against
    appends meanwhile, so that none is played twice or missed.
    """
    async with database.transaction() as session:
        played = await replay(session)
        await session.commit()
        return played


async def replay(session: AsyncSession) -> int:
    """Rebuild within a transaction that the caller commits."""
    connection = await session.connection()
    await connection.exec_driver_sql("LOCK TABLE event IN EXCLUSIVE MODE")
    await connection.exec_driver_sql("TRUNCATE " + ", ".join(f'"{table.name}"' for table in TABLES))
    played = 0
    async for recorded in event_store.everything(session):
        await project(session, recorded)
        await session.flush()
        played += 1
    return played
