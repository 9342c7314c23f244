"""One migration per target at a time."""

from __future__ import annotations

from uuid import UUID

from domain.kernel.errors import Conflict
from domain.kernel.work import Work
from domain.migrations.ports import TargetClaims


async def claim_target(claims: TargetClaims, work: Work, connection_id: UUID, migration_id: UUID | None = None) -> None:
    """Claim a target for a migration, which need not exist yet, to the end of the transaction.

    Raises:
        Conflict: another migration is writing to it.
    """
    running = await claims.claim(work, connection_id)
    if running is not None and running != migration_id:
        raise Conflict(f"Migration {running} is writing to this target. Wait for its end, or cancel it.")
