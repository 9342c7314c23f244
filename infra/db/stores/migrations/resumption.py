"""What a migration that stands still has done, and making it ready to go on."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.kernel.work import Work
from domain.migrations.assignments import PREPARE
from domain.migrations.progress import RunPhase
from domain.migrations.values import Outlook
from domain.migrations.views import MigrationEventKind
from infra.db.database import build
from infra.db.work import session_of

OUTLOOK = """
SELECT (SELECT count(*) FROM migration_chunk WHERE migration_id = :migration_id AND state = 'DONE') AS chunks_kept,
       (SELECT CAST(coalesce(sum(rows_written), 0) AS bigint) FROM migration_table WHERE migration_id = :migration_id)
           AS rows_kept,
       count(*) AS chunks_left, count(*) FILTER (WHERE lane <> '') AS chunks_begun,
       count(*) FILTER (WHERE state = 'DEAD') AS chunks_dead,
       CAST(coalesce(sum(row_estimate), 0) AS bigint) AS rows_left
FROM migration_chunk WHERE migration_id = :migration_id AND state <> 'DONE'
"""

_WITHDRAW = """
UPDATE migration_assignment SET state = 'LOST', holder = '', lease_until = NULL
WHERE migration_id = :migration_id AND task <> :kept
  AND (state = 'GIVEN' OR (state = 'TAKEN' AND lease_until < now()))
"""

_OPEN = """
UPDATE migration_stream SET closed = false, failure = NULL, moved = true, losses = 0, mark = 0, not_before = NULL,
    phase = coalesce(CAST(:phase AS text), phase)
WHERE migration_id = :migration_id
"""

_NOT_THE_END = """
UPDATE migration_event SET kind = CAST(:status AS text),
    frame = jsonb_set(frame, '{kind}', to_jsonb(CAST(:status AS text)))
WHERE migration_id = :migration_id AND kind = :terminal
"""

_REVIVE = """
UPDATE migration_chunk SET state = 'PENDING', attempts = 0, error = ''
WHERE migration_id = :migration_id AND (state = 'DEAD' OR attempts > 0) AND state <> 'DONE'
"""

_LOOK_AGAIN = "UPDATE migration_plan SET is_checked = false WHERE migration_id = :migration_id"

_START_OVER = "UPDATE migration_plan SET is_checked = false, is_void = true WHERE migration_id = :migration_id"

_NO_REPORT = "DELETE FROM migration_report WHERE migration_id = :migration_id"


class SqlResumption:
    """Resumption as command handlers see it."""

    async def outlook(self, work: Work, migration_id: UUID) -> Outlook:
        """Return what the migration keeps and what it copies yet."""
        connection = await session_of(work).connection()
        row = (await connection.execute(text(OUTLOOK), {"migration_id": migration_id})).mappings().one()
        return build(Outlook, row)

    async def reopen(self, work: Work, migration_id: UUID, *, starts_over: bool) -> None:
        """Open its stream again, forget why it failed, and let chunks that were given up be tried again."""
        connection = await session_of(work).connection()
        await open_again(connection, migration_id, PREPARE, RunPhase.PLANNING)
        for statement in (_REVIVE, _START_OVER if starts_over else _LOOK_AGAIN, _NO_REPORT):
            await connection.execute(text(statement), {"migration_id": migration_id})


async def open_again(connection: AsyncConnection, migration_id: UUID, task: str, phase: RunPhase | None = None) -> None:
    """Open a migration's stream again for a task, withdraw all others that nobody has in hand, forget why it failed.

    What was the last event is one like any other from now on, so that there is never more than
    one TERMINAL, and nothing after it. Without a phase it stays in its own.
    """
    of = {"migration_id": migration_id}
    kinds = {"status": MigrationEventKind.STATUS.value, "terminal": MigrationEventKind.TERMINAL.value}
    await connection.execute(text(_WITHDRAW), {**of, "kept": task})
    await connection.execute(text(_OPEN), {**of, "phase": phase and phase.value})
    await connection.execute(text(_NOT_THE_END), {**of, **kinds})
