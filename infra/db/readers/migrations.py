"""The read side of the migrations slice."""

from __future__ import annotations

import json
from typing import cast
from uuid import UUID

from sqlalchemy import RowMapping

from domain.kernel.codec import from_json
from domain.kernel.values import Page, PageRequest
from domain.migrations.broken_texts import shown
from domain.migrations.report import RunReport
from domain.migrations.rollback import RollbackGuarantee
from domain.migrations.scopes import scope_text
from domain.migrations.transfer import ChunkScope
from domain.migrations.values import SETTLED, Outlook
from domain.migrations.views import (
    DeadChunk,
    LogFilter,
    Migration,
    MigrationFilter,
    MigrationLogEntry,
    MigrationProgress,
    MigrationReject,
    MigrationRollback,
    MigrationStatusReport,
    RejectPage,
    RollbackProgress,
)
from infra.db.database import Database, build
from infra.db.readers.access import VISIBLE_PROJECTS
from infra.db.readers.migration_state import read_state
from infra.db.readers.paging import page_of, pages_of
from infra.db.stores.migrations.resumption import OUTLOOK
from infra.db.stores.migrations.rollbacks import GUARANTEES, STATE, guarantee_of, state_of

_COLUMNS = """
migration.id, project_id, source_connection_id, target_connection_id, mapping_id, include, exclude, parallel_tasks,
batch_size, verify, on_existing, on_misfit, reject_limit, status, started_by, started_at, ended_at, statistics, error,
pause_reason
"""

_MIGRATIONS = f"""
WITH {VISIBLE_PROJECTS}
SELECT {_COLUMNS} FROM migration JOIN visible_project ON visible_project.id = project_id
WHERE migration.id = ANY(CAST(:ids AS uuid[]))
"""

_OF_PROJECTS = f"""
SELECT {_COLUMNS} FROM migration JOIN visible_project ON visible_project.id = project_id
WHERE project_id = ANY(CAST(:owners AS uuid[])) AND (CAST(:status AS text) IS NULL OR status = :status)
"""

_LAST = f"""
WITH {VISIBLE_PROJECTS}
SELECT DISTINCT ON (project_id) {_COLUMNS}
FROM migration JOIN visible_project ON visible_project.id = project_id
WHERE project_id = ANY(CAST(:project_ids AS uuid[]))
ORDER BY project_id, migration.id DESC
"""

_LOG = """
SELECT id, sequence, migration_id, level, message, context, repeated, logged_at
FROM migration_log
WHERE migration_id = :migration_id
  AND (CAST(:levels AS text[]) IS NULL OR level = ANY(CAST(:levels AS text[])))
  AND (CAST(:from_date AS timestamptz) IS NULL OR logged_at >= :from_date)
  AND (CAST(:to_date AS timestamptz) IS NULL OR logged_at <= :to_date)
"""

_DEAD = """
SELECT name AS table, chunk.number, scope, chunk.row_estimate, attempts, error AS reason
FROM migration_chunk AS chunk
JOIN migration_table AS of ON of.migration_id = chunk.migration_id AND of.number = table_number
WHERE chunk.migration_id = :migration_id AND state = 'DEAD' ORDER BY table_number, place LIMIT :rows_max
"""

_REJECTS = """
SELECT table_name AS table, column_name AS column, reason, row_values, count(*) OVER () AS total FROM migration_reject
WHERE migration_id = :migration_id ORDER BY table_number, chunk_number, number LIMIT :rows_max OFFSET :skip
"""

_VISIBLE = f"""
WITH {VISIBLE_PROJECTS}
SELECT migration.id FROM migration JOIN visible_project ON visible_project.id = project_id
WHERE migration.id = ANY(CAST(:ids AS uuid[]))
"""

_ROLLBACK = "SELECT rollback FROM migration WHERE id = :migration_id AND rollback IS NOT NULL"

_REPORT = "SELECT report FROM migration_report WHERE migration_id = :migration_id"


_IN_USE = """
SELECT id FROM migration
WHERE :connection_id IN (source_connection_id, target_connection_id) AND NOT status = ANY(:settled) LIMIT 1
"""


class MigrationUse:
    """The need of unsettled migrations for their connections."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reason(self, connection_id: UUID) -> str | None:
        """Say which migration needs the connection now; nothing if none does."""
        settled = [status.value for status in SETTLED]
        rows = await self._database.rows(_IN_USE, connection_id=connection_id, settled=settled)
        return f"Migration {rows[0]['id']} is using it. Wait for its end, or cancel it." if rows else None


class SqlMigrationReader:
    """Migrations, their progress, logs and reports."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def migrations(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, Migration]:
        """Return those of the migrations that the viewer may see."""
        rows = await self._database.rows(_MIGRATIONS, viewer=viewer, ids=list(ids))
        return {row["id"]: build(Migration, row) for row in rows}

    async def pages(
        self, viewer: UUID, project_ids: tuple[UUID, ...], filter_: MigrationFilter, page: PageRequest
    ) -> dict[UUID, Page[Migration]]:
        """Return the same page of the migrations of each of the projects, newest first."""
        status = filter_.status.value if filter_.status else None
        sql = (VISIBLE_PROJECTS, _OF_PROJECTS)
        return await pages_of(
            Migration, self._database, sql, "project_id", project_ids, page, viewer=viewer, status=status
        )

    async def last(self, viewer: UUID, project_ids: tuple[UUID, ...]) -> dict[UUID, Migration]:
        """Return the newest migration of each of the projects that has one."""
        rows = await self._database.rows(_LAST, viewer=viewer, project_ids=list(project_ids))
        return {row["project_id"]: build(Migration, row) for row in rows}

    async def status(self, migration_id: UUID) -> MigrationStatusReport:
        """Return where a migration stands."""
        return (await read_state(self._database, migration_id)).report()

    async def progress(self, migration_id: UUID) -> MigrationProgress:
        """Return how far a migration has come."""
        return (await read_state(self._database, migration_id)).progress()

    async def log(self, migration_id: UUID, filter_: LogFilter, page: PageRequest) -> Page[MigrationLogEntry]:
        """Return a page of a migration's log, newest first."""
        return await page_of(
            MigrationLogEntry,
            self._database,
            _LOG,
            page,
            migration_id=migration_id,
            levels=list(filter_.min_level.and_above) if filter_.min_level else None,
            from_date=filter_.from_date,
            to_date=filter_.to_date,
        )

    async def outlook(self, migration_id: UUID) -> Outlook:
        """Return what a migration has done, and what is left to be copied."""
        return build(Outlook, (await self._database.rows(OUTLOOK, migration_id=migration_id))[0])

    async def guarantees(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, RollbackGuarantee]:
        """Return what is promised of rollbacks of those of the migrations that have a plan and the viewer may see."""
        visible = [row["id"] for row in await self._database.rows(_VISIBLE, viewer=viewer, ids=list(ids))]
        rows = await self._database.rows(GUARANTEES, ids=visible)
        return {row["migration_id"]: guarantee_of(row) for row in rows}

    async def rollback(self, migration_id: UUID) -> MigrationRollback | None:
        """Return how far the rollback of a migration has come; nothing if none was asked for."""
        asked = await self._database.rows(_ROLLBACK, migration_id=migration_id)
        if not asked:
            return None
        rows = await self._database.rows(STATE, migration_id=migration_id)
        state = state_of(rows)
        progress = RollbackProgress(rows[0]["acts_done"], rows[0]["acts_total"]) if rows else None
        found = {**asked[0]["rollback"], "migration_id": migration_id, "progress": progress}
        return build(MigrationRollback, {**found, "report": state.report if state else None})

    async def dead_chunks(self, migration_id: UUID, rows_max: int) -> tuple[DeadChunk, ...]:
        """Return chunks that were given up, in the order of their tables."""
        rows = await self._database.rows(_DEAD, migration_id=migration_id, rows_max=rows_max)
        return tuple(_dead_chunk(row) for row in rows)

    async def rejects(self, migration_id: UUID, skip: int, rows_max: int) -> RejectPage:
        """Return rows that were left out, in the order of their tables, after `skip` of them."""
        rows = await self._database.rows(_REJECTS, migration_id=migration_id, skip=skip, rows_max=rows_max)
        items = tuple(build(MigrationReject, {**row, "values": _readable(row["row_values"])}) for row in rows)
        return RejectPage(items, rows[0]["total"] if rows else skip)

    async def report(self, migration_id: UUID) -> RunReport | None:
        """Return what became of a migration, once it has ended."""
        rows = await self._database.rows(_REPORT, migration_id=migration_id)
        return from_json(RunReport, rows[0]["report"]) if rows else None


def _readable(values: str) -> list[dict[str, str | None]]:
    """Read a row's values, as any document can hold them."""
    return [
        {"column": each["column"], "value": each["value"] if each["value"] is None else shown(each["value"])}
        for each in json.loads(values)
    ]


def _dead_chunk(row: RowMapping) -> DeadChunk:
    # A union is as good as a class to the codec, though not to the type of its argument.
    scope = from_json(cast(type[ChunkScope], ChunkScope), row["scope"])
    return build(DeadChunk, {**row, "scope": scope_text(scope)})
