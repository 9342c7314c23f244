"""How far the rollback of each migration has come, and making a migration ready for one."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text

from domain.kernel.codec import from_json, to_json
from domain.kernel.errors import Fenced
from domain.kernel.work import Work
from domain.migrations.assignments import ROLLBACK, Assignment
from domain.migrations.rollback import RollbackGuarantee, RollbackReport, RollbackState, gone_on
from infra.db.database import Database
from infra.db.stores.migrations.assignments import HOLDS, place_of
from infra.db.stores.migrations.resumption import open_again
from infra.db.work import session_of

GUARANTEES = """
SELECT migration_id, prepared #> '{run,plan,rollback}' AS guarantee FROM migration_plan
WHERE migration_id = ANY(CAST(:ids AS uuid[])) AND jsonb_typeof(prepared #> '{run,plan,rollback}') = 'object'
"""

STATE = "SELECT acts_done, acts_total, state FROM migration_rollback WHERE migration_id = :migration_id"

_SAVE = """
INSERT INTO migration_rollback (migration_id, acts, acts_done, acts_total, state)
VALUES (:migration_id, 1, :acts_done, :acts_total, CAST(:state AS jsonb))
ON CONFLICT (migration_id) DO UPDATE SET acts = migration_rollback.acts + 1, acts_done = excluded.acts_done,
    acts_total = excluded.acts_total, state = excluded.state
"""

_COUNT = """
UPDATE migration_rollback SET acts = acts + 1, acts_done = :acts_done, acts_total = :acts_total
WHERE migration_id = :migration_id
"""

_NOT_BEGUN = "DELETE FROM migration_rollback WHERE migration_id = :migration_id"

STATE_INTERVAL_S = 1.0
"""The whole state, which grows with the schema, is stored at most this often while a rollback goes on."""

_MOVED = """
UPDATE migration_stream SET moved = true, phase = CASE WHEN :acts_done > 0 THEN 'ROLLBACK' ELSE phase END
WHERE migration_id = :migration_id
"""
"""One that is refused leaves the phase as it was; once it has begun there is no way back to that."""

_NOTHING_THERE = """
UPDATE migration_table SET phase = 'WAITING', rows_read = 0, rows_written = 0, rows_rejected = 0, bytes_done = 0,
    rows_seen = 0, rows_per_second = 0
WHERE migration_id = :migration_id
"""


def guarantee_of(row: RowMapping) -> RollbackGuarantee:
    """Return the promise in a row of `GUARANTEES`."""
    return from_json(RollbackGuarantee, row["guarantee"])


def state_of(rows: Sequence[RowMapping]) -> RollbackState | None:
    """Return the state in the rows of `STATE`."""
    return from_json(RollbackState, rows[0]["state"]) if rows else None


class SqlRollbacks:
    """Rollbacks as command handlers see them."""

    async def guarantee(self, work: Work, migration_id: UUID) -> RollbackGuarantee | None:
        """Return what was promised of a rollback."""
        rows = await _rows(work, GUARANTEES, ids=[migration_id])
        return guarantee_of(rows[0]) if rows else None

    async def open(self, work: Work, migration_id: UUID) -> None:
        """Open the migration's stream again and withdraw what is left of its work."""
        await open_again(await session_of(work).connection(), migration_id, ROLLBACK)

    async def report(self, work: Work, migration_id: UUID) -> RollbackReport | None:
        """Return what was done so far."""
        state = state_of(await _rows(work, STATE, migration_id=migration_id))
        return state.report if state else None

    async def close(self, work: Work, migration_id: UUID) -> None:
        """Note that nothing of the migration is in the target any more: no rows, and no rejected ones to be loaded."""
        connection = await session_of(work).connection()
        await connection.execute(text(_NOTHING_THERE), {"migration_id": migration_id})


class RollbackBook:
    """The state of a rollback, kept on behalf of the one assignment that does it."""

    def __init__(self, database: Database, by: Assignment) -> None:
        self._database = database
        self._by = by
        self._earlier: RollbackState | None = None
        self._stored_at = -math.inf

    async def earlier(self) -> RollbackState | None:
        """Return how far the rollback had come; from now on what is reported comes on top of that."""
        self._earlier = state_of(await self._database.rows(STATE, migration_id=self._by.migration_id))
        return self._earlier

    async def report(self, state: RollbackState) -> None:
        """Store how far the rollback has come.

        Raises:
            Fenced: another worker has taken the migration over.
        """
        so_far, sql = gone_on(self._earlier, state), _COUNT
        values: dict[str, Any] = {"migration_id": self._by.migration_id}
        values |= {"acts_done": so_far.acts_done, "acts_total": so_far.acts_total}
        if not state.acts_done or state.is_done or time.monotonic() - self._stored_at >= STATE_INTERVAL_S:
            sql, values["state"] = _SAVE, json.dumps(to_json(so_far))
            self._stored_at = time.monotonic()
        await self._write(sql, values)

    async def withdraw(self) -> None:
        """Note that the rollback has not begun after all.

        Raises:
            Fenced: another worker has taken the migration over.
        """
        await self._write(_NOT_BEGUN, {"migration_id": self._by.migration_id, "acts_done": 0})

    async def _write(self, sql: str, values: dict[str, Any]) -> None:
        async with self._database.engine.begin() as connection:
            if (await connection.execute(text(HOLDS), place_of(self._by))).first() is None:
                raise Fenced("another worker has taken this migration over")
            await connection.execute(text(_MOVED), values)
            await connection.execute(text(sql), values)


async def _rows(work: Work, sql: str, **values: object) -> Sequence[RowMapping]:
    connection = await session_of(work).connection()
    return (await connection.execute(text(sql), values)).mappings().all()
