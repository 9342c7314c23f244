"""One migration per target at a time."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from domain.kernel.work import Work
from domain.migrations.values import SETTLED
from infra.db.work import session_of

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"

_RUNNING = """
SELECT id FROM migration
WHERE target_connection_id = :target_connection_id AND NOT status = ANY(:settled) LIMIT 1
"""


class SqlTargetClaims:
    """Claims on targets, one after the other by an advisory lock that lasts as long as the transaction."""

    async def claim(self, work: Work, target_connection_id: UUID) -> UUID | None:
        """Return the unsettled migration that writes this target, if there is one."""
        connection = await session_of(work).connection()
        await connection.execute(text(_LOCK), {"name": f"migration target {target_connection_id}"})
        values = {"target_connection_id": target_connection_id, "settled": [status.value for status in SETTLED]}
        running: UUID | None = (await connection.execute(text(_RUNNING), values)).scalar()
        return running
