"""Running the statements that build the target's schema, each once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby, islice

from domain.catalog.model import DatabaseSchema
from domain.kernel.errors import DatabaseError, ErrorCode, Fenced
from domain.kernel.failpoints import failpoint
from domain.migrations.pausing import REMEDIES
from domain.migrations.schema_plan import Outcome, Parity, Phase, SchemaPlan, Step
from workers.engine.concurrency import each
from workers.engine.control import check
from workers.engine.pipeline import Desk
from workers.engine.remaining import steps_left

JOINED_MAX = 64
"""Most steps in one statement; a table has no more indexes than that in any engine that joins them."""


async def run_phase(
    desk: Desk, plan: SchemaPlan, phase: Phase, catalog: DatabaseSchema, *, parallel: int = 1
) -> tuple[Parity, ...]:
    """Run a phase's steps that are not done yet, of `parallel` tables at once, the largest first.

    Those of one table run in order; then those that may share their table, each by itself.

    Re-entrant: the ledger knows what is done. Returns a line for each optional step that was refused.

    Raises:
        Stopped: the owner asked for a pause or an end; the next start goes on from here.
        Fenced: the run's ticket is void.
        DatabaseError: a statement failed.
    """
    done = await desk.ends.target.steps_done(desk.ticket.run_id)
    route = desk.ends.route
    default = route.target_endpoint.schema or route.target_connector.capabilities.default_schema
    left = steps_left(plan, phase, done, catalog, default)
    rounds = _rounds(plan, left) if parallel > 1 else [[list(left)]]

    async def run_group(group: list[Step]) -> list[Parity]:
        return [line for steps in together(group) for line in await _run_together(desk, steps)]

    lines: list[Parity] = []
    for groups in rounds:
        lines += [line for made in await each(groups, run_group, at_once=parallel) for line in made]
    return tuple(lines)


def together(steps: Iterable[Step]) -> list[tuple[Step, ...]]:
    """Return the steps in groups that may run as one statement each; most are alone."""
    groups = (tuple(group) for _, group in groupby(steps, key=lambda step: step.head or step.number))
    return [part for group in groups for part in _batched(group, JOINED_MAX)]


def _batched(steps: tuple[Step, ...], size: int) -> Iterator[tuple[Step, ...]]:
    """Cut steps into parts of a size."""
    left = iter(steps)
    while part := tuple(islice(left, size)):
        yield part


def joined(steps: tuple[Step, ...]) -> Step:
    """Return one step that does several: what they begin with, and their rests parted by commas."""
    first, *others = steps
    rests = ", ".join(step.sql.removeprefix(step.head) for step in steps)
    return replace(first, sql=first.head + rests, also=tuple(step.number for step in others))


async def _run_together(desk: Desk, steps: tuple[Step, ...]) -> list[Parity]:
    """Run steps as one statement; if that fails, one by one, to know which of them it was."""
    if len(steps) > 1:
        await check(desk.control)
        try:
            failpoint("step.begins")
            await desk.ends.target.execute(joined(steps), desk.ticket)
            failpoint("step.done")
        except Fenced:
            raise
        except DatabaseError as error:
            if error.transient:
                raise
        else:
            return []
    return [line for step in steps if (line := await _run_step(desk, step)) is not None]


async def _run_step(desk: Desk, step: Step) -> Parity | None:
    await check(desk.control)
    try:
        failpoint("step.begins")
        await desk.ends.target.execute(step, desk.ticket)
        failpoint("step.done")
    except Fenced:
        raise
    except DatabaseError as error:
        if step.optional and _is_refusal(error):
            return Parity(step.object, Outcome.SKIPPED, error.message)
        raise
    return None


def _is_refusal(error: DatabaseError) -> bool:
    """Tell whether a step will never be done by this user; otherwise something holds it up that can be lifted."""
    return error.code is ErrorCode.PRIVILEGE_MISSING or error.code not in REMEDIES


def _rounds(plan: SchemaPlan, steps: Iterable[Step]) -> list[list[list[Step]]]:
    """Return the steps in two rounds of groups: those that want their table alone, by table, then the others."""
    sizes = {str(table.name): table.size_bytes for table in plan.tables}
    sizes |= {table.name.name: table.size_bytes for table in plan.tables}
    largest_first = sorted(steps, key=lambda step: -sizes.get(step.object.table, 0))
    alone: dict[str, list[Step]] = {}
    for step in largest_first:
        if not step.shared:
            alone.setdefault(step.object.table or step.object.name, []).append(step)
    return [list(alone.values()), [[step] for step in largest_first if step.shared]]
