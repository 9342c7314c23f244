"""What mappings look like after each event."""

from __future__ import annotations

from sqlalchemy import Table, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel, col
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.mappings.events import SchemaMappingCreated, SchemaValidationCompleted
from domain.mappings.values import MappingIssue, MappingStatus, TableMapping
from infra.db.event_store import Recorded
from infra.db.tables.mappings import SchemaMappingRow, SchemaValidationRow
from infra.shapes import adapter

TABLES: tuple[Table, ...] = tuple(SQLModel.metadata.tables[name] for name in ("schema_mapping", "schema_validation"))


async def project(session: AsyncSession, recorded: Recorded) -> None:
    """Apply one event."""
    match recorded.event:
        case SchemaMappingCreated() as event:
            session.add(_made(event))
        case SchemaValidationCompleted() as event:
            found = {
                "is_valid": event.is_valid,
                "errors": adapter(tuple[MappingIssue, ...]).dump_python(event.errors, mode="json"),
                "errors_total": event.errors_total,
                "validated_at": event.occurred_at,
            }
            upsert = insert(SchemaValidationRow).values(mapping_id=event.mapping_id, **found)
            await session.exec(upsert.on_conflict_do_update(index_elements=["mapping_id"], set_=found))
            status = MappingStatus.VALID if event.is_valid else MappingStatus.INVALID
            change = update(SchemaMappingRow).where(col(SchemaMappingRow.id) == event.mapping_id)
            await session.exec(change.values(status=status.value))
        case _:
            pass  # other slices' events are none of this one's business


def _made(event: SchemaMappingCreated) -> SchemaMappingRow:
    return SchemaMappingRow(
        id=event.mapping_id,
        project_id=event.project_id,
        name=event.name,
        source_schema_id=event.source_schema_id,
        source_connection_id=event.source_connection_id,
        target_schema_id=event.target_schema_id,
        target_connection_id=event.target_connection_id,
        status=MappingStatus.UNVALIDATED.value,
        table_count=len(event.tables),
        rules=adapter(tuple[TableMapping, ...]).dump_python(event.tables, mode="json"),
        created_at=event.occurred_at,
    )
