"""What analyses look like after each event."""

from __future__ import annotations

from sqlalchemy import Table
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.catalog.events import SchemaAnalyzed
from domain.catalog.values import SchemaCounts
from infra.db.event_store import Recorded
from infra.db.tables.catalog import SchemaAnalysisRow
from infra.shapes import adapter

TABLES: tuple[Table, ...] = (SQLModel.metadata.tables["schema_analysis"],)


async def project(session: AsyncSession, recorded: Recorded) -> None:
    """Apply one event."""
    match recorded.event:
        case SchemaAnalyzed() as event:
            session.add(
                SchemaAnalysisRow(
                    id=event.analysis_id,
                    connection_id=event.connection_id,
                    project_id=event.project_id,
                    type=event.type.value,
                    server_version=event.server_version,
                    hash=event.hash,
                    counts=adapter(SchemaCounts).dump_python(event.counts, mode="json"),
                    duration_ms=event.duration_ms,
                    analyzed_at=event.occurred_at,
                )
            )
        case _:
            pass  # other slices' events are none of this one's business
