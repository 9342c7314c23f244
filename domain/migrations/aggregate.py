"""Migrations and their rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.kernel.aggregate import Aggregate
from domain.kernel.errors import Conflict, ErrorCode
from domain.kernel.values import Bytes, Rows
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
from domain.migrations.moments import CHOICES, OnLostSnapshot
from domain.migrations.progress import TableProgress
from domain.migrations.report import Failure
from domain.migrations.rollback import RollbackOptions, RollbackReport
from domain.migrations.values import TRANSITIONS, MigrationConfig, MigrationStatistics, MigrationStatus, Outlook
from domain.projects.aggregate import Actor


@dataclass(frozen=True)
class PlanSize:
    """How much a plan is about, and in how many lanes it is done."""

    tables: int
    row_estimate: Rows
    size_bytes: Bytes
    lanes: int


_ALL_OR_NOTHING = (
    "The migration is being rolled back, and half a rollback would be neither the old target nor the new one. "
    "It ends by itself, also after an interruption."
)


class Migration(Aggregate[MigrationEvent]):
    """A database on its way from a source to a target.

    People's wishes that cannot be granted are refused. What workers report is recorded if the
    present status allows it, and otherwise left aside: a worker may be late, and may say the same
    thing twice.
    """

    def __init__(self, id_: UUID) -> None:
        super().__init__(id_)
        self.project_id = id_
        self.config: MigrationConfig | None = None
        self.status = MigrationStatus.PENDING
        self.started_at: datetime | None = None
        self.tables_completed: set[str] = set()
        self.stood_at = MigrationStatus.PENDING
        """Where it stood when its rollback was asked for."""
        self.is_half_undone = False
        """Whether a rollback has begun and failed, so that only another one can follow."""
        self.pause_reason: Failure | None = None
        """Why it has paused without being asked to, while it does."""

    @classmethod
    def start(cls, id_: UUID, project_id: UUID, config: MigrationConfig, actor: Actor) -> Migration:
        """Ask for a migration."""
        migration = cls(id_)
        migration.record(
            MigrationStarted(
                occurred_at=actor.now,
                migration_id=id_,
                project_id=project_id,
                config=config,
                started_by=actor.user_id,
            )
        )
        return migration

    def request_pause(self, actor: Actor) -> None:
        """Ask for a pause; one that nothing works on pauses at once. Asking twice changes nothing.

        Raises:
            Conflict: it has ended, or is about to.
        """
        if self.status in (MigrationStatus.PAUSING, MigrationStatus.PAUSED):
            return
        if self.status is MigrationStatus.ROLLING_BACK:
            raise Conflict(_ALL_OR_NOTHING)
        works = self._may_become(MigrationStatus.PAUSING)
        if not works and not self._may_become(MigrationStatus.PAUSED):
            raise Conflict(f"A migration that is {self.status.value} cannot be paused.")
        self.record(
            MigrationPauseRequested(
                occurred_at=actor.now, migration_id=self.id, project_id=self.project_id, requested_by=actor.user_id
            )
        )
        if not works:
            self._pause(actor.now)

    def request_resume(self, actor: Actor, outlook: Outlook, choice: OnLostSnapshot | None = None) -> bool:
        """Ask a migration that stands still to go on; tell whether it did stand still.

        One that has lost its snapshot needs the choice what becomes of what it has copied.

        Raises:
            Conflict: it cannot go on, or not yet.
        """
        if self.status.is_under_way:
            return False
        if self.status is MigrationStatus.PAUSING:
            raise Conflict("The migration is still pausing. Resume it as soon as it is PAUSED.")
        if self.is_half_undone:
            raise Conflict("A rollback of this migration has begun. Roll it back again: that goes on where it stood.")
        if not self._may_become(MigrationStatus.PENDING):
            raise Conflict(f"A migration that is {self.status.value} cannot be resumed.")
        if choice is None and self.pause_reason and self.pause_reason.code is ErrorCode.SNAPSHOT_LOST:
            raise Conflict(f"The migration has lost its snapshot. Resume it with onLostSnapshot: {CHOICES}.")
        self.record(
            MigrationResumed(
                occurred_at=actor.now,
                migration_id=self.id,
                project_id=self.project_id,
                resumed_by=actor.user_id,
                outlook=outlook,
                on_lost_snapshot=choice,
            )
        )
        return True

    def request_cancel(self, actor: Actor, statistics: MigrationStatistics) -> None:
        """Ask for the end; one that nothing works on ends at once. Asking twice changes nothing.

        Raises:
            Conflict: it has ended already, in another way.
        """
        if self.status in (MigrationStatus.CANCELLING, MigrationStatus.CANCELLED):
            return
        if self.status is MigrationStatus.ROLLING_BACK:
            raise Conflict(_ALL_OR_NOTHING)
        if self.status.is_settled:
            raise Conflict(f"The migration has ended already: it is {self.status.value}.")
        works = self._may_become(MigrationStatus.CANCELLING)
        if not works and not self._may_become(MigrationStatus.CANCELLED):
            raise Conflict(f"A migration that is {self.status.value} cannot be cancelled.")
        self.record(
            MigrationCancelRequested(
                occurred_at=actor.now, migration_id=self.id, project_id=self.project_id, requested_by=actor.user_id
            )
        )
        if not works:
            self._cancel(statistics, actor.now)

    def request_rollback(self, actor: Actor, reason: str, options: RollbackOptions) -> bool:
        """Ask for the target to be put back as it was; tell whether there is anything to do. Asking twice is once.

        Raises:
            Conflict: somebody works on it.
        """
        if self.status in (MigrationStatus.ROLLING_BACK, MigrationStatus.ROLLED_BACK):
            return False
        if not self._may_become(MigrationStatus.ROLLING_BACK):
            raise Conflict(f"A migration that is {self.status.value} cannot be rolled back. Pause or cancel it first.")
        self.record(
            MigrationRollbackRequested(
                occurred_at=actor.now,
                migration_id=self.id,
                project_id=self.project_id,
                requested_by=actor.user_id,
                reason=reason,
                options=options,
            )
        )
        return True

    def note_rolled_back(self, report: RollbackReport, now: datetime) -> None:
        """Note that the target is as it was before."""
        if self._may_become(MigrationStatus.ROLLED_BACK):
            self.record(
                MigrationRolledBack(
                    occurred_at=now,
                    migration_id=self.id,
                    project_id=self.project_id,
                    objects_dropped=len(report.dropped),
                    rows_removed=Rows(sum(table.removed for table in report.tables)),
                    rows_restored=Rows(sum(table.restored for table in report.tables)),
                    rows_left=Rows(sum(table.changed for table in report.tables)),
                )
            )

    def note_rollback_failed(self, failure: Failure, now: datetime, *, has_begun: bool) -> None:
        """Note that a rollback did not come to its end, or was refused before it had begun."""
        if self.status is MigrationStatus.ROLLING_BACK:
            self.record(
                MigrationRollbackFailed(
                    occurred_at=now,
                    migration_id=self.id,
                    project_id=self.project_id,
                    code=failure.code,
                    message=failure.message,
                    has_begun=has_begun or self.is_half_undone,
                    status=MigrationStatus.FAILED if has_begun or self.is_half_undone else self.stood_at,
                )
            )

    def note_planning(self, now: datetime) -> None:
        """Note that a worker has begun to plan."""
        if self.status is MigrationStatus.PENDING:
            self.record(MigrationPlanningStarted(occurred_at=now, migration_id=self.id, project_id=self.project_id))

    def note_planned(self, size: PlanSize, now: datetime) -> None:
        """Note that the target is ready for rows."""
        if self._may_become(MigrationStatus.RUNNING):
            self.record(
                MigrationPlanned(
                    occurred_at=now,
                    migration_id=self.id,
                    project_id=self.project_id,
                    tables=size.tables,
                    row_estimate=size.row_estimate,
                    size_bytes=size.size_bytes,
                    lanes=size.lanes,
                )
            )

    def note_table(self, table: TableProgress, now: datetime) -> None:
        """Note that all rows of a table are accounted for."""
        if self.status.is_settled or table.name in self.tables_completed:
            return
        self.record(
            MigrationTableCompleted(
                occurred_at=now,
                migration_id=self.id,
                project_id=self.project_id,
                table=table.name,
                rows_read=table.rows_read,
                rows_written=table.rows_written,
                rows_rejected=table.rows_rejected,
            )
        )

    def note_copied(self, now: datetime) -> None:
        """Note that all rows are in the target."""
        if self._may_become(MigrationStatus.VERIFYING):
            self.record(MigrationVerificationStarted(occurred_at=now, migration_id=self.id, project_id=self.project_id))

    def note_paused(self, now: datetime, reason: Failure | None = None) -> None:
        """Note that nothing works on it any more, as was asked or for a reason."""
        if self.status is MigrationStatus.PAUSING or (reason and self._may_become(MigrationStatus.PAUSED)):
            self._pause(now, reason)

    def note_cancelled(self, statistics: MigrationStatistics, now: datetime) -> None:
        """Note that nothing works on it any more, as was asked."""
        if self.status is MigrationStatus.CANCELLING:
            self._cancel(statistics, now)

    def note_completed(self, statistics: MigrationStatistics, difference: str, now: datetime) -> None:
        """Note that the end was reached; a difference between the databases makes it a failure."""
        if self._may_become(MigrationStatus.COMPLETED):
            self.record(
                MigrationCompleted(
                    occurred_at=now,
                    migration_id=self.id,
                    project_id=self.project_id,
                    success=not difference,
                    statistics=statistics,
                    completed_at=now,
                    message=difference,
                )
            )

    def note_failed(self, failure: Failure, statistics: MigrationStatistics, now: datetime) -> None:
        """Note that an error has ended it."""
        if self._may_become(MigrationStatus.FAILED):
            self.record(
                MigrationFailed(
                    occurred_at=now,
                    migration_id=self.id,
                    project_id=self.project_id,
                    code=failure.code,
                    message=failure.message,
                    statistics=statistics,
                )
            )

    def apply(self, event: MigrationEvent) -> None:
        """Change the state as the event says."""
        match event:
            case MigrationStarted():
                self.project_id, self.config = event.project_id, event.config
                self.started_at = event.occurred_at
            case MigrationTableCompleted():
                self.tables_completed.add(event.table)
            case _:
                self.pause_reason = pause_reason_after(event, self.pause_reason)
                if isinstance(event, MigrationResumed) and event.on_lost_snapshot is OnLostSnapshot.RESTART:
                    self.tables_completed.clear()
                if isinstance(event, MigrationRollbackRequested):
                    self.stood_at = self.status
                elif isinstance(event, MigrationRollbackFailed):
                    self.is_half_undone = event.has_begun
                self.status = status_after(event, self.status)

    def _pause(self, now: datetime, reason: Failure | None = None) -> None:
        self.record(MigrationPaused(occurred_at=now, migration_id=self.id, project_id=self.project_id, reason=reason))

    def _cancel(self, statistics: MigrationStatistics, now: datetime) -> None:
        self.record(
            MigrationCancelled(occurred_at=now, migration_id=self.id, project_id=self.project_id, statistics=statistics)
        )

    def _may_become(self, status: MigrationStatus) -> bool:
        if self.status is MigrationStatus.ROLLING_BACK:
            return status is MigrationStatus.ROLLED_BACK  # where else it leads, only the rollback itself can say
        return status in TRANSITIONS[self.status]


_LEADS_TO: dict[type[MigrationEvent], MigrationStatus] = {
    MigrationStarted: MigrationStatus.PENDING,
    MigrationPlanningStarted: MigrationStatus.PLANNING,
    MigrationPlanned: MigrationStatus.RUNNING,
    MigrationVerificationStarted: MigrationStatus.VERIFYING,
    MigrationPaused: MigrationStatus.PAUSED,
    MigrationResumed: MigrationStatus.PENDING,
    MigrationCancelled: MigrationStatus.CANCELLED,
    MigrationFailed: MigrationStatus.FAILED,
    MigrationRollbackRequested: MigrationStatus.ROLLING_BACK,
    MigrationRolledBack: MigrationStatus.ROLLED_BACK,
}

_ASKS_FOR: dict[type[MigrationEvent], MigrationStatus] = {
    MigrationPauseRequested: MigrationStatus.PAUSING,
    MigrationCancelRequested: MigrationStatus.CANCELLING,
}
"""A wish; one that nothing works on is as wished at once, as the next event says."""


def status_after(event: MigrationEvent, status: MigrationStatus) -> MigrationStatus:
    """Return where a migration stands after an event, given where it stood before."""
    if isinstance(event, MigrationCompleted):
        return MigrationStatus.COMPLETED if event.success else MigrationStatus.FAILED
    if isinstance(event, MigrationRollbackFailed):
        return event.status
    wish = _ASKS_FOR.get(type(event))
    if wish is not None:
        return wish if wish in TRANSITIONS[status] else status
    return _LEADS_TO.get(type(event), status)


def pause_reason_after(event: MigrationEvent, reason: Failure | None) -> Failure | None:
    """Return why a migration has paused unasked, after an event; a rollback that is refused changes nothing there."""
    match event:
        case MigrationPaused():
            return event.reason
        case MigrationRollbackRequested() | MigrationRollbackFailed(has_begun=False):
            return reason
        case _:
            return None


def failure_of(event: MigrationEvent) -> Failure | None:
    """Return why a migration failed, if this event says that it did."""
    match event:
        case MigrationFailed() | MigrationRollbackFailed():
            return Failure(event.code, event.message)
        case MigrationCompleted(success=False):
            return Failure(ErrorCode.VERIFICATION_FAILED, event.message)
        case _:
            return None


def statistics_of(event: MigrationEvent) -> MigrationStatistics | None:
    """Return what a migration added up to, if this event ends it."""
    match event:
        case MigrationCancelled() | MigrationCompleted() | MigrationFailed():
            return event.statistics
        case _:
            return None
