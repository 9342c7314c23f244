"""Migrations as GraphQL sees them."""

from __future__ import annotations

from typing import Annotated

import strawberry

from domain.auth.views import User
from domain.connections import views as connections
from domain.migrations import (
    commands,
    moments,
    progress,
    replaying,
    report,
    rollback,
    rolling_back,
    steering,
    values,
    views,
)
from domain.projects.views import Project
from schema.context import Info
from schema.errors import Failure
from schema.expose import add_edges, expose_input, expose_type
from schema.paging import After, Connection, First, connection_of, page_request
from schema.projects import PROJECT


async def _project(root: strawberry.Parent[views.Migration], info: Info) -> Project | None:
    """The project that the migration belongs to."""
    return await info.context.loaders.projects.load(root.project_id)


async def _source_connection(root: strawberry.Parent[views.Migration], info: Info) -> connections.Connection | None:
    """The connection that is read; null once it is deleted."""
    return await info.context.loaders.connections.load(root.source_connection_id)


async def _target_connection(root: strawberry.Parent[views.Migration], info: Info) -> connections.Connection | None:
    """The connection that is written; null once it is deleted."""
    return await info.context.loaders.connections.load(root.target_connection_id)


async def _started_by_user(root: strawberry.Parent[views.Migration], info: Info) -> User | None:
    """The user who started it."""
    return await info.context.loaders.users.load(root.started_by)


async def _rollback_guarantee(
    root: strawberry.Parent[views.Migration], info: Info
) -> rollback.RollbackGuarantee | None:
    """What a rollback will do, table by table; null before the target was looked at, which is before any row moves."""
    return await info.context.loaders.rollback_guarantees.load(root.id)


async def _migrations(
    root: strawberry.Parent[Project], info: Info, first: First = 20, after: After = None
) -> Connection[views.Migration]:
    """The project's migrations, newest first."""
    key = (root.id, page_request(first, after))
    return connection_of(await info.context.loaders.project_migrations.load(key))


async def _last_migration(root: strawberry.Parent[Project], info: Info) -> views.Migration | None:
    """The project's newest migration; null if there was none."""
    return await info.context.loaders.last_migrations.load(root.id)


expose_type(values.TableStatistics)
expose_type(values.MigrationStatistics)
expose_type(values.Outlook, name="MigrationOutlook")
expose_type(views.DeadChunk)
expose_type(views.RejectedValue)
expose_type(views.MigrationReject)
expose_type(report.Failure, name="MigrationFailure")
expose_type(rollback.TableGuarantee)
expose_type(rollback.RollbackGuarantee)
expose_type(rollback.TableUndone)
expose_type(rollback.RollbackReport)
expose_type(views.RollbackProgress)
expose_type(views.MigrationRollback)
expose_type(report.TableReport)
expose_type(report.ObjectNote)
expose_type(report.ObjectsReport)
expose_type(moments.MomentMark, name="SourceSnapshotMark")
expose_type(moments.Moment, name="SourceSnapshot")
expose_type(report.RunReport, name="MigrationReport")
expose_type(progress.TableProgress)
expose_type(views.MigrationProgress)
expose_type(views.MigrationStatusReport)
expose_type(views.MigrationFrame, name="MigrationEvent")
expose_type(views.LogDetail)
expose_type(views.MigrationLogEntry)
expose_type(
    views.Migration,
    project=_project,
    source_connection=_source_connection,
    target_connection=_target_connection,
    started_by_user=_started_by_user,
    rollback_guarantee=_rollback_guarantee,
)
add_edges(PROJECT, migrations=_migrations, last_migration=_last_migration)

expose_input(values.MigrationConfig, "MigrationConfigInput")
expose_input(commands.StartMigration, "StartMigrationInput")
expose_input(commands.CancelMigration, "CancelMigrationInput")
expose_input(steering.PauseMigration, "PauseMigrationInput")
expose_input(steering.ResumeMigration, "ResumeMigrationInput")
expose_input(steering.RetryDeadChunks, "RetryDeadChunksInput")
expose_input(rollback.RollbackOptions, "RollbackOptions")
expose_input(rolling_back.RollbackMigration, "RollbackMigrationInput")
expose_input(replaying.ReplayRejects, "ReplayRejectsInput")
expose_type(replaying.Replayed, name="ReplayRejectsSuccess")


@strawberry.type(description="The migration is as asked.")
class MigrationSuccess:
    """The migration is as asked."""

    migration: views.Migration = strawberry.field(description="The migration as it is now.")


@strawberry.type(description="The migration goes on.")
class ResumeMigrationSuccess:
    """The migration goes on."""

    migration: views.Migration = strawberry.field(description="The migration as it is now.")
    outlook: values.Outlook = strawberry.field(description="What it keeps, and what it copies yet or anew.")


StartMigrationResult = Annotated[MigrationSuccess | Failure, strawberry.union("StartMigrationResult")]
CancelMigrationResult = Annotated[MigrationSuccess | Failure, strawberry.union("CancelMigrationResult")]
PauseMigrationResult = Annotated[MigrationSuccess | Failure, strawberry.union("PauseMigrationResult")]
ResumeMigrationResult = Annotated[ResumeMigrationSuccess | Failure, strawberry.union("ResumeMigrationResult")]
RollbackMigrationResult = Annotated[MigrationSuccess | Failure, strawberry.union("RollbackMigrationResult")]
ReplayRejectsResult = Annotated[replaying.Replayed | Failure, strawberry.union("ReplayRejectsResult")]
RetryDeadChunksResult = Annotated[ResumeMigrationSuccess | Failure, strawberry.union("RetryDeadChunksResult")]
