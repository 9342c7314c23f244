"""The first act of a run: look, plan, check, take the run over, build what must stand before the rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from domain.catalog.model import DatabaseSchema, TableName
from domain.kernel.errors import Conflict
from domain.kernel.failpoints import failpoint
from domain.kernel.values import Rows
from domain.migrations.moments import OnLostSnapshot
from domain.migrations.plan import MigrationPlan, OnExisting, RunOptions, VerifyLevel
from domain.migrations.progress import RunPhase
from domain.migrations.schema_plan import Parity, Phase, SchemaObject
from domain.migrations.transfer import ChunkReceipt, TableCopy, Target, Ticket
from workers.engine.concurrency import both
from workers.engine.control import Control, check
from workers.engine.ends import Ends
from workers.engine.examine import Examiner, refuse_misfits
from workers.engine.existing import Baseline, adopted, existing_tables, made_by_others, refuse_filled
from workers.engine.order import Waves, waves
from workers.engine.pipeline import Desk
from workers.engine.plan import Basis, look
from workers.engine.progress import Meter
from workers.engine.seal import Seal, note, noted
from workers.engine.steps import run_phase
from workers.engine.uses import noting_added, use_tables
from workers.engine.verify import target_columns


@dataclass(frozen=True)
class RunRequest:
    """A run to be started or gone on with. The same `run_id` means the same run.

    `restart` forgets what an interrupted run of this id has done; the tables it filled are then
    tables like any others, and `on_existing` says what becomes of their rows. `on_lost_snapshot` is the
    choice that a run needs which has lost its snapshot. `unseen` lets a short run begin to copy before anybody
    has looked at the values; whoever asks for that takes it back if the target refuses one (`snapshots`).
    """

    run_id: str
    options: RunOptions
    restart: bool = False
    on_lost_snapshot: OnLostSnapshot | None = None
    unseen: bool = False


@dataclass(frozen=True)
class PreparedRun:
    """A run whose tables stand ready for rows. Plain data: lanes in other processes work by it.

    The tables of a wave may be filled once those of the waves before it are. `resumed` says that
    rows of an interrupted run were found; `not_made` are optional objects that the target refused.
    """

    plan: MigrationPlan
    ticket: Ticket
    waves: Waves
    baselines: tuple[Baseline, ...] = ()
    not_made: tuple[Parity, ...] = ()
    resumed: bool = False


async def prepare(ends: Ends, request: RunRequest, meter: Meter, control: Control) -> PreparedRun:
    """Plan a run, take it over and build the target's tables; on a known run, go on where it stood.

    Nothing is changed until every check has passed. Re-entrant: the ledger in the target knows what
    is done, and each call makes the tickets of earlier ones void.

    Raises:
        ObjectMissing: the options name a table or column that the source does not have.
        ValueRejected: the target cannot keep every value, and it is not said what becomes of them.
        TargetNotEmpty: target tables hold rows, and the policy is to leave them alone.
        Conflict: a target table cannot take the rows, or an interrupted run had another plan.
        Stopped: the owner asked for a pause or an end.
        DatabaseError: one of the databases failed.
    """
    await meter.enter(RunPhase.PLANNING)
    route, target = ends.route, ends.target
    basis, catalog = await both(
        look(ends.source, route.source_connector, request.options, route.target_connector.capabilities),
        target.introspect(),
    )
    goes_on = await target.knows_run(request.run_id) and not request.restart
    await check(control)
    plan, unseen = await _planned(ends, request, basis, catalog, goes_on=goes_on)
    meter.follow(plan.tables, ())
    failpoint("run.planned")
    await check(control)
    if goes_on:
        ticket = await _taken_over(target, request.run_id, plan)
        baselines = await _gone_on(target, ticket, plan, catalog)
    else:
        baselines = await _begun(ends, request, plan, catalog)
        ticket = await _taken_over(target, request.run_id, plan)
        if unseen:
            await note(target, request.run_id, Seal(unseen=True))
    failpoint("run.opened")
    await check(control)  # from here on a ticket that was made void meanwhile is noticed, too
    await _note_looks(target, request.run_id, plan)
    order = waves(plan, catalog, route.target_connector.capabilities)
    plan = await _made_ready(target, ticket, plan, catalog, order)
    receipts = await target.receipts(request.run_id)
    meter.follow(plan.tables, receipts)
    await meter.enter(RunPhase.TABLES)
    desk = Desk(ends, ticket, meter, control)
    not_made = await run_phase(desk, plan.schema, Phase.BEFORE_DATA, catalog)
    return PreparedRun(plan, ticket, order, baselines, not_made, resumed=bool(receipts))


async def planned_again(ends: Ends, request: RunRequest) -> MigrationPlan:
    """Plan a run as if it were begun now; what it has made itself in the target counts as its own.

    Raises:
        ObjectMissing: the options name a table or column that the source does not have.
        DatabaseError: one of the databases failed.
    """
    route = ends.route
    basis = await look(ends.source, route.source_connector, request.options, route.target_connector.capabilities)
    plan, _ = await _planned(ends, request, basis, await ends.target.introspect(), goes_on=True)
    return plan


async def _planned(
    ends: Ends, request: RunRequest, basis: Basis, catalog: DatabaseSchema, *, goes_on: bool
) -> tuple[MigrationPlan, bool]:
    """Plan with regard to the tables that are already there, and to values that the target cannot keep.

    The plan's fellow tells whether the values are still to be seen.
    """
    done = await ends.target.steps_done(request.run_id) if goes_on else frozenset()
    known = (await noted(ends.target, request.run_id)).clean if goes_on else ()

    def made(plan: MigrationPlan) -> frozenset[SchemaObject]:
        return frozenset(step.object for step in plan.schema.steps if step.number in done)

    examiner = Examiner(
        ends.source,
        ends.route,
        request.options,
        existing=lambda plan: made_by_others(plan, catalog, made(plan)),
        adopt=lambda plan, schema: adopted(plan, schema, catalog, made(plan)),
        known=frozenset(known),
    )
    plan = examiner.planned(basis)
    can_be_undone = not goes_on and not ends.target.undo.reason_against
    if request.unseen and can_be_undone and examiner.may_stay_unseen(basis, plan):
        return plan, True
    plan = await examiner.examined(basis, plan)
    refuse_misfits(plan, request.options)
    return plan, False


async def _note_looks(target: Target, run_id: str, plan: MigrationPlan) -> None:
    """Note which tables were found clean, for a run that goes on with this one."""
    seal, clean = await noted(target, run_id), tuple(seen.clean for seen in plan.seen if seen.clean)
    if seal.clean != clean:
        await note(target, run_id, replace(seal, clean=clean))


async def _taken_over(target: Target, run_id: str, plan: MigrationPlan) -> Ticket:
    try:
        return await target.open_run(run_id, plan.plan_hash)
    except Conflict as error:
        raise Conflict(
            "this run was interrupted, and source schema, target or options have changed since; "
            "restart it to forget what it has done, or undo the change to go on with it"
        ) from error


async def _begun(ends: Ends, request: RunRequest, plan: MigrationPlan, catalog: DatabaseSchema) -> tuple[Baseline, ...]:
    """Check the tables that are already there, and look at the rows that will stay."""
    target = ends.target
    counts = await target.row_counts(existing_tables(plan, catalog))
    refuse_filled(plan, counts)
    if request.restart:
        await target.close_run(request.run_id)
    if plan.on_existing is OnExisting.TRUNCATE:
        return ()
    filled = tuple(copy for copy in plan.tables if counts.get(copy.target))
    return tuple([await _baseline(target, copy, counts, request.options) for copy in filled])


async def _made_ready(
    target: Target, ticket: Ticket, plan: MigrationPlan, catalog: DatabaseSchema, order: Waves
) -> MigrationPlan:
    """Make the tables that others made ready for rows, with all that a rollback will need."""
    done = await target.steps_done(ticket.run_id)
    made = frozenset(step.object for step in plan.schema.steps if step.number in done)
    others = made_by_others(plan, catalog, made)
    there = {copy: others[copy.source] for copy in plan.tables if copy.source in others}
    return noting_added(plan, await use_tables(target, ticket, plan, there, order), target.undo.reason_against)


async def _baseline(target: Target, copy: TableCopy, counts: dict[TableName, Rows], options: RunOptions) -> Baseline:
    baseline = Baseline(copy.number, counts[copy.target])
    if options.verify is not VerifyLevel.DIGEST:
        return baseline
    return replace(baseline, digest=await target.digest(copy.target, target_columns(copy.columns)))


async def _gone_on(
    target: Target, ticket: Ticket, plan: MigrationPlan, catalog: DatabaseSchema
) -> tuple[Baseline, ...]:
    """Find out what the target held before an interrupted run: what is there, less what the run wrote."""
    if plan.on_existing is not OnExisting.APPEND:
        return ()
    counts = await target.row_counts(existing_tables(plan, catalog))
    written = _written(await target.receipts(ticket.run_id))
    before = {copy.number: counts.get(copy.target, Rows(0)) - written.get(copy.number, 0) for copy in plan.tables}
    return tuple(Baseline(number, Rows(rows)) for number, rows in before.items() if rows)


def _written(receipts: Iterable[ChunkReceipt]) -> dict[int, int]:
    written: dict[int, int] = {}
    for receipt in receipts:
        written[receipt.table_number] = written.get(receipt.table_number, 0) + receipt.rows_written
    return written
