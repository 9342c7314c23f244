"""What can be asked about migrations, each query with its handler under it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from domain.kernel.access import SIGNED_IN, Right, Subject, needs
from domain.kernel.messages import Query
from domain.kernel.scope import Scope
from domain.kernel.values import Page, PageRequest
from domain.migrations.ports import FramesSince, MigrationFollower, MigrationReader
from domain.migrations.report import RunReport
from domain.migrations.rollback import RollbackGuarantee
from domain.migrations.values import Outlook
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

_VIEWING = needs(Right.VIEW, Subject.MIGRATION, "migration_id")


@dataclass(frozen=True, kw_only=True)
class GetMigrationsByIds(Query[dict[UUID, Migration]]):
    """Ask for several migrations at once; those out of the asker's reach are left out."""

    guard = SIGNED_IN

    ids: tuple[UUID, ...]


@dataclass(frozen=True)
class GetMigrationsByIdsHandler:
    """Reads migrations."""

    reader: MigrationReader

    async def __call__(self, query: GetMigrationsByIds, scope: Scope) -> dict[UUID, Migration]:
        """Return the migrations by id."""
        return await self.reader.migrations(scope.user_id, query.ids)


@dataclass(frozen=True, kw_only=True)
class GetMigrations(Query[Page[Migration]]):
    """Ask for a page of a project's migrations."""

    guard = needs(Right.VIEW, Subject.PROJECT, "project_id")

    project_id: UUID
    filter: MigrationFilter = MigrationFilter()
    page: PageRequest = PageRequest()


@dataclass(frozen=True)
class GetMigrationsHandler:
    """Reads a page of migrations."""

    reader: MigrationReader

    async def __call__(self, query: GetMigrations, scope: Scope) -> Page[Migration]:
        """Return the page."""
        pages = await self.reader.pages(scope.user_id, (query.project_id,), query.filter, query.page)
        return pages[query.project_id]


@dataclass(frozen=True, kw_only=True)
class GetMigrationsOfProjects(Query[dict[UUID, Page[Migration]]]):
    """Ask for the same page of the migrations of several projects at once."""

    guard = SIGNED_IN

    project_ids: tuple[UUID, ...]
    page: PageRequest


@dataclass(frozen=True)
class GetMigrationsOfProjectsHandler:
    """Reads a page of migrations per project."""

    reader: MigrationReader

    async def __call__(self, query: GetMigrationsOfProjects, scope: Scope) -> dict[UUID, Page[Migration]]:
        """Return the pages by project id; one out of reach has an empty one."""
        return await self.reader.pages(scope.user_id, query.project_ids, MigrationFilter(), query.page)


@dataclass(frozen=True, kw_only=True)
class GetLastMigrations(Query[dict[UUID, Migration]]):
    """Ask for the newest migration of several projects at once."""

    guard = SIGNED_IN

    project_ids: tuple[UUID, ...]


@dataclass(frozen=True)
class GetLastMigrationsHandler:
    """Reads the newest migrations."""

    reader: MigrationReader

    async def __call__(self, query: GetLastMigrations, scope: Scope) -> dict[UUID, Migration]:
        """Return the migrations by project id."""
        return await self.reader.last(scope.user_id, query.project_ids)


@dataclass(frozen=True, kw_only=True)
class GetMigrationStatus(Query[MigrationStatusReport]):
    """Ask where a migration stands."""

    guard = _VIEWING

    migration_id: UUID


@dataclass(frozen=True)
class GetMigrationStatusHandler:
    """Reads the status."""

    reader: MigrationReader

    async def __call__(self, query: GetMigrationStatus, scope: Scope) -> MigrationStatusReport:  # noqa: ARG002
        """Return the status."""
        return await self.reader.status(query.migration_id)


@dataclass(frozen=True, kw_only=True)
class GetMigrationProgress(Query[MigrationProgress]):
    """Ask how far a migration has come."""

    guard = _VIEWING

    migration_id: UUID


@dataclass(frozen=True)
class GetMigrationProgressHandler:
    """Reads the progress."""

    reader: MigrationReader

    async def __call__(self, query: GetMigrationProgress, scope: Scope) -> MigrationProgress:  # noqa: ARG002
        """Return the progress."""
        return await self.reader.progress(query.migration_id)


@dataclass(frozen=True, kw_only=True)
class GetMigrationLogs(Query[Page[MigrationLogEntry]]):
    """Ask for a page of a migration's log."""

    guard = _VIEWING

    migration_id: UUID
    filter: LogFilter = LogFilter()
    page: PageRequest = PageRequest()


@dataclass(frozen=True)
class GetMigrationLogsHandler:
    """Reads the log."""

    reader: MigrationReader

    async def __call__(self, query: GetMigrationLogs, scope: Scope) -> Page[MigrationLogEntry]:  # noqa: ARG002
        """Return the page, newest first."""
        return await self.reader.log(query.migration_id, query.filter, query.page)


@dataclass(frozen=True, kw_only=True)
class GetMigrationReport(Query[RunReport | None]):
    """Ask what became of a migration."""

    guard = _VIEWING

    migration_id: UUID


@dataclass(frozen=True)
class GetMigrationReportHandler:
    """Reads the report."""

    reader: MigrationReader

    async def __call__(self, query: GetMigrationReport, scope: Scope) -> RunReport | None:  # noqa: ARG002
        """Return the report, once the migration has ended."""
        return await self.reader.report(query.migration_id)


@dataclass(frozen=True, kw_only=True)
class GetMigrationOutlook(Query[Outlook]):
    """Ask what a migration has done and what it copies yet, as when it is resumed."""

    guard = _VIEWING

    migration_id: UUID


@dataclass(frozen=True)
class GetMigrationOutlookHandler:
    """Reads the outlook."""

    reader: MigrationReader

    async def __call__(self, query: GetMigrationOutlook, scope: Scope) -> Outlook:  # noqa: ARG002
        """Return the outlook."""
        return await self.reader.outlook(query.migration_id)


@dataclass(frozen=True, kw_only=True)
class GetMigrationRejects(Query[RejectPage]):
    """Ask for rows that a migration has left out."""

    guard = _VIEWING

    migration_id: UUID
    skip: int
    rows_max: int


@dataclass(frozen=True)
class GetMigrationRejectsHandler:
    """Reads some of them."""

    reader: MigrationReader

    async def __call__(self, query: GetMigrationRejects, scope: Scope) -> RejectPage:  # noqa: ARG002
        """Return up to `rows_max` of them."""
        return await self.reader.rejects(query.migration_id, query.skip, query.rows_max)


@dataclass(frozen=True, kw_only=True)
class GetRollbackGuarantees(Query[dict[UUID, RollbackGuarantee]]):
    """Ask what is promised of rollbacks of several migrations at once; those without a plan are left out."""

    guard = SIGNED_IN

    migration_ids: tuple[UUID, ...]


@dataclass(frozen=True)
class GetRollbackGuaranteesHandler:
    """Reads the promises."""

    reader: MigrationReader

    async def __call__(self, query: GetRollbackGuarantees, scope: Scope) -> dict[UUID, RollbackGuarantee]:
        """Return the promises by migration id."""
        return await self.reader.guarantees(scope.user_id, query.migration_ids)


@dataclass(frozen=True, kw_only=True)
class GetMigrationRollback(Query[MigrationRollback | None]):
    """Ask how far the rollback of a migration has come."""

    guard = _VIEWING

    migration_id: UUID


@dataclass(frozen=True)
class GetMigrationRollbackHandler:
    """Reads the rollback."""

    reader: MigrationReader

    async def __call__(self, query: GetMigrationRollback, scope: Scope) -> MigrationRollback | None:  # noqa: ARG002
        """Return the rollback, if one was ever asked for."""
        return await self.reader.rollback(query.migration_id)


DEAD_CHUNKS_MAX = 100


@dataclass(frozen=True, kw_only=True)
class GetDeadChunks(Query[tuple[DeadChunk, ...]]):
    """Ask which chunks of a migration were given up, and why."""

    guard = _VIEWING

    migration_id: UUID


@dataclass(frozen=True)
class GetDeadChunksHandler:
    """Reads the first of them."""

    reader: MigrationReader

    async def __call__(self, query: GetDeadChunks, scope: Scope) -> tuple[DeadChunk, ...]:  # noqa: ARG002
        """Return up to `DEAD_CHUNKS_MAX` of them."""
        return await self.reader.dead_chunks(query.migration_id, DEAD_CHUNKS_MAX)


@dataclass(frozen=True, kw_only=True)
class FollowMigration(Query[AsyncIterator[tuple[MigrationFrame, ...]]]):
    """Ask to be told of everything new about a migration; the guard is checked once, at the start."""

    guard = _VIEWING

    migration_id: UUID
    after: int | None = None
    """The number of the last event already known."""


@dataclass(frozen=True)
class FollowMigrationHandler:
    """Joins those who follow the migration."""

    follower: MigrationFollower

    async def __call__(self, query: FollowMigration, scope: Scope) -> AsyncIterator[tuple[MigrationFrame, ...]]:  # noqa: ARG002
        """Return the stream of events; empty at times."""
        return self.follower.frames(FramesSince(query.migration_id, query.after))


@dataclass(frozen=True, kw_only=True)
class FollowMigrationLog(Query[AsyncIterator[tuple[MigrationLogEntry, ...]]]):
    """Ask to be told of every new entry of a migration's log; the guard is checked once, at the start."""

    guard = _VIEWING

    migration_id: UUID
    after: int = 0
    """The number of the last entry already known."""


@dataclass(frozen=True)
class FollowMigrationLogHandler:
    """Joins those who follow the log."""

    follower: MigrationFollower

    async def __call__(self, query: FollowMigrationLog, scope: Scope) -> AsyncIterator[tuple[MigrationLogEntry, ...]]:  # noqa: ARG002
        """Return the stream of entries; empty at times."""
        return self.follower.entries(query.migration_id, query.after)


@dataclass(frozen=True, kw_only=True)
class MayViewMigration(Query[bool]):
    """Ask whether one may (still) see a migration; a stream asks again and again."""

    guard = _VIEWING

    migration_id: UUID


@dataclass(frozen=True)
class MayViewMigrationHandler:
    """Has nothing to add to what the guard found."""

    async def __call__(self, query: MayViewMigration, scope: Scope) -> bool:  # noqa: ARG002
        """Return true, since whoever may not never gets here."""
        return True
