"""What migrations look like after each event."""

from __future__ import annotations

from typing import get_args

from sqlalchemy import Table
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.migrations.aggregate import failure_of, pause_reason_after, statistics_of, status_after
from domain.migrations.events import (
    MigrationEvent,
    MigrationResumed,
    MigrationRollbackFailed,
    MigrationRollbackRequested,
    MigrationStarted,
    MigrationTableCompleted,
)
from domain.migrations.report import Failure
from domain.migrations.values import MigrationStatistics, MigrationStatus
from infra.db.event_store import Recorded
from infra.db.tables.migrations import MigrationRow
from infra.shapes import adapter

TABLES: tuple[Table, ...] = (SQLModel.metadata.tables["migration"],)


async def project(session: AsyncSession, recorded: Recorded) -> None:
    """Apply one event."""
    event = recorded.event
    if isinstance(event, MigrationStarted):
        session.add(_started(event))
    elif isinstance(event, get_args(MigrationEvent)) and not isinstance(event, MigrationTableCompleted):
        await _changed(session, event)


def _started(event: MigrationStarted) -> MigrationRow:
    config = event.config
    return MigrationRow(
        id=event.migration_id,
        project_id=event.project_id,
        source_connection_id=config.source_connection_id,
        target_connection_id=config.target_connection_id,
        mapping_id=config.mapping_id,
        include=list(config.include),
        exclude=list(config.exclude),
        parallel_tasks=config.parallel_tasks,
        batch_size=config.batch_size,
        verify=config.verify.value,
        on_existing=config.on_existing.value,
        on_misfit=list(config.on_misfit),
        reject_limit=config.reject_limit,
        status=MigrationStatus.PENDING.value,
        started_by=event.started_by,
        started_at=event.occurred_at,
    )


async def _changed(session: AsyncSession, event: MigrationEvent) -> None:
    row = await session.get_one(MigrationRow, event.migration_id)
    status = status_after(event, MigrationStatus(row.status))
    row.status = status.value
    known = adapter(Failure).validate_python(row.pause_reason) if row.pause_reason else None
    reason = pause_reason_after(event, known)
    row.pause_reason = adapter(Failure).dump_python(reason, mode="json") if reason else None
    if isinstance(event, MigrationResumed):
        row.ended_at = row.statistics = row.error = None
    elif isinstance(event, MigrationRollbackRequested):
        row.rollback = {
            "requested_by": str(event.requested_by),
            "requested_at": event.occurred_at.isoformat(),
            "reason": event.reason,
            "acknowledge_writes_since_cutover": event.options.acknowledge_writes_since_cutover,
            "drop_created": event.options.drop_created,
            "failure": None,
        }
    elif isinstance(event, MigrationRollbackFailed):
        failure = adapter(Failure).dump_python(Failure(event.code, event.message), mode="json")
        row.rollback = {**(row.rollback or {}), "failure": failure}
        if event.has_begun:
            row.ended_at, row.error = event.occurred_at, failure
    elif status.is_settled:
        statistics, failure = statistics_of(event), failure_of(event)
        row.ended_at = event.occurred_at
        row.statistics = adapter(MigrationStatistics).dump_python(statistics, mode="json") if statistics else None
        row.error = adapter(Failure).dump_python(failure, mode="json") if failure else None
