"""What the target holds of a run that ends early; its ledger knows better than those who were interrupted."""

from __future__ import annotations

from domain.migrations.transfer import ChunkReceipt, Target

SETTLE_MAX_S = 5.0
"""How long the target is waited for; without it, a run ends with the counts at hand."""


async def receipts_so_far(target: Target, run_id: str) -> tuple[ChunkReceipt, ...] | None:
    """Return the receipts of an unfinished run; nothing if the target knows of none.

    Raises:
        DatabaseError: the target failed.
    """
    return await target.receipts(run_id) if await target.knows_run(run_id) else None


async def receipts_after_the_end(target: Target, run_id: str, plan_hash: str) -> tuple[ChunkReceipt, ...] | None:
    """Void every ticket of a run, so that nothing can be added to it, and return its receipts.

    Raises:
        Conflict: the run is being rolled back.
        DatabaseError: the target failed.
    """
    if not await target.knows_run(run_id):
        return None
    await target.open_run(run_id, plan_hash)
    return await target.receipts(run_id)
