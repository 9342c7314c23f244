"""A migration's stream of events and its log, each numbered without a gap.

Numbers are given out under the lock of the migration's stream row, which is held until the commit;
so whoever sees number n can also see every number before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.kernel.work import Work
from domain.migrations.progress import RunPhase
from domain.migrations.values import LogLevel
from domain.migrations.views import MigrationEventKind, MigrationFrame
from infra.clock import SystemIds
from infra.db.work import session_of
from infra.shapes import adapter

PROGRESS_KEPT = 600
"""So many of the last events are kept whole; of older ones those that tell mere progress go."""

LOG_KEPT = 10_000
"""So many entries of a migration's log are kept."""

SAME_S = 10
"""An entry that only repeats the one before it within this time is counted there."""

_OPEN = """
INSERT INTO migration_stream
    (migration_id, sequence, log_sequence, closed, moved, phase, told_at, rows_seen, bytes_seen, rows_per_second,
     bytes_per_second)
VALUES (:migration_id, 0, 0, false, false, :phase, now(), 0, 0, 0, 0)
"""

_NEXT = """
UPDATE migration_stream SET sequence = sequence + 1, closed = :ends
WHERE migration_id = :migration_id AND NOT closed RETURNING sequence
"""

_FAILING = """
SELECT 1 FROM migration_stream WHERE migration_id = :migration_id AND failure IS NOT NULL FOR UPDATE
"""

_ADD = """
INSERT INTO migration_event (migration_id, sequence, kind, frame)
VALUES (:migration_id, :sequence, :kind, CAST(:frame AS jsonb))
"""

_PRUNE = """
DELETE FROM migration_event
WHERE migration_id = :migration_id AND kind = 'PROGRESS' AND sequence <= :upto
"""

_REPEATED = f"""
UPDATE migration_log SET repeated = repeated + 1
WHERE migration_id = :migration_id AND level = :level AND message = :message
  AND sequence = (SELECT log_sequence FROM migration_stream WHERE migration_id = :migration_id FOR UPDATE)
  AND logged_at > now() - make_interval(secs => {SAME_S}) RETURNING sequence
"""

_LOG_NEXT = """
UPDATE migration_stream SET log_sequence = log_sequence + 1 WHERE migration_id = :migration_id RETURNING log_sequence
"""

_LOG_ADD = """
INSERT INTO migration_log (migration_id, sequence, id, level, message, context, repeated, logged_at)
VALUES (:migration_id, :sequence, :id, :level, :message, CAST(:context AS jsonb), 0, clock_timestamp())
"""

_LOG_PRUNE = "DELETE FROM migration_log WHERE migration_id = :migration_id AND sequence <= :upto"


async def add_frame(connection: AsyncConnection, frame: MigrationFrame) -> bool:
    """Add an event under the next number; after a TERMINAL one nothing is added. Tell whether it was."""
    ends = frame.kind is MigrationEventKind.TERMINAL
    of = {"migration_id": frame.migration_id}
    sequence = (await connection.execute(text(_NEXT), {**of, "ends": ends})).scalar()
    if sequence is None:
        return False
    body = adapter(MigrationFrame).dump_json(replace(frame, sequence=sequence)).decode()
    values = {**of, "sequence": sequence, "kind": frame.kind.value, "frame": body}
    await connection.execute(text(_ADD), values)
    if frame.kind is MigrationEventKind.PROGRESS:
        await connection.execute(text(_PRUNE), {**of, "upto": sequence - PROGRESS_KEPT})
    return True


async def add_log(
    connection: AsyncConnection,
    migration_id: UUID,
    level: LogLevel,
    message: str,
    context: Mapping[str, str],
) -> None:
    """Add an entry under the next number, or count it with the last one if that says the same."""
    entry = {"migration_id": migration_id, "level": level.value, "message": message}
    if (await connection.execute(text(_REPEATED), entry)).first() is not None:
        return
    sequence = (await connection.execute(text(_LOG_NEXT), {"migration_id": migration_id})).scalar_one()
    details = [{"name": name, "value": value} for name, value in context.items()]
    values = {**entry, "sequence": sequence, "id": SystemIds().new()}
    await connection.execute(text(_LOG_ADD), {**values, "context": adapter(list).dump_json(details).decode()})
    await connection.execute(text(_LOG_PRUNE), {"migration_id": migration_id, "upto": sequence - LOG_KEPT})


class SqlStream:
    """Streams as command handlers see them."""

    async def open(self, work: Work, migration_id: UUID) -> None:
        """Begin a migration's stream and its log."""
        connection = await session_of(work).connection()
        await connection.execute(text(_OPEN), {"migration_id": migration_id, "phase": RunPhase.PLANNING.value})

    async def tell(self, work: Work, frame: MigrationFrame) -> None:
        """Add an event with the next number."""
        await add_frame(await session_of(work).connection(), frame)

    async def is_failing(self, work: Work, migration_id: UUID) -> bool:
        """Tell whether a worker has given a reason for the migration to fail, and keep it so."""
        connection = await session_of(work).connection()
        return (await connection.execute(text(_FAILING), {"migration_id": migration_id})).first() is not None

    async def log(self, work: Work, migration_id: UUID, level: LogLevel, message: str) -> None:
        """Add an entry to the migration's log."""
        await add_log(await session_of(work).connection(), migration_id, level, message, {})
