"""What workers report of a migration. Only the system itself may send these commands.

Each may come late, or twice when a worker died between doing and reporting; the aggregate then
leaves it aside. The answer is where the migration stands afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from domain.kernel.access import SYSTEM
from domain.kernel.errors import Fenced
from domain.kernel.messages import Command
from domain.kernel.ports import Clock
from domain.kernel.work import Work
from domain.migrations.aggregate import Migration, PlanSize
from domain.migrations.assignments import FINISH, Assignment
from domain.migrations.ports import Assignments, MigrationCounters, MigrationStream, Reports
from domain.migrations.progress import TablePhase
from domain.migrations.report import Failure, RunReport
from domain.migrations.tally import statistics
from domain.migrations.telling import Teller
from domain.migrations.values import MigrationStatus

Answer = MigrationStatus


class Fact(Protocol):
    """Something that a worker reports of a migration."""

    @property
    def migration_id(self) -> UUID:
        """The migration's id."""
        ...


@dataclass(frozen=True)
class Desk:
    """What the handlers of facts work with."""

    clock: Clock
    stream: MigrationStream
    counters: MigrationCounters
    assignments: Assignments
    reports: Reports

    async def load(self, work: Work, fact: Fact) -> tuple[Migration, MigrationStatus]:
        """Return the migration that a fact is about, and where it stands before that is noted."""
        migration = await work.load(Migration, fact.migration_id)
        return migration, migration.status

    async def has_failed(self, work: Work, migration: Migration) -> bool:
        """Tell whether it has failed for good: nobody works on it any more, and it was not asked for again."""
        is_worked_on = await self.assignments.under_way(work, migration.id)
        return not is_worked_on and await self.stream.is_failing(work, migration.id)

    async def store(self, work: Work, migration: Migration, before: MigrationStatus) -> MigrationStatus:
        """Store what has happened and return where the migration stands."""
        await Teller(self.stream).store(work, migration, before)
        return migration.status


@dataclass(frozen=True, kw_only=True)
class NotePlanning(Command[Answer]):
    """A worker begins to plan."""

    guard = SYSTEM

    migration_id: UUID


@dataclass(frozen=True)
class NotePlanningHandler:
    """Notes the beginning."""

    desk: Desk

    async def __call__(self, command: NotePlanning, work: Work) -> Answer:
        """Note it."""
        migration, before = await self.desk.load(work, command)
        migration.note_planning(self.desk.clock.now())
        return await self.desk.store(work, migration, before)


@dataclass(frozen=True, kw_only=True)
class NotePlanned(Command[Answer]):
    """The tables stand ready, under the ticket of this epoch; `by` is the assignment that made it so."""

    guard = SYSTEM

    by: Assignment
    epoch: int
    size: PlanSize

    @property
    def migration_id(self) -> UUID:
        """The migration's id."""
        return self.by.migration_id


@dataclass(frozen=True)
class NotePlannedHandler:
    """Notes the plan and sends the lanes off, or, with nothing to copy, the last act."""

    desk: Desk

    async def __call__(self, command: NotePlanned, work: Work) -> Answer:
        """Note it, unless another worker has taken over.

        Raises:
            Fenced: another worker has.
        """
        if not await self.desk.assignments.holds(work, command.by):
            raise Fenced("another worker has taken this migration over")
        migration, before = await self.desk.load(work, command)
        migration.note_planned(command.size, self.desk.clock.now())
        status = await self.desk.store(work, migration, before)
        if status is MigrationStatus.RUNNING:
            lanes = range(max(1, command.size.lanes))
            given = tuple(Assignment.lane(migration.id, number, command.epoch) for number in lanes)
            await self.desk.assignments.give(work, given)
        return status


@dataclass(frozen=True, kw_only=True)
class NoteTables(Command[Answer]):
    """Some tables may be complete."""

    guard = SYSTEM

    migration_id: UUID


@dataclass(frozen=True)
class NoteTablesHandler:
    """Notes each table that is complete and not noted yet."""

    desk: Desk

    async def __call__(self, command: NoteTables, work: Work) -> Answer:
        """Note them."""
        migration, before = await self.desk.load(work, command)
        await _note_tables(self.desk, work, migration)
        return await self.desk.store(work, migration, before)


async def _note_tables(desk: Desk, work: Work, migration: Migration) -> None:
    now = desk.clock.now()
    for table in await desk.counters.tables(work, migration.id):
        if table.phase not in (TablePhase.WAITING, TablePhase.COPYING):
            migration.note_table(table, now)


@dataclass(frozen=True, kw_only=True)
class NoteCopied(Command[Answer]):
    """All chunks are in the target."""

    guard = SYSTEM

    migration_id: UUID
    epoch: int


@dataclass(frozen=True)
class NoteCopiedHandler:
    """Notes it and sends the last act off; the first lane to find the queue empty wins."""

    desk: Desk

    async def __call__(self, command: NoteCopied, work: Work) -> Answer:
        """Note it."""
        migration, before = await self.desk.load(work, command)
        await _note_tables(self.desk, work, migration)
        migration.note_copied(self.desk.clock.now())
        status = await self.desk.store(work, migration, before)
        if status is MigrationStatus.VERIFYING and before is not status:
            await self.desk.assignments.give(work, (Assignment(migration.id, FINISH, command.epoch, sequence=1),))
        return status


@dataclass(frozen=True, kw_only=True)
class NoteCompleted(Command[Answer]):
    """The end was reached; `difference` says how the databases differ, if they do."""

    guard = SYSTEM

    migration_id: UUID
    report: RunReport
    difference: str = ""


@dataclass(frozen=True)
class NoteCompletedHandler:
    """Notes the end."""

    desk: Desk

    async def __call__(self, command: NoteCompleted, work: Work) -> Answer:
        """Note it."""
        migration, before = await self.desk.load(work, command)
        now, tables = self.desk.clock.now(), await self.desk.counters.tables(work, migration.id)
        migration.note_completed(statistics(tables, migration.started_at, now), command.difference, now)
        return await _end(self.desk, work, migration, before, command.report)


@dataclass(frozen=True, kw_only=True)
class NoteFailed(Command[Answer]):
    """An error ended the work."""

    guard = SYSTEM

    migration_id: UUID
    failure: Failure
    report: RunReport


@dataclass(frozen=True)
class NoteFailedHandler:
    """Notes the failure, once no worker has anything in hand any more, so that the counts are final."""

    desk: Desk

    async def __call__(self, command: NoteFailed, work: Work) -> Answer:
        """Note it, or leave it to the last worker."""
        migration, before = await self.desk.load(work, command)
        if not await self.desk.has_failed(work, migration):
            return before  # it has been resumed meanwhile, or somebody still works
        now, tables = self.desk.clock.now(), await self.desk.counters.tables(work, migration.id)
        migration.note_failed(command.failure, statistics(tables, migration.started_at, now), now)
        return await _end(self.desk, work, migration, before, command.report)


@dataclass(frozen=True, kw_only=True)
class NotePaused(Command[Answer]):
    """A worker has let its work rest, as was asked or for a reason."""

    guard = SYSTEM

    migration_id: UUID
    reason: Failure | None = None


@dataclass(frozen=True)
class NotePausedHandler:
    """Notes the pause, once no worker has anything in hand any more."""

    desk: Desk

    async def __call__(self, command: NotePaused, work: Work) -> Answer:
        """Note it, or leave it to the last worker."""
        migration, before = await self.desk.load(work, command)
        if await self.desk.assignments.under_way(work, migration.id):
            return before
        if command.reason and not await self.desk.stream.is_failing(work, migration.id):
            return before  # it has been resumed meanwhile
        migration.note_paused(self.desk.clock.now(), command.reason)
        return await self.desk.store(work, migration, before)


@dataclass(frozen=True, kw_only=True)
class NoteCancelled(Command[Answer]):
    """A worker has given its work up as was asked."""

    guard = SYSTEM

    migration_id: UUID
    report: RunReport


@dataclass(frozen=True)
class NoteCancelledHandler:
    """Notes the end, once no worker has anything in hand any more."""

    desk: Desk

    async def __call__(self, command: NoteCancelled, work: Work) -> Answer:
        """Note it, or leave it to the last worker."""
        migration, before = await self.desk.load(work, command)
        if await self.desk.assignments.under_way(work, migration.id):
            return before
        now, tables = self.desk.clock.now(), await self.desk.counters.tables(work, migration.id)
        migration.note_cancelled(statistics(tables, migration.started_at, now), now)
        return await _end(self.desk, work, migration, before, command.report)


async def _end(
    desk: Desk, work: Work, migration: Migration, before: MigrationStatus, report: RunReport
) -> MigrationStatus:
    """Store the end and the report, if this was the end."""
    if migration.pending:
        await desk.reports.save(work, migration.id, report)
    return await desk.store(work, migration, before)
