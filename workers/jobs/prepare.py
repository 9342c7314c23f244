"""The job that makes a migration ready for its lanes, or ready again after a worker was lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from domain.kernel.failpoints import failpoint
from domain.kernel.values import Bytes, Rows
from domain.migrations.aggregate import PlanSize
from domain.migrations.facts import NotePlanned, NotePlanning
from domain.migrations.plan import RunOptions
from domain.migrations.progress import RunPhase, RunStatus
from domain.migrations.transfer import Capabilities, ChunkReceipt, TableCopy
from domain.migrations.values import LogLevel, MigrationStatus
from infra.db.readers.migration_brief import Brief
from infra.db.stores.migrations.chunks import Chunks
from infra.db.stores.migrations.plans import StoredPlan, TableWork
from infra.stored_run import is_ours, prepared_run, stored_run
from workers.engine.chunks import chunk_rows
from workers.engine.complete import ticket_for
from workers.engine.concurrency import each
from workers.engine.control import Stopped, check
from workers.engine.cuts import Cuts
from workers.engine.ends import Ends, open_ends
from workers.engine.examine import watching
from workers.engine.order import in_order
from workers.engine.prepare import PreparedRun, RunRequest, prepare
from workers.engine.progress import Meter
from workers.engine.resume import check_known, check_plan
from workers.engine.retry import retrying
from workers.engine.snapshots import retaken, take_back
from workers.jobs.duty import Duty, perform
from workers.jobs.sinks import PhaseSink
from workers.jobs.workshop import KEY, run_id

_ALREADY_PREPARED = frozenset({MigrationStatus.RUNNING, MigrationStatus.VERIFYING})
"""Where a migration stands whose workers were lost."""

SPLITTERS = 4
"""How many tables are cut into chunks at once."""


async def prepare_migration(ctx: dict[str, Any], _migration_id: str) -> None:
    """Prepare a migration; arq calls this."""
    await perform(
        ctx[KEY], ctx["job_id"], lambda duty: retrying(lambda: retaken(lambda: _prepare(duty)), duty.patience)
    )


async def _prepare(duty: Duty) -> None:
    status = await duty.shop.tell(NotePlanning(migration_id=duty.migration_id))
    if status is not MigrationStatus.PLANNING and status not in _ALREADY_PREPARED:
        raise Stopped(RunStatus.CANCELLED)
    brief = await duty.brief()
    stored = await duty.shop.plans.find(duty.migration_id)
    held = None
    async with open_ends(await duty.shop.route(brief), parallel=SPLITTERS) as ends:
        if stored is not None and stored.is_void:
            await check(duty)
            await take_back(ends.target, run_id(duty.migration_id), duty)
        elif stored is not None and not is_ours(stored):
            await check_known(ends, run_id(duty.migration_id))
        if stored is None or stored.is_void or not is_ours(stored):
            prepared, work = await _planned(duty, ends, await _options(duty, brief))
        else:
            held = None if stored.is_checked else await _held(duty, ends, brief, stored)
            prepared, work = await _taken_over(duty, ends, stored), None
        epoch = stored.epoch + 1 if stored else 1
        capabilities = ends.route.target_connector.capabilities
    await duty.shop.plans.save(duty.assignment, stored_run(epoch, prepared), work, held)
    failpoint("job.planned")
    await duty.shop.pulse.enter(duty.migration_id, RunPhase.DATA)
    size = _size(prepared, lanes_of(brief.options, capabilities), work)
    await duty.shop.tell(NotePlanned(by=duty.assignment, epoch=epoch, size=size))
    failpoint("job.told")


async def _options(duty: Duty, brief: Brief) -> RunOptions:
    """Return the engine's options with the mapping."""
    if brief.mapping_id is None:
        return brief.options
    mappings = await duty.shop.container.mappings.tables(brief.mapping_id, brief.project_id)
    return replace(brief.options, mappings=mappings)


async def _held(duty: Duty, ends: Ends, brief: Brief, stored: StoredPlan) -> tuple[ChunkReceipt, ...] | None:
    """Make sure that a migration may be resumed, and return all that the target holds of it.

    Nothing if all was copied and even the ledger is gone: then only the comparison is left to be done.

    Raises:
        Conflict: the target does not hold what was copied.
        SchemaDrift: the source's schema has changed.
    """
    name = run_id(duty.migration_id)
    await check_plan(ends, await _options(duty, brief), prepared_run(stored).plan)
    left = await Chunks(duty.shop.container.database, duty.migration_id, "", stored.epoch).left()
    if not left.open and not left.dead and not await ends.target.knows_run(name):
        return None
    await check_known(ends, name)
    return await ends.target.receipts(name)


def lanes_of(options: RunOptions, target: Capabilities) -> int:
    """Return in how many lanes a migration is copied."""
    return min(options.parallel, target.writers_max)


async def _planned(duty: Duty, ends: Ends, options: RunOptions) -> tuple[PreparedRun, tuple[TableWork, ...]]:
    """Let the engine plan and make the tables, and cut these into chunks."""
    name = run_id(duty.migration_id)
    meter = Meter(name, PhaseSink(duty.shop.pulse, duty.migration_id))
    prepared = await prepare(ends, RunRequest(name, options), meter, duty)
    prepared = replace(prepared, plan=watching(prepared.plan))  # lanes read a later state than was looked at
    for warning in prepared.plan.warnings:
        await duty.log(LogLevel.WARNING, warning)
    receipts = await ends.target.receipts(name)
    kept = ends.route.target_connector.capabilities
    cuts = Cuts(ends.source, ends.target, name, chunk_rows(options, kept), kept)

    async def work_on(copy: TableCopy) -> TableWork:
        done = tuple(receipt for receipt in receipts if receipt.table_number == copy.number)
        return TableWork(copy, await cuts.left(copy, receipts), done)

    return prepared, tuple(await each(in_order(prepared.plan.tables, prepared.waves), work_on, at_once=SPLITTERS))


async def _taken_over(duty: Duty, ends: Ends, stored: StoredPlan) -> PreparedRun:
    """Void the tickets of all who have worked on the migration so far."""
    if stored.is_checked:
        await duty.log(LogLevel.WARNING, "A worker was lost; others go on where it stood.")
    prepared = prepared_run(stored)
    prepared = replace(prepared, plan=watching(prepared.plan))
    ticket, _ = await ticket_for(ends.target, run_id(duty.migration_id), prepared.plan.plan_hash)
    return replace(prepared, ticket=ticket)


def _size(prepared: PreparedRun, lanes: int, work: tuple[TableWork, ...] | None) -> PlanSize:
    tables = prepared.plan.tables
    chunks = sum(len(each_.chunks) for each_ in work or ())
    return PlanSize(
        tables=len(tables),
        row_estimate=Rows(sum(copy.row_estimate for copy in tables)),
        size_bytes=Bytes(sum(copy.size_bytes for copy in tables)),
        lanes=min(lanes, chunks) if work else lanes,
    )
