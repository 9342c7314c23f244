"""The third act of a run: indexes, keys, next values, and the proof."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from domain.catalog.model import DatabaseSchema
from domain.kernel.failpoints import failpoint
from domain.migrations.plan import RunOptions, VerifyLevel
from domain.migrations.progress import RunPhase
from domain.migrations.rejects import RejectBook
from domain.migrations.schema_plan import Parity, Phase, SchemaPlan
from workers.engine.pipeline import Desk
from workers.engine.prepare import PreparedRun
from workers.engine.refusals import Refused, SourceWithoutRefused, check_limit, refused_rows
from workers.engine.rejects import keep_rejects
from workers.engine.remaining import others_decide
from workers.engine.seal import sealed
from workers.engine.steps import run_phase
from workers.engine.verify import Sides, SourceSide, Verdict, numbers_rows, verify_tables, with_next_values

_PHASES = frozenset({Phase.INDEXES, Phase.FOREIGN_KEYS, Phase.FINISH})

OpenBook = Callable[[PreparedRun], RejectBook]
"""Opens the book for the rejected rows of a run."""


@dataclass(frozen=True)
class Finish:
    """How a run ended: a verdict on each table that was compared, and the objects and rows the target refused."""

    verdicts: tuple[Verdict, ...]
    not_made: tuple[Parity, ...]
    refused: Mapping[int, Refused] = field(default_factory=dict)
    """The rows of each table, by its number."""

    @property
    def differences(self) -> tuple[Verdict, ...]:
        """The verdicts on tables that differ."""
        return tuple(verdict for verdict in self.verdicts if not verdict.equal)


async def finish(
    desk: Desk,
    prepared: PreparedRun,
    options: RunOptions,
    open_book: OpenBook | None = None,
    source: SourceSide | None = None,
) -> Finish:
    """Complete the target once all chunks are in it, and compare; equal tables end the run's ledger.

    Re-entrant: steps that are done are not done again. Differences are reported, not raised, and
    leave the ledger in place. Rejected rows are copied from there to the book, if there is one.
    `source` is what to compare with, if it is not the desk's own.

    Raises:
        Stopped: the owner asked for a pause or an end.
        Fenced: another worker has taken the run over.
        ValueRejected: more rows were rejected than may be left out.
        DatabaseError: a statement failed, or a comparison.
    """
    target, schema, run_id = desk.ends.target, prepared.plan.schema, desk.ticket.run_id
    refused = await _left_out(desk, prepared, options, open_book)
    writers = desk.ends.route.target_connector.capabilities.writers_max
    catalog = await _held(desk, schema)
    await desk.meter.enter(RunPhase.INDEXES)
    not_made = await run_phase(desk, schema, Phase.INDEXES, catalog, parallel=min(options.parallel, writers))
    await desk.meter.enter(RunPhase.FOREIGN_KEYS)
    not_made += await run_phase(desk, schema, Phase.FOREIGN_KEYS, catalog)
    await desk.meter.enter(RunPhase.FINISH)
    not_made += await run_phase(desk, schema, Phase.FINISH, catalog)
    await desk.meter.enter(RunPhase.VERIFICATION)
    without = SourceWithoutRefused(source or desk.ends.source, refused.values())
    verdicts = await verify_tables(
        Sides(without, target, desk.hashing, desk.carried),
        prepared.plan.tables,
        options.verify,
        prepared.baselines,
        desk.control,
        desk.meter.table,
        parallel=options.parallel,
    )
    if options.verify is not VerifyLevel.NONE and numbers_rows(prepared.plan):
        verdicts = with_next_values(verdicts, prepared.plan, await target.introspect())
    failpoint("finish.compared")
    finish = Finish(verdicts, not_made, refused)
    if not finish.differences:
        await target.close_run(run_id, await sealed(target, run_id, prepared.plan.tables, verdicts))
        failpoint("finish.closed")
        await desk.meter.enter(RunPhase.DONE)
    return finish


async def _held(desk: Desk, schema: SchemaPlan) -> DatabaseSchema:
    """Return what the target holds, as far as it matters for the steps that are left; mostly nothing does."""
    target = desk.ends.target
    done = await target.steps_done(desk.ticket.run_id)
    if others_decide(schema, done, _PHASES):
        return await target.introspect()
    return DatabaseSchema(desk.ends.route.target_endpoint.engine, "")


async def _left_out(
    desk: Desk, prepared: PreparedRun, options: RunOptions, open_book: OpenBook | None
) -> dict[int, Refused]:
    """Hold the rejected rows against the limit and put them into the book; return those that the target refused."""
    target, run_id, tables = desk.ends.target, desk.ticket.run_id, prepared.plan.tables
    if not await check_limit(target, run_id, options.reject_limit, tables):
        return {}
    if open_book is not None:
        await keep_rejects(target, run_id, lambda: open_book(prepared))
    return await refused_rows(target, run_id, tables)
