"""What connections look like after each event."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, delete, update
from sqlmodel import SQLModel, col
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.connections.events import (
    ConnectionCreated,
    ConnectionCredentialsUpdated,
    ConnectionDeleted,
    ConnectionTested,
    ConnectionUpdated,
)
from domain.connections.values import ConnectionConfig, ConnectionState
from infra.db.event_store import Recorded
from infra.db.tables.connections import ConnectionRow, ConnectionTestRow
from infra.shapes import adapter

TABLES: tuple[Table, ...] = tuple(SQLModel.metadata.tables[name] for name in ("connection", "connection_test"))


async def project(session: AsyncSession, recorded: Recorded) -> None:
    """Apply one event."""
    match recorded.event:
        case ConnectionCreated() as event:
            session.add(_made(event))
        case ConnectionUpdated() as event:
            await session.exec(
                update(ConnectionRow).where(col(ConnectionRow.id) == event.connection_id).values(_changed(event))
            )
        case ConnectionCredentialsUpdated() as event:
            await session.exec(
                update(ConnectionRow)
                .where(col(ConnectionRow.id) == event.connection_id)
                .values(
                    credentials_version=event.credentials_version,
                    status=ConnectionState.UNTESTED.value,
                    updated_at=event.occurred_at,
                )
            )
        case ConnectionTested() as event:
            session.add(_test(recorded.position, event))
            state = ConnectionState.OK if event.success else ConnectionState.FAILING
            await session.exec(
                update(ConnectionRow).where(col(ConnectionRow.id) == event.connection_id).values(status=state.value)
            )
        case ConnectionDeleted() as event:
            await session.exec(delete(ConnectionRow).where(col(ConnectionRow.id) == event.connection_id))
            await session.exec(
                delete(ConnectionTestRow).where(col(ConnectionTestRow.connection_id) == event.connection_id)
            )
        case _:
            pass  # other slices' events are none of this one's business


def _made(event: ConnectionCreated) -> ConnectionRow:
    return ConnectionRow(
        id=event.connection_id,
        project_id=event.project_id,
        organization_id=event.organization_id,
        name=event.name,
        type=event.type.value,
        is_source=event.is_source,
        is_target=event.is_target,
        config=adapter(ConnectionConfig).dump_python(event.config, mode="json"),
        credentials_version=event.credentials_version,
        status=ConnectionState.UNTESTED.value,
        created_at=event.occurred_at,
        updated_at=event.occurred_at,
    )


def _changed(event: ConnectionUpdated) -> dict[str, Any]:
    changed: dict[str, Any] = {
        "name": event.name,
        "is_source": event.is_source,
        "is_target": event.is_target,
        "config": adapter(ConnectionConfig).dump_python(event.config, mode="json"),
        "updated_at": event.occurred_at,
    }
    return changed | ({"status": ConnectionState.UNTESTED.value} if event.moved else {})


def _test(position: int, event: ConnectionTested) -> ConnectionTestRow:
    return ConnectionTestRow(
        sequence=position,
        connection_id=event.connection_id,
        success=event.success,
        code=event.code.value if event.code else None,
        message=event.message,
        server_version=event.server_version,
        findings=[adapter(type(finding)).dump_python(finding, mode="json") for finding in event.findings],
        latency_ms=event.latency_ms,
        tested_at=event.occurred_at,
    )
