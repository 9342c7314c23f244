"""How people steer a migration that is under way: pause it, let it go on, try again what failed for good."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain.kernel.access import Right, Subject, needs
from domain.kernel.errors import Conflict
from domain.kernel.messages import Command
from domain.kernel.ports import Clock
from domain.kernel.work import Work
from domain.migrations.aggregate import Migration
from domain.migrations.assignments import PREPARE
from domain.migrations.claiming import claim_target
from domain.migrations.moments import OnLostSnapshot
from domain.migrations.ports import Assignments, MigrationStream, Resumption, TargetClaims
from domain.migrations.telling import Teller
from domain.migrations.values import Outlook
from domain.projects.aggregate import Actor, Project

_OPERATING = needs(Right.OPERATE, Subject.MIGRATION, "migration_id")


@dataclass(frozen=True, kw_only=True)
class PauseMigration(Command[UUID]):
    """Let a migration rest; what is committed stays, and it can go on from there."""

    guard = _OPERATING

    migration_id: UUID
    """The migration's id."""


@dataclass(frozen=True)
class PauseMigrationHandler:
    """Asks the workers to stop."""

    clock: Clock
    stream: MigrationStream

    async def __call__(self, command: PauseMigration, work: Work) -> UUID:
        """Ask for the pause and return the migration's id."""
        migration = await work.load(Migration, command.migration_id)
        before = migration.status
        migration.request_pause(Actor(work.scope.user_id, self.clock.now()))
        await Teller(self.stream).store(work, migration, before)
        return migration.id


@dataclass(frozen=True, kw_only=True)
class ResumeMigration(Command[UUID]):
    """Let a migration go on that was paused or has failed, from what its ledger in the target says."""

    guard = _OPERATING

    migration_id: UUID
    """The migration's id."""
    on_lost_snapshot: OnLostSnapshot | None = None
    """What becomes of what is copied; needed if the migration has paused because its snapshot was lost."""


@dataclass(frozen=True, kw_only=True)
class RetryDeadChunks(Command[UUID]):
    """Try the parts of a failed migration again that were given up, and let it go on."""

    guard = _OPERATING

    migration_id: UUID
    """The migration's id."""


@dataclass(frozen=True)
class Restart:
    """What it takes to let a migration go on."""

    clock: Clock
    claims: TargetClaims
    stream: MigrationStream
    assignments: Assignments
    resumption: Resumption

    async def go_on(
        self, work: Work, migration: Migration, outlook: Outlook, choice: OnLostSnapshot | None = None
    ) -> None:
        """Give the migration to the workers again, unless it is going on already.

        Raises:
            Conflict: it cannot go on, or another migration writes to its target meanwhile.
        """
        before = migration.status
        if not migration.request_resume(Actor(work.scope.user_id, self.clock.now()), outlook, choice):
            return
        (await work.load(Project, migration.project_id)).require_active()
        if migration.config is not None:
            await claim_target(self.claims, work, migration.config.target_connection_id, migration.id)
        await self.assignments.give_anew(work, migration.id, PREPARE)
        await self.resumption.reopen(work, migration.id, starts_over=choice is OnLostSnapshot.RESTART)
        await Teller(self.stream).store(work, migration, before)


@dataclass(frozen=True)
class ResumeMigrationHandler:
    """Lets it go on."""

    restart: Restart

    async def __call__(self, command: ResumeMigration, work: Work) -> UUID:
        """Ask the workers to go on and return the migration's id."""
        migration = await work.load(Migration, command.migration_id)
        outlook = await self.restart.resumption.outlook(work, migration.id)
        await self.restart.go_on(work, migration, outlook, command.on_lost_snapshot)
        return migration.id


@dataclass(frozen=True)
class RetryDeadChunksHandler:
    """Lets it go on if something was given up."""

    restart: Restart

    async def __call__(self, command: RetryDeadChunks, work: Work) -> UUID:
        """Ask the workers to try again and return the migration's id. Asking twice is once.

        Raises:
            Conflict: it stands still, and not because something was given up; or it cannot go on.
        """
        migration = await work.load(Migration, command.migration_id)
        outlook = await self.restart.resumption.outlook(work, migration.id)
        if not outlook.chunks_dead and not migration.status.is_under_way:
            raise Conflict("No chunk of this migration was given up. Resume it if it stands still.")
        await self.restart.go_on(work, migration, outlook)
        return migration.id
