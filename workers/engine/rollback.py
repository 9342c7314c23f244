"""Taking a run back: the target is put as it was before, step by step, however often that is interrupted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

from domain.catalog.model import TableName
from domain.kernel.codec import from_json, to_json
from domain.kernel.errors import Conflict, NotFound
from domain.kernel.failpoints import failpoint
from domain.migrations.rollback import (
    RollbackLevel,
    RollbackOptions,
    RollbackReport,
    RollbackSink,
    RollbackState,
    TableUndone,
    TableUse,
    UndoStep,
    UseMode,
)
from domain.migrations.runs import RunRecord, RunState, Ticket
from domain.migrations.schema_plan import ObjectKind
from domain.migrations.transfer import Target
from workers.engine.control import Control, check
from workers.engine.report import object_name
from workers.engine.seal import written_since
from workers.engine.uses import guarantee

_GOES_WITH_ITS_TABLE = frozenset({ObjectKind.PRIMARY_KEY, ObjectKind.INDEX, ObjectKind.CHECK})


@dataclass(frozen=True)
class _Aside:
    """What a rollback notes as it begins: tables of which a copy is kept; whether the run begins again afterwards."""

    tables: tuple[TableName, ...] = ()
    begins_again: bool = False


@dataclass(frozen=True)
class RollbackPlan:
    """What a rollback will do: statements of the steps, last first; then tables; `written` were written to since.

    `begins_again` says that the run itself wants it, so as to begin anew.
    """

    record: RunRecord
    steps: tuple[UndoStep, ...]
    uses: tuple[TableUse, ...]
    written: tuple[TableName, ...]
    drop_created: bool = True
    begins_again: bool = False

    @property
    def mark(self) -> str:
        """What no other run is known by, even if it has the same id."""
        return f"{self.record.run_id} {self.record.begun_at.isoformat()}"

    @property
    def acts_total(self) -> int:
        """How many acts it takes, the first of which is to begin."""
        replaced = sum(use.mode is UseMode.REPLACED for use in self.uses)
        return 1 + len(self.written) + len(self.steps_left) + len(self.uses) + replaced

    @property
    def steps_left(self) -> tuple[UndoStep, ...]:
        """The steps that are taken back; none if what the run has made is to stay."""
        return self.steps if self.drop_created else ()

    @cached_property
    def dropped(self) -> tuple[str, ...]:
        """The objects that the run has made and that are there: kind and name."""
        return tuple(object_name(step.object) for step in self.steps if step.statements)


async def plan_rollback(target: Target, run_id: str) -> RollbackPlan:
    """Find out what a rollback of a run will do. Nothing is changed.

    Raises:
        NotFound: the target remembers no such run.
        Conflict: the run cannot be taken back, or a later one must be first.
        DatabaseError: the target failed.
    """
    records = await target.runs()
    record = next((known for known in records if known.run_id == run_id), None)
    if record is None:
        raise NotFound(f"the target remembers no run {run_id}; `wherry runs` lists those it does")
    if target.undo.reason_against:
        raise Conflict(f"run {run_id} cannot be rolled back: {target.undo.reason_against}")
    uses = await target.undo.uses(run_id)
    promised = guarantee(uses)
    if promised.level is RollbackLevel.NONE:
        raise Conflict(f"run {run_id} cannot be rolled back: {promised.reason}")
    steps = await target.undo.steps(run_id)
    await _refuse_overtaken(target, records, record, _tables(steps, uses))
    own = {step.object.name for step in steps if step.object.kind is ObjectKind.TABLE}
    left = tuple(replace(step, statements=()) if _goes_with(step, own) else step for step in reversed(steps))
    if record.state is RunState.UNDOING:
        written = _aside(record.seal).tables
    else:
        written = await written_since(target, record.seal)
    return RollbackPlan(record, left, uses, written)


async def allowed_rollback(target: Target, run_id: str, options: RollbackOptions) -> RollbackPlan:
    """Find out what a rollback of a run will do, and make sure that it may be done. Nothing is changed.

    Raises:
        NotFound: the target remembers no such run.
        Conflict: the run cannot be taken back, or others have written since and nobody has acknowledged that.
        DatabaseError: the target failed.
    """
    plan = await plan_rollback(target, run_id)
    begun = plan.record.state is RunState.UNDOING
    if plan.written and not (begun or options.acknowledge_writes_since_cutover):
        names = ", ".join(map(str, plan.written))
        raise Conflict(
            f"tables were written to since the end of run {run_id}: {names}. Acknowledge these writes to go on "
            "(acknowledgeWritesSinceCutover, --acknowledge-writes); a copy of the tables is kept"
        )
    return replace(plan, drop_created=options.drop_created)


async def roll_back(target: Target, run_id: str, options: RollbackOptions, control: Control) -> RollbackReport:
    """Take a run back, as `allowed_rollback` and `carry_out` do one after the other.

    Raises:
        NotFound: the target remembers no such run.
        Conflict: the run cannot be taken back, or others have written since and nobody has acknowledged that.
        Stopped: the owner asked for an end; the rest can be done later.
        DatabaseError: an object cannot be dropped, or the target failed.
    """
    return await carry_out(target, await allowed_rollback(target, run_id, options), control, Unheard())


async def carry_out(target: Target, plan: RollbackPlan, control: Control, sink: RollbackSink) -> RollbackReport:
    """Drop what a run made, last first, then put the rows of tables that were there as they were.

    Re-entrant: every act is noted with its effect, and a rollback that was interrupted goes on.

    Raises:
        Fenced: another worker goes on with this rollback.
        Stopped: the owner asked for an end; the rest can be done later.
        DatabaseError: an object cannot be dropped, or the target failed.
    """
    run_id, told = plan.record.run_id, _Teller(plan, sink)
    await told.nothing_yet()
    ticket = await target.undo.begin(run_id, json.dumps(to_json(_Aside(plan.written, plan.begins_again))))
    await told.done()
    for table in plan.written:
        told.kept.append(await target.undo.set_aside(plan.mark, table, ticket))
        await told.done()
    for step in plan.steps_left:
        await check(control)
        await target.undo.take_back(step, ticket)
        if step.statements:
            told.dropped.append(object_name(step.object))
        await told.done()
    await _put_rows_back(target, plan.uses, ticket, control, told)
    await target.forget_run(run_id)
    failpoint("undo.forgotten")
    return told.report


async def is_untouched(target: Target, run_id: str) -> bool:
    """Whether a run stands in the target as if nobody had ever asked for its rollback.

    Raises:
        DatabaseError: the ledger could not be read.
    """
    return any(each.run_id == run_id and each.state is not RunState.UNDOING for each in await target.runs())


async def is_beginning_again(target: Target, run_id: str) -> bool:
    """Whether a run has begun to take itself back, and was interrupted.

    Raises:
        DatabaseError: the ledger could not be read.
    """
    undoing = (each for each in await target.runs() if each.run_id == run_id and each.state is RunState.UNDOING)
    return any(_aside(record.seal).begins_again for record in undoing)


class Unheard:
    """Nobody wants to know how far a rollback has come."""

    async def report(self, state: RollbackState) -> None:
        """Take no note."""


@dataclass
class _Teller:
    """Adds up what a rollback has done, and tells it act by act."""

    plan: RollbackPlan
    sink: RollbackSink
    acts_done: int = 0
    dropped: list[str] = field(default_factory=list)
    tables: list[TableUndone] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    @property
    def report(self) -> RollbackReport:
        """What was done so far."""
        return RollbackReport(self.plan.record.run_id, tuple(self.dropped), tuple(self.tables), tuple(self.kept))

    async def nothing_yet(self) -> None:
        """Tell that the rollback is about to begin."""
        await self._tell()

    async def done(self) -> None:
        """Tell that one more act is done."""
        failpoint("undo.acted")
        self.acts_done += 1
        await self._tell()
        failpoint("undo.told")

    async def _tell(self) -> None:
        state = RollbackState(self.acts_done, self.plan.acts_total, self.report, self.plan.dropped)
        await self.sink.report(state)


async def _put_rows_back(
    target: Target, uses: tuple[TableUse, ...], ticket: Ticket, control: Control, told: _Teller
) -> None:
    """Remove the run's rows, those that refer to others first, and bring the old ones back in the other direction."""
    for use in uses:
        await check(control)
        told.tables.append(await target.undo.remove_rows(use, ticket))
        await told.done()
    for use in reversed(uses):
        if use.mode is UseMode.REPLACED:
            await check(control)
            await target.undo.restore_rows(use, ticket)
            await told.done()


def _goes_with(step: UndoStep, own: Iterable[str]) -> bool:
    return step.object.kind in _GOES_WITH_ITS_TABLE and step.object.table in own


def _tables(steps: Iterable[UndoStep], uses: Iterable[TableUse]) -> set[str]:
    made = {step.object.name.casefold() for step in steps if step.object.kind is ObjectKind.TABLE}
    return made | {use.name.name.casefold() for use in uses}


async def _refuse_overtaken(
    target: Target, records: tuple[RunRecord, ...], record: RunRecord, tables: set[str]
) -> None:
    """Refuse while a later run has its hands on the same tables.

    Raises:
        Conflict: there is one.
    """
    if record.state is RunState.UNDOING:
        return
    for later in records[records.index(record) + 1 :]:
        theirs = _tables(await target.undo.steps(later.run_id), await target.undo.uses(later.run_id))
        if shared := tables & theirs:
            raise Conflict(
                f"run {later.run_id} came later and used {', '.join(sorted(shared)[:3])} too; roll that one back first"
            )


def _aside(seal: str) -> _Aside:
    return from_json(_Aside, json.loads(seal)) if seal else _Aside()
