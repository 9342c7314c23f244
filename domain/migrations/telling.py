"""What subscribers, the log and the project's followers get to see of an event, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from domain.kernel.messages import Signal
from domain.kernel.values import Bytes
from domain.kernel.work import Work
from domain.migrations.aggregate import Migration, failure_of, statistics_of, status_after
from domain.migrations.events import (
    MigrationCancelled,
    MigrationCancelRequested,
    MigrationCompleted,
    MigrationEvent,
    MigrationFailed,
    MigrationPaused,
    MigrationPauseRequested,
    MigrationPlanned,
    MigrationPlanningStarted,
    MigrationResumed,
    MigrationRollbackFailed,
    MigrationRollbackRequested,
    MigrationRolledBack,
    MigrationStarted,
    MigrationTableCompleted,
    MigrationVerificationStarted,
)
from domain.migrations.moments import OnLostSnapshot
from domain.migrations.ports import MigrationStream
from domain.migrations.progress import TablePhase, TableProgress
from domain.migrations.report import Failure
from domain.migrations.signals import MigrationLogged, MigrationProgressUpdated
from domain.migrations.values import LogLevel, MigrationStatus, Outlook
from domain.migrations.views import MigrationEventKind, MigrationFrame

NOT_NUMBERED = 0
"""The number of an event that has not got its number yet."""


def project_signal(migration: Migration) -> Signal:
    """Return the signal that something has happened in the migration's project."""
    return Signal(topic=f"project:{migration.project_id}")


@dataclass(frozen=True)
class Teller:
    """Stores a migration's new events together with what they make others see."""

    stream: MigrationStream

    async def store(self, work: Work, migration: Migration, before: MigrationStatus) -> None:
        """Store the pending events of a migration that stood at `before`; without any, do nothing."""
        if not migration.pending:
            return
        work.add(migration)
        status = before
        for event in migration.pending:
            status = status_after(event, status)
            await self.stream.tell(work, frame_of(event, status))
            await self.stream.log(work, migration.id, level_of(event), sentence_of(event))
        work.signal(MigrationProgressUpdated.of(migration.id))
        work.signal(MigrationLogged.of(migration.id))
        work.signal(project_signal(migration))


def frame_of(event: MigrationEvent, status: MigrationStatus) -> MigrationFrame:
    """Return the frame that shows an event to subscribers; `status` is that after the event."""
    kind, table = MigrationEventKind.STATUS, None
    if isinstance(event, MigrationTableCompleted):
        kind, table = MigrationEventKind.TABLE, _completed(event)
    elif status.is_settled:
        kind = MigrationEventKind.TERMINAL
    return MigrationFrame(
        migration_id=event.migration_id,
        sequence=NOT_NUMBERED,
        kind=kind,
        occurred_at=event.occurred_at,
        status=status,
        table=table,
        statistics=statistics_of(event),
        error=failure_of(event),
        pause_reason=event.reason if isinstance(event, MigrationPaused) else None,
    )


def level_of(event: MigrationEvent) -> LogLevel:
    """Return how serious an event is."""
    if isinstance(event, MigrationPaused) and event.reason:
        return LogLevel.WARNING
    return LogLevel.ERROR if failure_of(event) else LogLevel.INFO


_SENTENCES: dict[type[MigrationEvent], str] = {
    MigrationStarted: "The migration was started.",
    MigrationPlanningStarted: "A worker looks at both databases.",
    MigrationVerificationStarted: "All rows are copied; keys and indexes are made and the databases compared.",
    MigrationPauseRequested: "A pause of the migration was asked for.",
    MigrationPaused: "The migration is paused; what is committed stays in the target.",
    MigrationCancelRequested: "The end of the migration was asked for.",
    MigrationCancelled: "The migration has ended as was asked.",
}


def sentence_of(event: MigrationEvent) -> str:
    """Say what happened, for the log and the project's history."""
    match event:
        case MigrationPlanned():
            return (
                f"{event.tables} tables with about {event.row_estimate} rows will be copied, "
                f"up to {event.lanes} chunks at once."
            )
        case MigrationTableCompleted():
            rejected = f", {event.rows_rejected} rejected" if event.rows_rejected else ""
            return f"Table {event.table} is copied: {event.rows_written} rows{rejected}."
        case MigrationPaused(reason=Failure() as reason):
            return f"The migration has paused: {reason.message}"
        case MigrationResumed(on_lost_snapshot=OnLostSnapshot.RESTART):
            return "The migration starts over: what it has copied is taken back first."
        case MigrationResumed():
            return f"The migration goes on. {_redone(event.outlook)}"
        case MigrationCompleted(success=True):
            return f"The migration is complete: {event.statistics.processed_records} rows."
        case MigrationCompleted() | MigrationFailed():
            return f"The migration has failed: {event.message}"
        case MigrationRollbackRequested() | MigrationRolledBack() | MigrationRollbackFailed():
            return _of_rollback(event)
        case _:
            return _SENTENCES[type(event)]


def _of_rollback(event: MigrationRollbackRequested | MigrationRolledBack | MigrationRollbackFailed) -> str:
    """Say what happened to a rollback."""
    match event:
        case MigrationRollbackRequested():
            return f"A rollback was asked for{f': {event.reason}' if event.reason else '.'}"
        case MigrationRolledBack():
            left = f"; {event.rows_left} rows that others have changed since were left alone" if event.rows_left else ""
            return (
                f"The target is as it was before: {event.objects_dropped} objects were dropped, {event.rows_removed} "
                f"rows removed and {event.rows_restored} brought back{left}."
            )
        case MigrationRollbackFailed(has_begun=True):
            return f"The rollback has failed: {event.message} Roll back again to go on with it."
        case MigrationRollbackFailed():
            return f"The migration was not rolled back, and nothing was changed: {event.message}"


def _redone(outlook: Outlook) -> str:
    """Say what is kept and what is copied yet."""
    if not outlook.chunks_kept and not outlook.chunks_left:
        return "It had not come to copying yet and begins with its plan."
    kept = f"{outlook.chunks_kept} chunks with {outlook.rows_kept} rows are in the target and stay"
    if not outlook.chunks_left:
        return f"{kept}; what is left is keys, indexes and the comparison."
    anew = f", {outlook.chunks_begun} of them anew from their start" if outlook.chunks_begun else ""
    dead = f", {outlook.chunks_dead} after they had failed for good" if outlook.chunks_dead else ""
    return f"{kept}; {outlook.chunks_left} chunks with about {outlook.rows_left} rows are copied{anew}{dead}."


def _completed(event: MigrationTableCompleted) -> TableProgress:
    return TableProgress(
        name=event.table,
        phase=TablePhase.COPIED,
        rows_read=event.rows_read,
        rows_written=event.rows_written,
        rows_rejected=event.rows_rejected,
        rows_total=event.rows_read,
        bytes_done=Bytes(0),
        bytes_total=Bytes(0),
        rows_per_second=0.0,
    )
