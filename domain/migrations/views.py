"""What clients see of migrations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID

from domain.kernel.values import Bytes, Rows
from domain.migrations.plan import OnExisting, VerifyLevel
from domain.migrations.progress import RunPhase, TableProgress
from domain.migrations.report import Failure
from domain.migrations.rollback import RollbackReport
from domain.migrations.values import LogLevel, MigrationStatistics, MigrationStatus


@dataclass(frozen=True)
class Migration:
    """A database on its way from a source to a target."""

    id: UUID
    """The migration's id."""
    project_id: UUID
    """The project it belongs to."""
    source_connection_id: UUID
    """The connection that is read."""
    target_connection_id: UUID
    """The connection that is written."""
    mapping_id: UUID | None
    """The mapping it goes by; null if every name stays."""
    include: tuple[str, ...]
    """Patterns of the tables to copy; none means all."""
    exclude: tuple[str, ...]
    """Patterns of the tables left out."""
    parallel_tasks: int
    """How many chunks are copied at once."""
    batch_size: int
    """The most rows committed at once, about."""
    verify: VerifyLevel
    """How source and target are compared after the copy."""
    on_existing: OnExisting
    """What becomes of rows that target tables already held."""
    on_misfit: tuple[str, ...]
    """What becomes of values that the target cannot keep, by column or type."""
    reject_limit: str
    """How many rows may be left out: a number, or a share of each table; none if empty."""
    status: MigrationStatus
    """Where it stands."""
    started_by: UUID
    """The user who started it."""
    started_at: datetime
    """When it was started."""
    ended_at: datetime | None
    """When it ended; null while it goes on."""
    statistics: MigrationStatistics | None
    """What it added up to; null while it goes on."""
    error: Failure | None
    """Why it failed; null if it did not."""
    pause_reason: Failure | None
    """Why it has paused without being asked to, and what is to be done; null if it has not."""


@dataclass(frozen=True)
class RejectedValue:
    """A value of a row that was left out, as a text."""

    column: str
    """The column's name in the source."""
    value: str | None
    """The value: digits of numbers, hex digits of bytes, everything else as it is; null if it is NULL."""


@dataclass(frozen=True)
class MigrationReject:
    """A row that was left out, whole."""

    table: str
    """The table's name in the source."""
    column: str
    """The column whose value has no place in the target; empty if the target refused the row as a whole."""
    reason: str
    """What is wrong with it."""
    values: tuple[RejectedValue, ...]
    """All values of the row, as they are in the source."""


@dataclass(frozen=True)
class RejectPage:
    """Some of a migration's rows that were left out, and how many there are in all."""

    items: tuple[MigrationReject, ...]
    total: int


@dataclass(frozen=True)
class MigrationStatusReport:
    """Where a migration stands, in brief."""

    migration_id: UUID
    """The migration's id."""
    status: MigrationStatus
    """Where it stands."""
    phase: RunPhase
    """What is being done."""
    sequence: int
    """The number of the last event, to follow `migrationEvents` from."""
    started_at: datetime
    """When it was started."""
    ended_at: datetime | None
    """When it ended; null while it goes on."""
    error: Failure | None
    """Why it failed; null if it did not."""
    pause_reason: Failure | None
    """Why it has paused without being asked to; null if it has not."""


@dataclass(frozen=True)
class MigrationProgress:
    """How far a migration has come. Processed records are those committed in the target, by its own ledger."""

    migration_id: UUID
    """The migration's id."""
    status: MigrationStatus
    """Where it stands."""
    phase: RunPhase
    """What is being done."""
    processed_records: Rows
    """Rows committed in the target, and rows rejected."""
    total_records: Rows
    """Rows to be copied: an estimate until all tables are copied."""
    percentage: float
    """From 0 to 100, by bytes; 100 only at the end of a migration that is COMPLETED."""
    eta_s: float | None
    """Estimated seconds to the end of the copy; null without a rate to go by."""
    rows_read: Rows
    """Rows read from the source; runs ahead of those committed."""
    rows_written: Rows
    """Rows committed in the target."""
    rows_rejected: Rows
    """Rows that the target could not take."""
    bytes_done: Bytes
    """Bytes read."""
    bytes_total: Bytes
    """Bytes to read, estimated."""
    rows_per_second: float
    """The present rate in rows."""
    bytes_per_second: float
    """The present rate in bytes."""
    elapsed_s: float
    """Seconds since the start, up to the end."""
    tables: tuple[TableProgress, ...]
    """Table by table; within an event only those in which something happens."""


@dataclass(frozen=True)
class RollbackProgress:
    """How far a rollback has come."""

    acts_done: int
    """How many objects were dropped and tables put back so far."""
    acts_total: int
    """How many there are in all."""


@dataclass(frozen=True)
class MigrationRollback:
    """A rollback: by whom it was asked for, why, and what it has done so far."""

    migration_id: UUID
    """The migration's id."""
    requested_by: UUID
    """The user who asked for it last."""
    requested_at: datetime
    """When that was."""
    reason: str
    """Why, as the user said."""
    acknowledge_writes_since_cutover: bool
    """Whether rows written since by others may leave their tables, once a copy is kept."""
    drop_created: bool
    """Whether what the migration has made is dropped."""
    progress: RollbackProgress | None
    """How far it has come; null before it has begun."""
    report: RollbackReport | None
    """What it has done so far, which may be a second behind until the end; null before it has begun."""
    failure: Failure | None
    """Why it was refused or failed the last time; null if it was not."""


class MigrationEventKind(Enum):
    """What an event of a migration tells."""

    SNAPSHOT = "SNAPSHOT"
    """Everything as it is now; the first event unless those since `after` are still known."""
    PROGRESS = "PROGRESS"
    """The copy has gone on; at most about twice a second."""
    STATUS = "STATUS"
    """The status has changed."""
    TABLE = "TABLE"
    """All rows of a table are accounted for."""
    TERMINAL = "TERMINAL"
    """The migration has ended; always the last event, and sent once."""


@dataclass(frozen=True, kw_only=True)
class MigrationFrame:
    """Something new about a migration. Events of one migration are numbered without a gap."""

    migration_id: UUID
    """The migration's id."""
    sequence: int
    """The event's number; the next event has the next number."""
    kind: MigrationEventKind
    """What it tells."""
    occurred_at: datetime
    """When it happened."""
    status: MigrationStatus
    """Where the migration stands."""
    progress: MigrationProgress | None = None
    """How far it has come; with SNAPSHOT all tables, with PROGRESS those at work."""
    table: TableProgress | None = None
    """The table, with TABLE."""
    statistics: MigrationStatistics | None = None
    """What it added up to, once it has ended."""
    error: Failure | None = None
    """Why it failed, or why its rollback was refused, once that has happened."""
    pause_reason: Failure | None = None
    """Why it has paused without being asked to, while it has."""
    rollback: RollbackProgress | None = None
    """How far its rollback has come, while there is one; with SNAPSHOT and PROGRESS."""


@dataclass(frozen=True)
class LogDetail:
    """A particular of a log entry."""

    name: str
    """What it is, such as `table`."""
    value: str
    """Its value."""


@dataclass(frozen=True)
class MigrationLogEntry:
    """A line of a migration's log."""

    id: UUID
    """The entry's id; ids rise with time."""
    sequence: int
    """Its place in the migration's log, counted from 1 without a gap."""
    migration_id: UUID
    """The migration's id."""
    level: LogLevel
    """How serious it is."""
    message: str
    """What happened."""
    context: tuple[LogDetail, ...]
    """Particulars, such as the table."""
    repeated: int
    """How often the same has happened since, within a short time."""
    logged_at: datetime
    """When it happened first."""


@dataclass(frozen=True)
class DeadChunk:
    """A part of a table that was tried again and again, or failed for a reason that trying again cannot change."""

    table: str
    """The table's name in the source."""
    number: int
    """The chunk's number within its table."""
    scope: str
    """Which rows it stands for."""
    row_estimate: Rows
    """About how many rows that is."""
    attempts: int
    """How often it was tried."""
    reason: str
    """Why it failed the last time."""


@dataclass(frozen=True)
class MigrationFilter:
    """Which migrations to list."""

    status: MigrationStatus | None = None
    """Only those that stand there."""


@dataclass(frozen=True)
class LogFilter:
    """Which log entries to list. Conditions that are given must all hold."""

    min_level: LogLevel | None = None
    """Only entries at least as serious."""
    from_date: datetime | None = None
    """Nothing before this moment."""
    to_date: datetime | None = None
    """Nothing after this moment."""
