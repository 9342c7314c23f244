"""`wherry migrate`: a whole database from one place to another."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from domain.kernel.errors import ErrorCode
from domain.migrations.plan import RunOptions
from domain.migrations.progress import RunStatus
from domain.migrations.report import RunReport
from workers.cli.display import LineDisplay, seconds_text
from workers.cli.ending import EXIT_STOPPED
from workers.cli.options import (
    PARALLEL,
    AsJson,
    ChunkRows,
    DryRun,
    Exclude,
    Existing,
    Include,
    LostSnapshot,
    MapFile,
    OnMisfit,
    Parallel,
    RejectLimitText,
    RejectsFile,
    Restart,
    SourceUrl,
    TargetUrl,
    Verify,
    patterns,
    read_mappings,
    read_reject_limit,
    read_rules,
)
from workers.cli.output import (
    EXIT_FAILED,
    EXIT_USAGE,
    failures_reported,
    is_terminal,
    plain,
    print_json,
    say,
)
from workers.cli.rejects import RejectFile, default_path
from workers.cli.session import route_between, run_id, run_until_interrupted, run_until_it_rests
from workers.engine.control import ControlSwitch, attended
from workers.engine.early import early_readers
from workers.engine.ends import Route, open_ends
from workers.engine.prepare import RunRequest
from workers.engine.run import run

if TYPE_CHECKING:
    from workers.cli.live import LiveDisplay

_DEFAULTS = RunOptions()


def migrate(  # noqa: PLR0913 - every option of the command is a parameter
    source_url: SourceUrl,
    target_url: TargetUrl,
    *,
    include: Include = "",
    exclude: Exclude = "",
    map_file: MapFile = None,
    parallel: Parallel = PARALLEL,
    chunk_rows: ChunkRows = _DEFAULTS.chunk_rows,
    verify: Verify = _DEFAULTS.verify,
    on_existing: Existing = _DEFAULTS.on_existing,
    on_misfit: OnMisfit = [],  # noqa: B006 - typer wants a list, and nothing changes it
    reject_limit: RejectLimitText = "",
    rejects: RejectsFile = None,
    restart: Restart = False,
    on_lost_snapshot: LostSnapshot = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Copy a whole database: tables, rows, keys, indexes, views; then compare source and target.

    The same command again resumes an interrupted run. Exits with 0 only if everything was copied and compared
    equal, with 130 if it has paused: on request, or by itself until somebody makes room, grants a right and so on.
    """
    with failures_reported(as_json=as_json, code=EXIT_USAGE):
        route = route_between(source_url, target_url)
        options = RunOptions(
            include=patterns(include),
            exclude=patterns(exclude),
            mappings=read_mappings(map_file),
            parallel=parallel,
            chunk_rows=chunk_rows,
            verify=verify,
            on_existing=on_existing,
            on_misfit=read_rules(on_misfit),
            reject_limit=read_reject_limit(reject_limit),
        )
    if dry_run:
        _show_plan(route, options, as_json=as_json)
        return
    with failures_reported(as_json=as_json):
        request = RunRequest(run_id(route, options), options, restart, on_lost_snapshot, unseen=True)
        path = rejects or default_path(request.run_id)
        report = run_until_it_rests(lambda control: _run(route, request, control, path))
    if any(table.rows_rejected for table in report.tables) and path.exists():
        say(f"wherry: rejected rows are in {path}; mend them or the target, then wherry replay-rejects loads them")
    _print_report(report, as_json=as_json)


def _show_plan(route: Route, options: RunOptions, *, as_json: bool) -> None:
    """Print what would be done. A reader that goes away meanwhile (`| head`) is no failure of ours."""
    from workers.cli.planning import plan_document, planned, print_plan

    with failures_reported(as_json=as_json):
        plan = run_until_interrupted(lambda _: planned(route, options))
    print_json(plan_document(plan)) if as_json else print_plan(plan)


async def _run(route: Route, request: RunRequest, control: ControlSwitch, rejects: Path) -> RunReport:
    readers = early_readers(request.options)
    async with AsyncExitStack() as stack:
        opening = open_ends(route, parallel=request.options.parallel, readers=readers)
        ends = await attended(lambda: stack.enter_async_context(opening), control)
        with _display() as display:
            return await run(ends, request, display, control, partial(RejectFile, rejects))


def _display() -> LiveDisplay | LineDisplay:
    """Return what shows the progress to whoever is there."""
    if not is_terminal():
        return LineDisplay()
    from workers.cli.live import LiveDisplay

    return LiveDisplay()


def _print_report(report: RunReport, *, as_json: bool) -> None:
    """Print the report and exit with the code that its status stands for."""
    if as_json:
        document = plain(report)
        for name in ("error", "pause"):
            if document[name] is None:
                del document[name]
        print_json(document)
    else:
        _print_summary(report)
    if report.error is not None:
        say(f"wherry: {report.error.code.value}: {report.error.message}")
        say(_advice(report))
        raise typer.Exit(EXIT_FAILED)
    if report.pause is not None:
        say(f"wherry: paused: {report.pause.code.value}: {report.pause.message}")
        is_lost = report.pause.code is ErrorCode.SNAPSHOT_LOST
        choice = " with --on-lost-snapshot restart, or --on-lost-snapshot continue" if is_lost else ""
        say(f"wherry: what is copied is kept; to resume, give the same command again{choice}")
        raise typer.Exit(EXIT_STOPPED)
    if report.status is not RunStatus.SUCCEEDED:
        say("wherry: paused; what is copied is kept, and the same command goes on from here")
        raise typer.Exit(EXIT_STOPPED)


def _print_summary(report: RunReport) -> None:
    width = max((len(table.name) for table in report.tables), default=0)
    for table in report.tables:
        verified = {True: "verified", False: "DIFFERENT", None: "not compared"}[table.verified]
        rejected = f", {table.rows_rejected:,} rejected" if table.rows_rejected else ""
        typer.echo(f"{table.name:<{width}}  {table.rows_written:>12,} rows{rejected}  {verified}")
    for heading, notes in (("replaced", report.objects.replaced), ("skipped", report.objects.skipped)):
        for note in notes:
            typer.echo(f"{heading} {note.name}: {note.reason}")
    for warning in report.warnings:
        typer.echo(f"warning: {warning}")
    for number, moment in enumerate(report.snapshots, start=1):
        proof = ", ".join(f"{mark.name} {mark.value}" for mark in moment.marks)
        typer.echo(f"snapshot {number} of {len(report.snapshots)}, taken at {moment.taken_at}: {proof}")
    rows = sum(table.rows_written for table in report.tables)
    typer.echo(
        f"{report.status.value.lower()}: {len(report.tables)} tables, {rows:,} rows in "
        f"{seconds_text(report.seconds)} ({report.rows_per_second:,.0f} rows/s), "
        f"consistent per {report.consistency.value.lower()}"
    )


def _advice(report: RunReport) -> str:
    """Say what a person may do about a failed run."""
    match report.error and report.error.code:
        case ErrorCode.VALUE_REJECTED if not any(table.rows_read for table in report.tables):
            return "wherry: say what becomes of them: --on-misfit WHAT=POLICY, or --reject-limit N to leave rows out"
        case ErrorCode.TARGET_NOT_EMPTY:
            return "wherry: choose --on-existing truncate or --on-existing append; nothing was changed"
        case ErrorCode.CONFLICT | ErrorCode.SCHEMA_DRIFT | ErrorCode.VERIFICATION_FAILED:
            return "wherry: --restart --on-existing truncate copies everything afresh"
        case _ if any(table.rows_written for table in report.tables):
            return "wherry: what was copied is kept; the same command goes on from there"
        case _:
            return "wherry: no rows were copied; once this is mended, give the same command again"
