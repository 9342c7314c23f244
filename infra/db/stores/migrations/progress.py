"""Frames of progress: what all lanes of a migration have done together, at most about twice a second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.migrations.progress import RunPhase
from domain.migrations.tally import RunClock, TableCount, progress, smoothed
from domain.migrations.telling import NOT_NUMBERED
from domain.migrations.values import MigrationStatus
from domain.migrations.views import MigrationEventKind, MigrationFrame, RollbackProgress
from infra.db.database import Database, build
from infra.db.stores.migrations.counters import table_counts
from infra.db.stores.migrations.stream import add_frame

FRAME_INTERVAL_S = 0.45
"""A migration's frames of progress are at least this far apart, however many lanes work on it."""

_STREAM = """
SELECT phase, moved, rows_seen, bytes_seen, rows_per_second, bytes_per_second, clock_timestamp() AS now,
       CAST(extract(epoch FROM clock_timestamp() - told_at) AS double precision) AS since_s
FROM migration_stream
WHERE migration_id = :migration_id AND NOT closed
  AND told_at < clock_timestamp() - make_interval(secs => :interval_s)
FOR UPDATE SKIP LOCKED
"""

_MIGRATION = """
SELECT status, started_at, ended_at,
    (SELECT jsonb_build_object('acts_done', acts_done, 'acts_total', acts_total) FROM migration_rollback
        WHERE migration_id = id AND status = 'ROLLING_BACK') AS rollback
FROM migration WHERE id = :migration_id
"""

_TOLD = """
UPDATE migration_stream SET told_at = :now, moved = false, rows_seen = :rows_seen, bytes_seen = :bytes_seen,
    rows_per_second = :rows_per_second, bytes_per_second = :bytes_per_second
WHERE migration_id = :migration_id
"""

_TABLE_TOLD = """
UPDATE migration_table SET rows_seen = :rows_seen, rows_per_second = :rows_per_second
WHERE migration_id = :migration_id AND number = :number
"""


async def show_progress(database: Database, migration_id: UUID, interval_s: float = FRAME_INTERVAL_S) -> bool:
    """Add a frame of progress, unless there was one a moment ago or nothing has moved; tell whether it was added."""
    of = {"migration_id": migration_id}
    async with database.engine.begin() as connection:
        found = await connection.execute(text(_STREAM), {**of, "interval_s": interval_s})
        stream = found.mappings().first()
        if stream is None:
            return False
        counts = await table_counts(connection, migration_id)
        rows, size_bytes = sum(count.rows for count in counts), sum(count.bytes for count in counts)
        since_s = stream["since_s"]
        if (rows, size_bytes) == (stream["rows_seen"], stream["bytes_seen"]) and not stream["moved"]:
            return False
        counts = await _rated(connection, migration_id, counts, since_s)
        rates = {
            "rows_per_second": smoothed(stream["rows_per_second"], rows - stream["rows_seen"], since_s),
            "bytes_per_second": smoothed(stream["bytes_per_second"], size_bytes - stream["bytes_seen"], since_s),
        }
        told = {"now": stream["now"], "rows_seen": rows, "bytes_seen": size_bytes}
        await connection.execute(text(_TOLD), {**of, **told, **rates})
        migration = (await connection.execute(text(_MIGRATION), of)).mappings().one()
        return await add_frame(connection, _frame(migration_id, migration, stream, counts, rates))


async def _rated(
    connection: AsyncConnection, migration_id: UUID, counts: tuple[TableCount, ...], since_s: float
) -> tuple[TableCount, ...]:
    """Return the counters with the rates of the tables at work brought up to date, in the store as well."""
    rated = tuple(
        replace(count, rows_per_second=smoothed(count.rows_per_second, count.rows - count.rows_seen, since_s))
        if count.is_at_work
        else count
        for count in counts
    )
    moved = [
        {
            "migration_id": migration_id,
            "number": count.number,
            "rows_seen": count.rows,
            "rows_per_second": count.rows_per_second,
        }
        for count in rated
        if count.is_at_work
    ]
    if moved:
        await connection.execute(text(_TABLE_TOLD), moved)
    return rated


def _frame(
    migration_id: UUID,
    migration: RowMapping,
    stream: RowMapping,
    counts: tuple[TableCount, ...],
    rates: Mapping[str, float],
) -> MigrationFrame:
    """Return a frame with the sums over all tables, and only those tables in which something happens."""
    status = MigrationStatus(migration["status"])
    clock = RunClock(migration["started_at"], stream["now"], migration["ended_at"], **rates)
    phase = RunPhase(stream["phase"])
    whole = progress(migration_id, status, phase, (count.progress() for count in counts), clock)
    at_work = tuple(count.progress() for count in counts if count.is_at_work)
    return MigrationFrame(
        migration_id=migration_id,
        sequence=NOT_NUMBERED,
        kind=MigrationEventKind.PROGRESS,
        occurred_at=stream["now"],
        status=status,
        progress=replace(whole, tables=at_work),
        rollback=build(RollbackProgress, migration["rollback"]) if migration["rollback"] else None,
    )
