"""The last look at the target of a migration that ends early: its ledger has the last word on what is there."""

from __future__ import annotations

from uuid import UUID

from domain.migrations.transfer import ChunkReceipt
from domain.migrations.values import LogLevel
from infra.db.readers.migration_brief import Brief
from infra.db.stores.migrations.chunks import Chunks
from infra.db.stores.migrations.plans import StoredPlan
from workers.engine.ends import open_target
from workers.engine.settle import Unasked, held_by_target, receipts_after_the_end, receipts_so_far
from workers.jobs.workshop import Workshop, run_id


async def settle(shop: Workshop, migration_id: UUID, brief: Brief, *, for_good: bool, asleep: bool) -> None:
    """Make the counters agree with the target's ledger; for the last worker that leaves the migration.

    A worker that is stopped, or lost, between a commit and its answer has counted too little. With
    `for_good` nobody can write for the migration until it is resumed, however late a frozen worker wakes up.
    If one may be `asleep`, this is seen to also where nothing is left to be counted: while it was being planned,
    or completed.
    """
    stored = await shop.plans.find(migration_id)
    counts = stored is not None and await _is_uncounted(shop, migration_id, stored)
    if not counts and not asleep:
        return
    try:
        held = await held_by_target(lambda: _held(shop, migration_id, brief, for_good=for_good))
    except Unasked as unasked:
        await shop.pulse.log(migration_id, LogLevel.WARNING, str(unasked))
        return
    if held is not None and counts:
        await shop.plans.agree(migration_id, held)


async def _is_uncounted(shop: Workshop, migration_id: UUID, stored: StoredPlan) -> bool:
    """Tell whether there may be more chunks in the target than are known."""
    left = await Chunks(shop.container.database, migration_id, "", stored.epoch).left()
    return bool(left.open or left.dead)


async def _held(shop: Workshop, migration_id: UUID, brief: Brief, *, for_good: bool) -> tuple[ChunkReceipt, ...] | None:
    connector, endpoint = await shop.target(brief)
    async with open_target(connector, endpoint) as target:
        ask = receipts_after_the_end if for_good else receipts_so_far
        return await ask(target, run_id(migration_id))
