"""The whole story of a run in one process, on one screen."""

from __future__ import annotations

import asyncio

from domain.kernel.errors import TargetNotEmpty, VerificationFailed, WherryError
from domain.migrations.progress import ProgressSink, RunStatus
from domain.migrations.report import RunReport
from workers.engine.complete import completed_before
from workers.engine.control import Control, Stopped, attended
from workers.engine.ends import Ends
from workers.engine.finish import Finish, OpenBook, finish
from workers.engine.lanes import copy_tables
from workers.engine.pipeline import Desk
from workers.engine.prepare import PreparedRun, RunRequest, prepare
from workers.engine.progress import Meter
from workers.engine.report import difference_message, run_report
from workers.engine.settle import SETTLE_MAX_S, receipts_so_far


async def run(
    ends: Ends, request: RunRequest, sink: ProgressSink, control: Control, open_book: OpenBook | None = None
) -> RunReport:
    """Carry a run through, or as far as it comes, and report.

    Expected failures do not raise: the report's status and `error` tell. Whatever the end, the
    target's ledger knows what is done, and the same request goes on from there. Rejected rows go to
    the book that is opened for them; without one they stay in the ledger.
    """
    meter = Meter(request.run_id, sink)
    prepared: PreparedRun | None = None
    finished: Finish | None = None
    failure: WherryError | None = None
    status = RunStatus.SUCCEEDED
    try:
        ready, before = await attended(lambda: _prepared(ends, request, meter, control), control)
        prepared = ready
        finished = before or await _carried_out(Desk(ends, ready.ticket, meter, control), ready, request, open_book)
        if finished.differences:
            status, failure = RunStatus.FAILED, VerificationFailed(difference_message(finished.differences))
    except Stopped as stopped:
        status = stopped.status
    except WherryError as error:
        status, failure = RunStatus.FAILED, error
    if prepared is not None and finished is None:
        await _settle(ends, request.run_id, meter)
    await meter.report()
    return run_report(status, meter, ends.source.consistency, prepared, finished, failure)


async def _carried_out(desk: Desk, prepared: PreparedRun, request: RunRequest, open_book: OpenBook | None) -> Finish:
    """Copy all rows, complete the target, and compare."""
    await copy_tables(desk, prepared, request.options)
    return await attended(lambda: finish(desk, prepared, request.options, open_book), desk.control)


async def _prepared(
    ends: Ends, request: RunRequest, meter: Meter, control: Control
) -> tuple[PreparedRun, Finish | None]:
    """Prepare a run; one that turns out to be complete already comes with its comparison."""
    try:
        return await prepare(ends, request, meter, control), None
    except TargetNotEmpty:
        complete = await completed_before(ends, request, meter, control)
        if complete is None:
            raise
        return complete


async def _settle(ends: Ends, run_id: str, meter: Meter) -> None:
    """Count a run that ends early by the target's ledger; if it is out of reach, by what it has acknowledged."""
    try:
        async with asyncio.timeout(SETTLE_MAX_S):
            held = await receipts_so_far(ends.target, run_id)
    except (WherryError, TimeoutError):
        return
    if held is not None:
        meter.settle(held)
