"""The whole story of a run in one process, on one screen."""

from __future__ import annotations

from dataclasses import dataclass, replace

from domain.kernel.errors import SnapshotLost, TargetNotEmpty, ValueRejected, VerificationFailed, WherryError
from domain.migrations.moments import Moment
from domain.migrations.pausing import pause_after
from domain.migrations.plan import RunOptions, VerifyLevel
from domain.migrations.progress import ProgressSink, RunStatus
from domain.migrations.report import Failure, RunReport
from workers.engine.complete import completed_before
from workers.engine.control import Control, Stopped, attended
from workers.engine.early import early_digests
from workers.engine.ends import Ends
from workers.engine.finish import Finish, OpenBook, finish
from workers.engine.hashing import CarriedRows
from workers.engine.lanes import copy_tables
from workers.engine.pipeline import Desk
from workers.engine.prepare import PreparedRun, RunRequest, prepare
from workers.engine.progress import Meter
from workers.engine.report import difference_message, run_report
from workers.engine.settle import Unasked, held_by_target, receipts_so_far
from workers.engine.snapshots import begin_reading, choose_snapshot, note_lost, take_back_unseen


async def run(
    ends: Ends, request: RunRequest, sink: ProgressSink, control: Control, open_book: OpenBook | None = None
) -> RunReport:
    """Carry a run through, or as far as it comes, and report.

    Expected failures do not raise: the report's status and `error` tell, and `pause` if all is ready and
    somebody has to lift what holds it up. Whatever the end, the target's ledger knows what is done, and
    the same request goes on from there. Rejected rows go to the book that is opened for them; without
    one they stay in the ledger.
    """
    story = _Story(ends, request, Meter(request.run_id, sink), control, open_book)
    status = RunStatus.SUCCEEDED
    failure: WherryError | None = None
    pause: Failure | None = None
    try:
        pause = await story.told()
        if pause is not None:
            status = RunStatus.PAUSED
        elif story.finished is not None and story.finished.differences:
            status, failure = RunStatus.FAILED, VerificationFailed(difference_message(story.finished.differences))
    except Stopped as stopped:
        status = stopped.status
    except WherryError as error:
        if story.prepared is not None:
            has_copied = story.meter.progress().rows_written > 0
            pause = pause_after(Failure(error.code, error.message), has_copied=has_copied)
        status, failure = (RunStatus.PAUSED, None) if pause else (RunStatus.FAILED, error)
    warnings: tuple[str, ...] = ()
    if story.prepared is not None and story.finished is None:
        warnings = await _settle(ends, request.run_id, story.meter)
    await story.meter.report()
    moments = story.moments or (ends.source.moment,)
    report = run_report(status, story.meter, ends.source.consistency, story.prepared, story.finished, failure, moments)
    return replace(report, pause=pause, warnings=(*report.warnings, *warnings))


@dataclass
class _Story:
    """A run, and what has become of it so far."""

    ends: Ends
    request: RunRequest
    meter: Meter
    control: Control
    open_book: OpenBook | None
    prepared: PreparedRun | None = None
    moments: tuple[Moment, ...] = ()
    finished: Finish | None = None

    async def told(self) -> Failure | None:
        """Carry the run through; return why it has paused by itself, if it has."""
        try:
            await self._carried_out_or_seen()
        except SnapshotLost as lost:
            return await note_lost(self.ends, self.request.run_id, lost)
        return None

    async def _carried_out_or_seen(self) -> None:
        """Carry the run through; if the target refuses a value that nobody had looked for, as if it had not begun."""
        try:
            await self._carried_out()
        except ValueRejected:
            if not await take_back_unseen(self.ends.target, self.request.run_id, self.control):
                raise
            self.prepared, self.moments, self.request = None, (), replace(self.request, unseen=False)
            self.meter.follow((), ())
            await self._carried_out()

    async def _carried_out(self) -> None:
        """Prepare, copy all rows, complete the target, and compare."""
        ends, request, control = self.ends, self.request, self.control
        await choose_snapshot(ends, request, control)
        prepared, self.finished = await attended(self._ready, control)
        self.prepared = prepared
        if self.finished is not None:
            return
        self.moments = await begin_reading(ends, request.run_id)
        carried = _carried_rows(ends, prepared, request.options)
        desk = Desk(ends, prepared.ticket, self.meter, control, rejects=request.options.reject_limit, carried=carried)
        async with early_digests(ends.source, prepared, request.options, desk.hashing) as source:
            await copy_tables(desk, prepared, request.options)
            source.begin()
            self.finished = await attended(
                lambda: finish(desk, prepared, request.options, self.open_book, source), control
            )

    async def _ready(self) -> tuple[PreparedRun, Finish | None]:
        """Prepare a run; one that turns out to be complete already comes with its comparison."""
        try:
            return await prepare(self.ends, self.request, self.meter, self.control), None
        except TargetNotEmpty:
            complete = await completed_before(self.ends, self.request, self.meter, self.control)
            if complete is None:
                raise
            return complete


def _carried_rows(ends: Ends, prepared: PreparedRun, options: RunOptions) -> CarriedRows | None:
    """Return what adds up the rows on their way, if that helps: rows of an earlier attempt have passed already."""
    hashing = ends.route.hashing
    if not hashing.is_carried or prepared.resumed or options.verify is not VerifyLevel.DIGEST:
        return None
    filled = {baseline.table_number for baseline in prepared.baselines}
    return CarriedRows(hashing, [copy.number for copy in prepared.plan.tables if copy.number not in filled])


async def _settle(ends: Ends, run_id: str, meter: Meter) -> tuple[str, ...]:
    """Count a run that ends early by the target's ledger; if it is out of reach, by what it has acknowledged.

    Returns a warning in that case.
    """
    try:
        held = await held_by_target(lambda: receipts_so_far(ends.target, run_id))
    except Unasked as unasked:
        return (str(unasked),)
    if held is not None:
        meter.settle(held)
    return ()
