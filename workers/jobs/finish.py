"""The job that completes the target and compares both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from domain.kernel.errors import Fenced, VerificationFailed
from domain.kernel.failpoints import failpoint
from domain.migrations.facts import NoteCompleted
from domain.migrations.progress import RunStatus
from domain.migrations.report import Failure
from domain.migrations.values import LogLevel
from infra.db.stores.migrations.rejects import StoredRejects
from infra.stored_run import prepared_run, stored_run
from workers.engine.complete import compared, ticket_for
from workers.engine.early import early_digests
from workers.engine.ends import open_ends
from workers.engine.finish import Finish, finish
from workers.engine.pipeline import Desk
from workers.engine.progress import Meter
from workers.engine.refusals import refused_rows
from workers.engine.report import difference_message, object_name
from workers.engine.retry import retrying
from workers.engine.snapshots import retaken
from workers.jobs.duty import Duty, perform
from workers.jobs.report import LastReading, stored_report
from workers.jobs.sinks import PhaseSink
from workers.jobs.workshop import KEY, run_id


async def finish_migration(ctx: dict[str, Any], _migration_id: str) -> None:
    """Finish a migration; arq calls this."""
    await perform(ctx[KEY], ctx["job_id"], lambda duty: retrying(lambda: retaken(lambda: _finish(duty)), duty.patience))


async def _finish(duty: Duty) -> None:
    shop, brief = duty.shop, await duty.brief()
    stored = await shop.plans.find(duty.migration_id)
    if stored is None:
        raise Fenced("this migration has no plan to finish")
    prepared, name = prepared_run(stored), run_id(duty.migration_id)
    async with open_ends(await shop.route(brief), parallel=brief.options.parallel) as ends:
        # A worker that was taken for lost may still be at it, so its ticket is made void first.
        ticket, is_over = await ticket_for(ends.target, name, prepared.plan.plan_hash)
        prepared = replace(prepared, ticket=ticket)
        await shop.plans.save(duty.assignment, stored_run(stored.epoch + 1, prepared))
        meter = Meter(name, PhaseSink(shop.pulse, duty.migration_id, prepared.plan.tables))
        meter.follow(prepared.plan.tables, ())
        book = StoredRejects(shop.container.database, duty.migration_id, prepared.plan.tables)
        desk = Desk(ends, ticket, meter, duty.control)
        if is_over:  # a worker was lost between its last act and telling of it
            refused = await refused_rows(ends.target, name, prepared.plan.tables)
            finished = await compared(ends, prepared.plan, brief.options, meter, duty.control, refused)
        else:
            async with early_digests(ends.source, prepared, brief.options, desk.hashing) as source:
                source.begin()
                finished = await finish(desk, prepared, brief.options, lambda _: book, source)
        last = LastReading(ends.source.consistency, ends.source.moment)
    await _note(duty, finished)
    difference = difference_message(finished.differences) if finished.differences else ""
    status = RunStatus.FAILED if difference else RunStatus.SUCCEEDED
    report = await stored_report(shop, duty.migration_id, status, finished, last)
    if difference:
        report = replace(report, error=Failure(VerificationFailed.code, difference))
    await duty.show(now=True)
    failpoint("job.finished")
    await shop.tell(NoteCompleted(migration_id=duty.migration_id, report=report, difference=difference))


async def _note(duty: Duty, finished: Finish) -> None:
    for line in finished.not_made:
        await duty.log(LogLevel.WARNING, f"{object_name(line.object)} was not made: {line.reason}")
