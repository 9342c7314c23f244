"""The last look at the target of a migration that ends early: its ledger has the last word on what is there."""

from __future__ import annotations

from uuid import UUID

from domain.migrations.transfer import ChunkReceipt
from domain.migrations.values import LogLevel
from infra.db.readers.migration_brief import Brief
from infra.db.stores.migrations.chunks import Chunks
from infra.db.stores.migrations.plans import StoredPlan
from infra.stored_run import prepared_run
from workers.engine.ends import open_target
from workers.engine.settle import Unasked, held_by_target, receipts_after_the_end, receipts_so_far
from workers.jobs.workshop import Workshop, run_id


async def settle(shop: Workshop, migration_id: UUID, brief: Brief, *, for_good: bool) -> None:
    """Make the counters agree with the target's ledger; for the last worker that leaves the migration.

    A worker that is stopped, or lost, between a commit and its answer has counted too little. With
    `for_good` nobody can write for the migration until it is resumed, however late a frozen worker wakes up.
    """
    stored = await shop.plans.find(migration_id)
    if stored is None:
        return
    left = await Chunks(shop.container.database, migration_id, "", stored.epoch).left()
    if not left.open and not left.dead:
        return
    try:
        held = await held_by_target(lambda: _held(shop, migration_id, brief, stored, for_good=for_good))
    except Unasked as unasked:
        await shop.pulse.log(migration_id, LogLevel.WARNING, str(unasked))
        return
    if held is not None:
        await shop.plans.agree(migration_id, held)


async def _held(
    shop: Workshop, migration_id: UUID, brief: Brief, stored: StoredPlan, *, for_good: bool
) -> tuple[ChunkReceipt, ...] | None:
    plan = prepared_run(stored).plan
    route, name = await shop.route(brief), run_id(migration_id)
    async with open_target(route.target_connector, route.target_endpoint) as target:
        if for_good:
            return await receipts_after_the_end(target, name, plan.plan_hash)
        return await receipts_so_far(target, name)
