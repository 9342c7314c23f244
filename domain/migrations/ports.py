"""What the migrations slice needs from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from domain.kernel.values import Page, PageRequest
from domain.kernel.work import Work
from domain.mappings.values import TableMapping
from domain.migrations.assignments import Assignment
from domain.migrations.progress import TableProgress
from domain.migrations.report import RunReport
from domain.migrations.rollback import RollbackGuarantee, RollbackReport
from domain.migrations.values import LogLevel, Outlook
from domain.migrations.views import (
    DeadChunk,
    LogFilter,
    Migration,
    MigrationFilter,
    MigrationFrame,
    MigrationLogEntry,
    MigrationProgress,
    MigrationRollback,
    MigrationStatusReport,
    RejectPage,
)


class MappingBook(Protocol):
    """Knows what a mapping says."""

    async def tables(self, mapping_id: UUID, project_id: UUID) -> tuple[TableMapping, ...]:
        """Return the mapping's tables.

        Raises:
            NotFound: the project has no such mapping.
        """
        ...


class TargetClaims(Protocol):
    """Sees to it that a target is written by one migration at a time."""

    async def claim(self, work: Work, target_connection_id: UUID) -> UUID | None:
        """Return the unsettled migration that writes this target, if there is one.

        Until the end of the transaction nobody else gets an answer for this target.
        """
        ...


class MigrationStream(Protocol):
    """Where what subscribers see is written, in the transaction that makes it true."""

    async def open(self, work: Work, migration_id: UUID) -> None:
        """Begin a migration's stream and its log."""
        ...

    async def tell(self, work: Work, frame: MigrationFrame) -> None:
        """Add an event with the next number, whatever number it has; after a TERMINAL one there is none."""
        ...

    async def is_failing(self, work: Work, migration_id: UUID) -> bool:
        """Tell whether a worker has given a reason for the migration to fail, and keep it so."""
        ...

    async def log(self, work: Work, migration_id: UUID, level: LogLevel, message: str) -> None:
        """Add an entry to the migration's log."""
        ...


class MigrationCounters(Protocol):
    """Knows how far each table has come."""

    async def tables(self, work: Work, migration_id: UUID) -> tuple[TableProgress, ...]:
        """Return all tables of a migration, in the plan's order; none before there is a plan."""
        ...


class Assignments(Protocol):
    """Gives work out and knows who has it."""

    async def give(self, work: Work, assignments: tuple[Assignment, ...]) -> None:
        """Give assignments out; each replaces an earlier one of the same task. Their jobs go out at the commit."""
        ...

    async def give_anew(self, work: Work, migration_id: UUID, task: str) -> None:
        """Give a task out once more, under the next number; its job goes out at the commit."""
        ...

    async def holds(self, work: Work, assignment: Assignment) -> bool:
        """Tell whether an assignment still stands, and keep it so to the end of the transaction."""
        ...

    async def under_way(self, work: Work, migration_id: UUID) -> bool:
        """Tell whether a worker has an assignment of the migration in hand."""
        ...


class Resumption(Protocol):
    """Knows what a migration that stands still has done, and makes it ready to go on."""

    async def outlook(self, work: Work, migration_id: UUID) -> Outlook:
        """Return what it keeps and what it copies yet."""
        ...

    async def reopen(self, work: Work, migration_id: UUID, *, starts_over: bool) -> None:
        """Open its stream again, forget why it failed, and let chunks that were given up be tried again.

        Its plan will be compared with the source before anything is copied, or, if it starts over, made anew
        once all that was copied is taken back.
        """
        ...


class Reports(Protocol):
    """Keeps the report of each migration."""

    async def save(self, work: Work, migration_id: UUID, report: RunReport) -> None:
        """Store a report, in place of an earlier one."""
        ...


class Rollbacks(Protocol):
    """Knows how far the rollback of a migration has come, and makes the migration ready for it."""

    async def guarantee(self, work: Work, migration_id: UUID) -> RollbackGuarantee | None:
        """Return what was promised of a rollback; nothing before there is a plan."""
        ...

    async def open(self, work: Work, migration_id: UUID) -> None:
        """Open the migration's stream again and withdraw what is left of its work."""
        ...

    async def report(self, work: Work, migration_id: UUID) -> RollbackReport | None:
        """Return what was done so far; nothing before a rollback has begun."""
        ...

    async def close(self, work: Work, migration_id: UUID) -> None:
        """Note that nothing of the migration is in the target any more."""
        ...


class MigrationReader(Protocol):
    """The read side of the migrations slice. What takes a viewer is narrowed to what the viewer may see."""

    async def migrations(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, Migration]:
        """Return those of the migrations that the viewer may see."""
        ...

    async def pages(
        self, viewer: UUID, project_ids: tuple[UUID, ...], filter_: MigrationFilter, page: PageRequest
    ) -> dict[UUID, Page[Migration]]:
        """Return the same page of the migrations of each of the projects, newest first."""
        ...

    async def last(self, viewer: UUID, project_ids: tuple[UUID, ...]) -> dict[UUID, Migration]:
        """Return the newest migration of each of the projects that has one."""
        ...

    async def status(self, migration_id: UUID) -> MigrationStatusReport:
        """Return where a migration stands."""
        ...

    async def progress(self, migration_id: UUID) -> MigrationProgress:
        """Return how far a migration has come."""
        ...

    async def rejects(self, migration_id: UUID, skip: int, rows_max: int) -> RejectPage:
        """Return rows that were left out, in the order of their tables, after `skip` of them."""
        ...

    async def log(self, migration_id: UUID, filter_: LogFilter, page: PageRequest) -> Page[MigrationLogEntry]:
        """Return a page of a migration's log, newest first."""
        ...

    async def outlook(self, migration_id: UUID) -> Outlook:
        """Return what a migration has done, and what is left to be copied."""
        ...

    async def guarantees(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, RollbackGuarantee]:
        """Return what is promised of rollbacks of those of the migrations that have a plan and the viewer may see."""
        ...

    async def rollback(self, migration_id: UUID) -> MigrationRollback | None:
        """Return how far the rollback of a migration has come; nothing if none was asked for."""
        ...

    async def dead_chunks(self, migration_id: UUID, rows_max: int) -> tuple[DeadChunk, ...]:
        """Return chunks that were given up, in the order of their tables."""
        ...

    async def report(self, migration_id: UUID) -> RunReport | None:
        """Return what became of a migration, once it has ended."""
        ...


@dataclass(frozen=True)
class FramesSince:
    """From which event on somebody follows a migration; without a number from now."""

    migration_id: UUID
    after: int | None = None


class MigrationFollower(Protocol):
    """Lets many subscribers of one process follow a migration for the price of one."""

    def frames(self, since: FramesSince) -> AsyncIterator[tuple[MigrationFrame, ...]]:
        """Yield what is new, at the latest every few seconds even if that is nothing; ends after TERMINAL."""
        ...

    def entries(self, migration_id: UUID, after: int) -> AsyncIterator[tuple[MigrationLogEntry, ...]]:
        """Yield new log entries likewise, from the one after number `after` on; ends with the migration."""
        ...
