"""Putting a migration's target back as it was: asked for by people, done by a worker, reported by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from annotated_types import Len

from domain.connections.aggregate import Connection
from domain.kernel.access import SYSTEM, Right, Subject, needs
from domain.kernel.errors import Conflict
from domain.kernel.messages import Command
from domain.kernel.ports import Clock
from domain.kernel.work import Work
from domain.migrations.aggregate import Migration
from domain.migrations.assignments import ROLLBACK
from domain.migrations.claiming import claim_target
from domain.migrations.facts import Answer, Desk
from domain.migrations.ports import Assignments, MigrationStream, Rollbacks, TargetClaims
from domain.migrations.report import Failure
from domain.migrations.rollback import RollbackLevel, RollbackOptions, RollbackReport
from domain.migrations.telling import Teller
from domain.projects.aggregate import Actor

REASON_CHARACTERS_MAX = 500


@dataclass(frozen=True, kw_only=True)
class RollbackMigration(Command[UUID]):
    """Put the target back as it was before a migration: PAUSED, CANCELLED, COMPLETED or FAILED."""

    guard = needs(Right.OPERATE, Subject.MIGRATION, "migration_id")

    migration_id: UUID
    """The migration's id."""
    reason: Annotated[str, Len(0, REASON_CHARACTERS_MAX)] = ""
    """Why, for the record."""
    options: RollbackOptions = RollbackOptions()
    """What may happen to rows of others, and to what the migration has made."""


@dataclass(frozen=True)
class RollbackMigrationHandler:
    """Hands the rollback to a worker, and keeps other migrations off the target until it is done."""

    clock: Clock
    claims: TargetClaims
    stream: MigrationStream
    assignments: Assignments
    rollbacks: Rollbacks

    async def __call__(self, command: RollbackMigration, work: Work) -> UUID:
        """Ask for the rollback and return the migration's id.

        Raises:
            Conflict: somebody works on the migration or on its target, or it cannot be taken back.
        """
        migration = await work.load(Migration, command.migration_id)
        before = migration.status
        actor = Actor(work.scope.user_id, self.clock.now())
        if not migration.request_rollback(actor, command.reason, command.options):
            return migration.id
        promised = await self.rollbacks.guarantee(work, migration.id)
        if promised is not None and promised.level is RollbackLevel.NONE:
            raise Conflict(f"This migration cannot be rolled back: {promised.reason}.")
        await self._claim_target(work, migration)
        await self.assignments.give_anew(work, migration.id, ROLLBACK)
        await self.rollbacks.open(work, migration.id)
        await Teller(self.stream).store(work, migration, before)
        return migration.id

    async def _claim_target(self, work: Work, migration: Migration) -> None:
        if migration.config is None:
            raise LookupError("every migration has been started")
        target = await work.load(Connection, migration.config.target_connection_id)
        if target.deleted:
            raise Conflict("The connection to the target was deleted, so there is no way to it any more.")
        await claim_target(self.claims, work, target.id, migration.id)


@dataclass(frozen=True, kw_only=True)
class NoteRolledBack(Command[Answer]):
    """The target is as it was before."""

    guard = SYSTEM

    migration_id: UUID
    report: RollbackReport


@dataclass(frozen=True)
class NoteRolledBackHandler:
    """Notes the end."""

    desk: Desk
    rollbacks: Rollbacks

    async def __call__(self, command: NoteRolledBack, work: Work) -> Answer:
        """Note it."""
        migration, before = await self.desk.load(work, command)
        migration.note_rolled_back(command.report, self.desk.clock.now())
        if migration.pending:
            await self.rollbacks.close(work, migration.id)
        return await self.desk.store(work, migration, before)


@dataclass(frozen=True, kw_only=True)
class NoteRollbackFailed(Command[Answer]):
    """A rollback was refused, or an error has ended it."""

    guard = SYSTEM

    migration_id: UUID
    failure: Failure


@dataclass(frozen=True)
class NoteRollbackFailedHandler:
    """Notes the failure, once no worker has it in hand any more."""

    desk: Desk
    rollbacks: Rollbacks

    async def __call__(self, command: NoteRollbackFailed, work: Work) -> Answer:
        """Note it; a rollback that has changed nothing leaves the migration where it stood."""
        migration, before = await self.desk.load(work, command)
        if not await self.desk.has_failed(work, migration):
            return before  # it was asked for again meanwhile, or somebody still works
        has_begun = await self.rollbacks.report(work, migration.id) is not None
        migration.note_rollback_failed(command.failure, self.desk.clock.now(), has_begun=has_begun)
        return await self.desk.store(work, migration, before)
