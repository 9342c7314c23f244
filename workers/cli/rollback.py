"""`wherry rollback`, `wherry runs` and `wherry forget`: what a target remembers of runs, and taking them back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from domain.kernel.errors import Conflict, NotFound
from domain.migrations.rollback import RollbackGuarantee, RollbackLevel, RollbackOptions, RollbackReport
from domain.migrations.runs import RunRecord
from domain.migrations.transfer import Target
from infra.connectors.registry import connector_for
from workers.cli.options import AsJson, TargetUrl
from workers.cli.output import failures_reported, plain, print_json
from workers.cli.session import endpoint_there, run_until_interrupted
from workers.engine.control import ControlSwitch
from workers.engine.ends import open_target
from workers.engine.rollback import RollbackPlan, plan_rollback, roll_back
from workers.engine.uses import guarantee

T = TypeVar("T")

NOTHING_LEFT = (
    "A rollback that came to its end leaves nothing, so if this command was given before, it has done its work. "
    "A run whose tables are still there was forgotten: they are as any others now, to be dropped by hand."
)
"""Nobody can tell the two apart, nor a run that never was; a success would be wrong for two of the three."""

RunId = Annotated[str, typer.Option("--run", metavar="ID", help="Which run; needed if the target remembers several.")]
Acknowledge = Annotated[
    bool,
    typer.Option(
        "--acknowledge-writes",
        help="Go on although rows were written since the end of the run; a copy of those tables is kept.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and change nothing.")]


def rollback(
    target_url: TargetUrl,
    *,
    run: RunId = "",
    acknowledge_writes: Acknowledge = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Put a target back as it was before a run, finished or not.

    What the run made is dropped, rows it added are removed, and rows it replaced are brought back.
    The same command again goes on with a rollback that was interrupted.
    """
    options = RollbackOptions(acknowledge_writes_since_cutover=acknowledge_writes)

    async def work(target: Target, control: ControlSwitch) -> RollbackPlan | RollbackReport:
        run_id = await _chosen(target, run)
        if dry_run:
            return await plan_rollback(target, run_id)
        return await roll_back(target, run_id, options, control)

    with failures_reported(as_json=as_json):
        done = _on_target(target_url, work)
    if isinstance(done, RollbackPlan):
        print_json(_plan_document(done)) if as_json else _print_plan(done)
    else:
        print_json({"status": "ROLLED_BACK", **plain(done)}) if as_json else _print_report(done)


def runs(target_url: TargetUrl, *, as_json: AsJson = False) -> None:
    """List the runs that a target remembers, in the order in which they began."""

    async def work(target: Target, control: ControlSwitch) -> list[dict[str, object]]:
        del control
        return [await _run_document(target, record) for record in await target.runs()]

    with failures_reported(as_json=as_json):
        found = _on_target(target_url, work)
    if as_json:
        print_json({"runs": found})
        return
    for item in found:
        typer.echo("  ".join(str(item[name]) for name in ("run_id", "state", "begun_at", "rollback")))
    if not found:
        typer.echo("no runs")


def forget(target_url: TargetUrl, *, run: RunId = "", as_json: AsJson = False) -> None:
    """Drop what a target keeps for the rollback of a run; it cannot be taken back any more."""

    async def work(target: Target, control: ControlSwitch) -> str:
        del control
        run_id = await _chosen(target, run)
        await target.forget_run(run_id)
        return run_id

    with failures_reported(as_json=as_json):
        run_id = _on_target(target_url, work)
    print_json({"status": "FORGOTTEN", "run_id": run_id}) if as_json else typer.echo(f"forgotten: run {run_id}")


def _on_target(target_url: str, work: Callable[[Target, ControlSwitch], Awaitable[T]]) -> T:
    endpoint = endpoint_there(target_url)

    async def on_target(control: ControlSwitch) -> T:
        async with open_target(connector_for(endpoint.engine), endpoint) as target:
            return await work(target, control)

    return run_until_interrupted(on_target)


async def _chosen(target: Target, run_id: str) -> str:
    """Return the run that is meant.

    Of several, none is meant unless it is named: a command that is given again, because nobody saw how it ended,
    would mean another one than before.

    Raises:
        NotFound: the target remembers no run, or not this one.
        Conflict: it remembers several.
    """
    known = [record.run_id for record in await target.runs()]
    if not known:
        await target.forget_run(run_id)  # an empty ledger may have been left behind by a rollback that was killed
    if not known or (run_id and run_id not in known):
        named, others = f" {run_id}" if run_id else "", " `wherry runs` lists those that it does." if known else ""
        raise NotFound(f"the target remembers no run{named}.{others} {NOTHING_LEFT}")
    if not run_id and len(known) > 1:
        raise Conflict(f"the target remembers {len(known)} runs: say with --run which is meant: {', '.join(known)}")
    return run_id or known[0]


async def _run_document(target: Target, record: RunRecord) -> dict[str, object]:
    promised = guarantee(await target.undo.uses(record.run_id))
    if target.undo.reason_against:
        promised = RollbackGuarantee(RollbackLevel.NONE, target.undo.reason_against)
    return {
        "run_id": record.run_id,
        "state": record.state.value,
        "begun_at": record.begun_at.isoformat(timespec="seconds"),
        "rollback": promised.level.value,
        "reason": promised.reason,
    }


def _plan_document(plan: RollbackPlan) -> dict[str, object]:
    return {
        "status": "PLANNED",
        "run_id": plan.record.run_id,
        "dropped": list(plan.dropped),
        "statements": [statement for step in plan.steps for statement in step.statements],
        "tables": [{"table": str(use.name), "mode": use.mode.value, "rows_before": use.rows} for use in plan.uses],
        "written_since": [str(table) for table in plan.written],
    }


def _print_plan(plan: RollbackPlan) -> None:
    for step in plan.steps:
        for statement in step.statements:
            typer.echo(f"{statement};")
    for use in plan.uses:
        typer.echo(f"-- {use.name} ({use.mode.value.lower()}) gets back its {use.rows:,} rows")
    for table in plan.written:
        typer.echo(f"-- {table} was written to since; this needs --acknowledge-writes, and a copy is kept")


def _print_report(report: RollbackReport) -> None:
    for name in report.dropped:
        typer.echo(f"dropped {name}")
    for table in report.tables:
        changed = f", {table.changed:,} changed by others and left alone" if table.changed else ""
        typer.echo(f"{table.table}: {table.removed:,} rows removed, {table.restored:,} brought back{changed}")
    for name in report.kept_aside:
        typer.echo(f"kept a copy: {name}")
    typer.echo(f"rolled back: run {report.run_id}")
