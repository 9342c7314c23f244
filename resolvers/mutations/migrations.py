"""Fields that start and end migrations."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry

from domain.kernel.errors import NotFound
from domain.kernel.messages import Command
from domain.migrations.commands import CancelMigration, StartMigration
from schema.context import Info
from schema.migrations import CancelMigrationResult, MigrationSuccess, StartMigrationResult

Input = strawberry.argument(description="What is asked.")


async def start_migration(info: Info, input: Annotated[StartMigration, Input]) -> StartMigrationResult:  # noqa: A002
    """Copy a database into another one. A worker does it; follow it with migrationEvents."""
    return await _changed(info, input)


async def cancel_migration(info: Info, input: Annotated[CancelMigration, Input]) -> CancelMigrationResult:  # noqa: A002
    """End a migration before its end. What is committed stays in the target."""
    return await _changed(info, input)


async def _changed(info: Info, command: Command[UUID]) -> MigrationSuccess:
    """Send a command that answers with a migration's id, and show the migration."""
    id_ = await info.context.send(command)
    info.context.loaders.migrations.clear_all()
    migration = await info.context.loaders.migrations.load(id_)
    if migration is None:
        raise NotFound(f"There is no migration {id_}.")
    return MigrationSuccess(migration=migration)
