"""What has happened to migrations. Progress is no event but a signal: see `domain.migrations.signals`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.kernel.errors import ErrorCode
from domain.kernel.messages import Event
from domain.kernel.values import Bytes, Rows
from domain.migrations.moments import OnLostSnapshot
from domain.migrations.report import Failure
from domain.migrations.rollback import RollbackOptions
from domain.migrations.values import MigrationConfig, MigrationStatistics, MigrationStatus, Outlook


@dataclass(frozen=True, kw_only=True)
class MigrationStarted(Event):
    """Somebody has asked for a migration; a worker will take it up."""

    migration_id: UUID
    project_id: UUID
    config: MigrationConfig
    started_by: UUID


@dataclass(frozen=True, kw_only=True)
class MigrationPlanningStarted(Event):
    """A worker has begun to look at both databases."""

    migration_id: UUID
    project_id: UUID


@dataclass(frozen=True, kw_only=True)
class MigrationPlanned(Event):
    """The target's tables stand ready for rows. Sizes are the source's estimates."""

    migration_id: UUID
    project_id: UUID
    tables: int
    row_estimate: Rows
    size_bytes: Bytes
    lanes: int


@dataclass(frozen=True, kw_only=True)
class MigrationTableCompleted(Event):
    """All rows of a table have been read and accounted for."""

    migration_id: UUID
    project_id: UUID
    table: str
    rows_read: Rows
    rows_written: Rows
    rows_rejected: Rows


@dataclass(frozen=True, kw_only=True)
class MigrationVerificationStarted(Event):
    """All tables are copied; what is left is keys, indexes and the comparison."""

    migration_id: UUID
    project_id: UUID


@dataclass(frozen=True, kw_only=True)
class MigrationPauseRequested(Event):
    """Somebody has asked a migration to pause."""

    migration_id: UUID
    project_id: UUID
    requested_by: UUID


@dataclass(frozen=True, kw_only=True)
class MigrationPaused(Event):
    """Nothing works on a migration any more; it can go on where it stood. Without a reason that was asked for."""

    migration_id: UUID
    project_id: UUID
    reason: Failure | None = None


@dataclass(frozen=True, kw_only=True)
class MigrationResumed(Event):
    """Somebody has asked a migration that stood still to go on; a worker will take it up."""

    migration_id: UUID
    project_id: UUID
    resumed_by: UUID
    outlook: Outlook
    on_lost_snapshot: OnLostSnapshot | None = None


@dataclass(frozen=True, kw_only=True)
class MigrationCancelRequested(Event):
    """Somebody has asked a migration to end."""

    migration_id: UUID
    project_id: UUID
    requested_by: UUID


@dataclass(frozen=True, kw_only=True)
class MigrationCancelled(Event):
    """A migration has ended on request."""

    migration_id: UUID
    project_id: UUID
    statistics: MigrationStatistics


@dataclass(frozen=True, kw_only=True)
class MigrationCompleted(Event):
    """A migration came to its end. Without success both databases were compared and differ; `message` says where."""

    migration_id: UUID
    project_id: UUID
    success: bool
    statistics: MigrationStatistics
    completed_at: datetime
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class MigrationFailed(Event):
    """An error has ended a migration before its end."""

    migration_id: UUID
    project_id: UUID
    code: ErrorCode
    message: str
    statistics: MigrationStatistics


@dataclass(frozen=True, kw_only=True)
class MigrationRollbackRequested(Event):
    """Somebody has asked for the target to be put back as it was; a worker will take it up."""

    migration_id: UUID
    project_id: UUID
    requested_by: UUID
    reason: str
    options: RollbackOptions


@dataclass(frozen=True, kw_only=True)
class MigrationRolledBack(Event):
    """The target is as it was before. Rows left were changed by others since, and stay as these left them."""

    migration_id: UUID
    project_id: UUID
    objects_dropped: int
    rows_removed: Rows
    rows_restored: Rows
    rows_left: Rows


@dataclass(frozen=True, kw_only=True)
class MigrationRollbackFailed(Event):
    """A rollback did not come to its end. If it had not begun, the migration stands at `status` as before it."""

    migration_id: UUID
    project_id: UUID
    code: ErrorCode
    message: str
    has_begun: bool
    status: MigrationStatus


MigrationEvent = (
    MigrationStarted
    | MigrationPlanningStarted
    | MigrationPlanned
    | MigrationTableCompleted
    | MigrationVerificationStarted
    | MigrationPauseRequested
    | MigrationPaused
    | MigrationResumed
    | MigrationCancelRequested
    | MigrationCancelled
    | MigrationCompleted
    | MigrationFailed
    | MigrationRollbackRequested
    | MigrationRolledBack
    | MigrationRollbackFailed
)
EVENTS = (
    MigrationStarted,
    MigrationPlanningStarted,
    MigrationPlanned,
    MigrationTableCompleted,
    MigrationVerificationStarted,
    MigrationPauseRequested,
    MigrationPaused,
    MigrationResumed,
    MigrationCancelRequested,
    MigrationCancelled,
    MigrationCompleted,
    MigrationFailed,
    MigrationRollbackRequested,
    MigrationRolledBack,
    MigrationRollbackFailed,
)
