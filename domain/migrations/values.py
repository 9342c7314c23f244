"""Values of the migrations slice: where a migration stands, what was asked of it, what it added up to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated
from uuid import UUID

from annotated_types import Interval, Len

from domain.kernel.values import Rows
from domain.migrations.misfits import NO_REJECTS, parse_reject_limit, parse_rule
from domain.migrations.plan import OnExisting, RunOptions, VerifyLevel

PARALLEL_TASKS_MAX = 16
BATCH_ROWS_MAX = 10_000_000
PATTERNS_MAX = 1_000
LIMIT_CHARACTERS_MAX = 20


class MigrationStatus(Enum):
    """Where a migration stands."""

    PENDING = "PENDING"
    """Waiting for a worker."""
    PLANNING = "PLANNING"
    """A worker looks at both databases and makes the tables."""
    RUNNING = "RUNNING"
    """Rows are being copied."""
    VERIFYING = "VERIFYING"
    """All rows are copied; keys and indexes are made, and both databases compared."""
    PAUSING = "PAUSING"
    """Chunks at hand are finished if that takes but a moment, else given up; no new ones are begun."""
    PAUSED = "PAUSED"
    """Nothing works on it; it can go on where it stood, once its `pauseReason` is lifted if it has one."""
    CANCELLING = "CANCELLING"
    """Its end was asked for; workers are giving their work up."""
    CANCELLED = "CANCELLED"
    """Ended on request; what was copied is still in the target."""
    COMPLETED = "COMPLETED"
    """Everything was copied, accounted for, and verified as far as was asked."""
    FAILED = "FAILED"
    """Ended by an error; what was copied is still in the target."""
    ROLLING_BACK = "ROLLING_BACK"
    """The target is being put back as it was before."""
    ROLLED_BACK = "ROLLED_BACK"
    """The target is as it was before."""

    @property
    def is_settled(self) -> bool:
        """Whether nothing works on it and nothing will unless somebody asks again."""
        return self in SETTLED

    @property
    def is_under_way(self) -> bool:
        """Whether it goes on by itself."""
        return self in _UNDER_WAY


SETTLED = frozenset(
    {MigrationStatus.CANCELLED, MigrationStatus.COMPLETED, MigrationStatus.FAILED, MigrationStatus.ROLLED_BACK}
)
"""The statuses in which a migration has come to an end."""

_UNDER_WAY = frozenset(
    {MigrationStatus.PENDING, MigrationStatus.PLANNING, MigrationStatus.RUNNING, MigrationStatus.VERIFYING}
)

_STOPPING = frozenset({MigrationStatus.PAUSING, MigrationStatus.CANCELLING, MigrationStatus.FAILED})

TRANSITIONS: dict[MigrationStatus, frozenset[MigrationStatus]] = {
    MigrationStatus.PENDING: frozenset(
        {MigrationStatus.PLANNING, MigrationStatus.PAUSED, MigrationStatus.CANCELLED, MigrationStatus.FAILED}
    ),
    # Straight to PAUSED goes what somebody has to help: `domain.migrations.pausing`.
    MigrationStatus.PLANNING: frozenset({MigrationStatus.RUNNING, MigrationStatus.PAUSED}) | _STOPPING,
    MigrationStatus.RUNNING: frozenset({MigrationStatus.VERIFYING, MigrationStatus.PAUSED}) | _STOPPING,
    MigrationStatus.VERIFYING: frozenset({MigrationStatus.COMPLETED, MigrationStatus.PAUSED}) | _STOPPING,
    # A wish to stop may come when the last step is already done: then the end wins.
    MigrationStatus.PAUSING: frozenset(
        {MigrationStatus.PAUSED, MigrationStatus.CANCELLING, MigrationStatus.COMPLETED, MigrationStatus.FAILED}
    ),
    MigrationStatus.PAUSED: frozenset(
        {MigrationStatus.PENDING, MigrationStatus.CANCELLED, MigrationStatus.ROLLING_BACK}
    ),
    MigrationStatus.CANCELLING: frozenset(
        {MigrationStatus.CANCELLED, MigrationStatus.COMPLETED, MigrationStatus.FAILED}
    ),
    MigrationStatus.CANCELLED: frozenset({MigrationStatus.ROLLING_BACK}),
    MigrationStatus.COMPLETED: frozenset({MigrationStatus.ROLLING_BACK}),
    MigrationStatus.FAILED: frozenset({MigrationStatus.PENDING, MigrationStatus.ROLLING_BACK}),
    # A rollback that is refused before it has changed anything leaves the migration where it stood.
    MigrationStatus.ROLLING_BACK: frozenset({MigrationStatus.ROLLED_BACK, MigrationStatus.FAILED})
    | {MigrationStatus.PAUSED, MigrationStatus.CANCELLED, MigrationStatus.COMPLETED},
    MigrationStatus.ROLLED_BACK: frozenset(),
}
"""The status changes that are allowed, over a migration's whole life."""


@dataclass(frozen=True, kw_only=True)
class MigrationConfig:
    """From where to where, what, and how."""

    source_connection_id: UUID
    """The connection that is read."""
    target_connection_id: UUID
    """The connection that is written."""
    mapping_id: UUID | None = None
    """The mapping that says which table and column becomes which; without one every name stays."""
    include: Annotated[tuple[str, ...], Len(0, PATTERNS_MAX)] = ()
    """Shell patterns such as `film*` of the tables to copy; none means all."""
    exclude: Annotated[tuple[str, ...], Len(0, PATTERNS_MAX)] = ()
    """Shell patterns of the tables to leave out."""
    parallel_tasks: Annotated[int, Interval(ge=1, le=PARALLEL_TASKS_MAX)] = 4
    """How many chunks are copied at once, from 1 to 16."""
    batch_size: Annotated[int, Interval(ge=1, le=BATCH_ROWS_MAX)] = 100_000
    """The most rows that are committed at once, about."""
    verify: VerifyLevel = VerifyLevel.DIGEST
    """How source and target are compared after the copy."""
    on_existing: OnExisting = OnExisting.FAIL
    """What becomes of rows that target tables already hold."""
    on_misfit: Annotated[tuple[str, ...], Len(0, PATTERNS_MAX)] = ()
    """What becomes of values that the target cannot keep, by column or type: `film.released=null`, `date=text`,
    `text=strip`, `*=sentinel:0`; policies are reject, null, null-relaxed, sentinel, text, strip."""
    reject_limit: Annotated[str, Len(0, LIMIT_CHARACTERS_MAX)] = ""
    """How many rows may be left out and kept aside: a number, or a share of each table such as `1%`; none if empty."""

    def __post_init__(self) -> None:
        # Lists come in over the network; a frozen value holds tuples.
        for name in ("include", "exclude", "on_misfit"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    def run_options(self) -> RunOptions:
        """Return what the engine needs to know, apart from the mapping."""
        return RunOptions(
            include=self.include,
            exclude=self.exclude,
            parallel=self.parallel_tasks,
            chunk_rows=self.batch_size,
            verify=self.verify,
            on_existing=self.on_existing,
            on_misfit=tuple(parse_rule(rule) for rule in self.on_misfit),
            reject_limit=parse_reject_limit(self.reject_limit) if self.reject_limit else NO_REJECTS,
        )


@dataclass(frozen=True)
class Outlook:
    """What a migration that goes on keeps, and what it copies yet. All zero before it has a plan."""

    chunks_kept: int = 0
    """Chunks whose rows are in the target and stay there."""
    rows_kept: Rows = Rows(0)
    """Rows of those chunks."""
    chunks_left: int = 0
    """Chunks to be copied: those never begun, and those that were given up in the middle and are copied anew."""
    chunks_begun: int = 0
    """How many of those left had been begun before."""
    chunks_dead: int = 0
    """How many of those left had failed for good and are tried again."""
    rows_left: Rows = Rows(0)
    """Rows of the chunks left, estimated."""


@dataclass(frozen=True)
class TableStatistics:
    """How many records of one table have arrived."""

    table: str
    """The table's name in the source."""
    records: Rows
    """Rows that are in the target."""


@dataclass(frozen=True)
class MigrationStatistics:
    """What a migration added up to."""

    total_records: Rows
    """Rows that were to be copied; an estimate where a table was not read to its end."""
    processed_records: Rows
    """Rows that are in the target."""
    failed_records: Rows
    """Rows that were rejected."""
    duration_s: float
    """Seconds from the start to the end."""
    average_speed: float
    """Rows written per second, over the whole duration."""
    table_statistics: tuple[TableStatistics, ...]
    """The records of each table."""


class LogLevel(Enum):
    """How serious a log entry is."""

    DEBUG = "DEBUG"
    """Detail for those who look for a fault."""
    INFO = "INFO"
    """The ordinary course of things."""
    WARNING = "WARNING"
    """Something was not as it should be, and the migration goes on."""
    ERROR = "ERROR"
    """Something ended the migration or a part of it."""

    @property
    def and_above(self) -> tuple[str, ...]:
        """The names of this level and of the more serious ones."""
        names = [level.value for level in LogLevel]
        return tuple(names[names.index(self.value) :])
