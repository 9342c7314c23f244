"""A run that is asked for again although it has come to its end.

A process may die between the last act of a run and the moment at which it says so. Whoever asks
again must neither be refused because the target is filled nor be believed: the databases are compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from domain.migrations.plan import MigrationPlan, RunOptions, VerifyLevel
from domain.migrations.progress import RunPhase
from domain.migrations.runs import RunRecord, RunState
from domain.migrations.transfer import Target, Ticket
from workers.engine.control import Control
from workers.engine.ends import Ends
from workers.engine.finish import Finish
from workers.engine.prepare import PreparedRun, RunRequest, planned_again
from workers.engine.progress import Meter
from workers.engine.refusals import Refused, SourceWithoutRefused, refused_rows
from workers.engine.verify import Sides, verify_tables

ALREADY = "this run was complete already: nothing was copied, and source and target were compared again"


async def closed_run(target: Target, run_id: str) -> RunRecord | None:
    """Return the record of a run that has come to its end, if the target holds it."""
    records = await target.runs()
    return next((record for record in records if record.run_id == run_id and record.state is RunState.CLOSED), None)


async def ticket_for(target: Target, run_id: str, plan_hash: str) -> tuple[Ticket, bool]:
    """Take a run over, unless it has come to its end under this plan; tell whether it has.

    Opening a closed run would put it away and begin another one of the same name, which knows nothing of what was made.

    Raises:
        Conflict: the run is under way with another plan, or is being rolled back.
        DatabaseError: the target failed.
    """
    record = await closed_run(target, run_id)
    if record is not None and record.plan_hash == plan_hash:
        return Ticket(run_id, record.epoch, plan_hash), True
    return await target.open_run(run_id, plan_hash), False


async def completed_before(
    ends: Ends, request: RunRequest, meter: Meter, control: Control
) -> tuple[PreparedRun, Finish] | None:
    """Return a run that was complete before it was asked for, and how it compares now; nothing if it was not.

    Raises:
        Stopped: the owner asked for a pause or an end.
        DatabaseError: one of the databases failed.
    """
    record = await closed_run(ends.target, request.run_id)
    if record is None:
        return None
    plan = await planned_again(ends, request)
    meter.follow(plan.tables, await ends.target.receipts(request.run_id))
    options = replace(request.options, verify=VerifyLevel.DIGEST)
    refused = await refused_rows(ends.target, request.run_id, plan.tables)
    finish = await compared(ends, plan, options, meter, control, refused)
    if finish.differences:
        return None
    plan = replace(plan, warnings=(*plan.warnings, ALREADY))
    return PreparedRun(plan, Ticket(record.run_id, record.epoch, record.plan_hash), ()), finish


async def compared(
    ends: Ends,
    plan: MigrationPlan,
    options: RunOptions,
    meter: Meter,
    control: Control,
    refused: Mapping[int, Refused],
) -> Finish:
    """Compare source and target by a plan that was carried out, apart from the rows that the target refused.

    Raises:
        Stopped: the owner asked for a pause or an end.
        DatabaseError: one of the databases failed.
    """
    await meter.enter(RunPhase.VERIFICATION)
    sides = Sides(SourceWithoutRefused(ends.source, refused.values()), ends.target, ends.route.hashing.of_ends)
    verdicts = await verify_tables(
        sides, plan.tables, options.verify, (), control, meter.table, parallel=options.parallel
    )
    await meter.enter(RunPhase.DONE)
    return Finish(verdicts, (), refused)
