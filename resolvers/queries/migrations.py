"""Fields that look at migrations."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from domain.migrations import queries, views
from domain.migrations.foreseeing import ForeseeRollback
from domain.migrations.report import RunReport
from domain.migrations.rollback import RollbackGuarantee
from domain.migrations.values import LogLevel, MigrationConfig, MigrationStatus
from resolvers.queries.projects import ProjectId
from schema.context import Info
from schema.paging import After, Connection, First, connection_of, connection_with, page_request, place_request

MigrationId = Annotated[UUID, strawberry.argument(description="The migration's id.")]
MinLevel = Annotated[LogLevel | None, strawberry.argument(description="Only entries at least as serious.")]


async def migration(info: Info, id: MigrationId) -> views.Migration | None:  # noqa: A002  # the argument's name in the API
    """A migration, or null if there is none within your reach."""
    return await info.context.loaders.migrations.load(id)


async def migrations(
    info: Info,
    project_id: ProjectId,
    first: First = 20,
    after: After = None,
    status: Annotated[MigrationStatus | None, strawberry.argument(description="Only those that stand there.")] = None,
) -> Connection[views.Migration]:
    """A project's migrations, newest first."""
    query = queries.GetMigrations(
        project_id=project_id, filter=views.MigrationFilter(status), page=page_request(first, after)
    )
    return connection_of(await info.context.send(query))


async def migration_status(info: Info, id: MigrationId) -> views.MigrationStatusReport:  # noqa: A002
    """Where a migration stands."""
    return await info.context.send(queries.GetMigrationStatus(migration_id=id))


async def migration_progress(info: Info, id: MigrationId) -> views.MigrationProgress:  # noqa: A002
    """How far a migration has come."""
    return await info.context.send(queries.GetMigrationProgress(migration_id=id))


async def migration_logs(
    info: Info,
    id: MigrationId,  # noqa: A002
    min_level: MinLevel = None,
    from_date: Annotated[datetime | None, strawberry.argument(description="Nothing before this moment.")] = None,
    to_date: Annotated[datetime | None, strawberry.argument(description="Nothing after this moment.")] = None,
    first: First = 20,
    after: After = None,
) -> Connection[views.MigrationLogEntry]:
    """A migration's log, newest first."""
    query = queries.GetMigrationLogs(
        migration_id=id, filter=views.LogFilter(min_level, from_date, to_date), page=page_request(first, after)
    )
    return connection_of(await info.context.send(query))


async def migration_report(info: Info, id: MigrationId) -> RunReport | None:  # noqa: A002
    """What became of every table and object; null until the migration has ended."""
    return await info.context.send(queries.GetMigrationReport(migration_id=id))


async def migration_rejects(
    info: Info,
    id: MigrationId,  # noqa: A002
    first: First = 20,
    after: After = None,
) -> Connection[views.MigrationReject]:
    """Rows that a migration has left out because the target cannot keep a value of theirs, whole and with reasons."""
    start = place_request(first, after) + 1
    page = await info.context.send(queries.GetMigrationRejects(migration_id=id, skip=start, rows_max=first))
    cursors = [str(start + offset) for offset in range(len(page.items))]
    return connection_with(page.items, cursors, has_next=start + first < page.total, total=page.total)


async def rollback_forecast(
    info: Info,
    project_id: ProjectId,
    config: Annotated[MigrationConfig, strawberry.argument(description="The migration, as for startMigration.")],
) -> RollbackGuarantee:
    """What a rollback of a migration would do, table by table, if it were started now. Nothing is changed."""
    return await info.context.send(ForeseeRollback(project_id=project_id, config=config))


async def migration_rollback(info: Info, id: MigrationId) -> views.MigrationRollback | None:  # noqa: A002
    """How far the rollback of a migration has come, or why it was refused; null if none was ever asked for."""
    return await info.context.send(queries.GetMigrationRollback(migration_id=id))


async def dead_chunks(info: Info, id: MigrationId) -> list[views.DeadChunk]:  # noqa: A002
    """The first hundred chunks that a migration has given up, and why; retryDeadChunks tries them again."""
    return list(await info.context.send(queries.GetDeadChunks(migration_id=id)))
