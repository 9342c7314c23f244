"""Fields that start, pause, resume and end migrations."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry

from domain.kernel.errors import NotFound
from domain.kernel.messages import Command
from domain.migrations.commands import CancelMigration, StartMigration
from domain.migrations.queries import GetMigrationOutlook
from domain.migrations.replaying import ReplayRejects
from domain.migrations.rolling_back import RollbackMigration
from domain.migrations.steering import PauseMigration, ResumeMigration, RetryDeadChunks
from domain.migrations.views import Migration
from schema.context import Info
from schema.migrations import (
    CancelMigrationResult,
    MigrationSuccess,
    PauseMigrationResult,
    ReplayRejectsResult,
    ResumeMigrationResult,
    ResumeMigrationSuccess,
    RetryDeadChunksResult,
    RollbackMigrationResult,
    StartMigrationResult,
)

Input = strawberry.argument(description="What is asked.")


async def start_migration(info: Info, input: Annotated[StartMigration, Input]) -> StartMigrationResult:  # noqa: A002
    """Copy a database into another one. A worker does it; follow it with migrationEvents."""
    return await _changed(info, input)


async def cancel_migration(info: Info, input: Annotated[CancelMigration, Input]) -> CancelMigrationResult:  # noqa: A002
    """End a migration before its end. What is committed stays in the target."""
    return await _changed(info, input)


async def pause_migration(info: Info, input: Annotated[PauseMigration, Input]) -> PauseMigrationResult:  # noqa: A002
    """Let a migration rest within two seconds, even in the middle of a table. What is committed stays in the target."""
    return await _changed(info, input)


async def resume_migration(info: Info, input: Annotated[ResumeMigration, Input]) -> ResumeMigrationResult:  # noqa: A002
    """Let a migration go on that was paused or has failed. It is refused if the source's schema has changed since."""
    return await _resumed(info, input)


async def rollback_migration(
    info: Info,
    input: Annotated[RollbackMigration, Input],  # noqa: A002
) -> RollbackMigrationResult:
    """Put the target back as it was before a migration. A worker does it; it survives interruptions of every kind."""
    return await _changed(info, input)


async def retry_dead_chunks(info: Info, input: Annotated[RetryDeadChunks, Input]) -> RetryDeadChunksResult:  # noqa: A002
    """Try the chunks again that were given up, and let the failed migration go on."""
    return await _resumed(info, input)


async def replay_rejects(info: Info, input: Annotated[ReplayRejects, Input]) -> ReplayRejectsResult:  # noqa: A002
    """Load rows after all that a migration has left out. Asked twice, every row is loaded once."""
    return await info.context.send(input)


async def _changed(info: Info, command: Command[UUID]) -> MigrationSuccess:
    """Send a command that answers with a migration's id, and show the migration."""
    return MigrationSuccess(migration=await _migration(info, await info.context.send(command)))


async def _resumed(info: Info, command: Command[UUID]) -> ResumeMigrationSuccess:
    """Send a command that lets a migration go on, and show what it will do."""
    id_ = await info.context.send(command)
    outlook = await info.context.send(GetMigrationOutlook(migration_id=id_))
    return ResumeMigrationSuccess(migration=await _migration(info, id_), outlook=outlook)


async def _migration(info: Info, id_: UUID) -> Migration:
    info.context.loaders.migrations.clear_all()
    migration = await info.context.loaders.migrations.load(id_)
    if migration is None:
        raise NotFound(f"There is no migration {id_}.")
    return migration
