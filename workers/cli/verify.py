"""`wherry verify`: whether two databases hold the same rows."""

from __future__ import annotations

import os
import time
from typing import Annotated

import typer

from domain.kernel.errors import ErrorCode
from domain.migrations.plan import RunOptions, VerifyLevel
from domain.migrations.report import Failure
from workers.cli.options import (
    AsJson,
    Exclude,
    Include,
    MapFile,
    OnMisfit,
    SourceUrl,
    TargetUrl,
    patterns,
    read_mappings,
    read_rules,
)
from workers.cli.output import EXIT_FAILED, EXIT_USAGE, failures_reported, plain, print_json, say
from workers.cli.session import route_between, run_until_interrupted
from workers.engine.compare import compare
from workers.engine.report import difference_message
from workers.engine.verify import Verdict


def verify(  # noqa: PLR0913 - every option of the command is a parameter
    source_url: SourceUrl,
    target_url: TargetUrl,
    *,
    include: Include = "",
    exclude: Exclude = "",
    map_file: MapFile = None,
    on_misfit: OnMisfit = [],  # noqa: B006 - typer wants a list, and nothing changes it
    level: Annotated[
        VerifyLevel, typer.Option(metavar="counts|digest", case_sensitive=False, help="How closely to look.")
    ] = VerifyLevel.DIGEST,
    as_json: AsJson = False,
) -> None:
    """Compare two databases table by table, by fingerprints that each computes itself; nothing is written.

    With the rules of a migration for values that the target cannot keep, the source is compared as
    these leave it; rows that a rule rejects are left out.

    Exits with 0 only if every table of the source is in the target with equal rows.
    """
    with failures_reported(as_json=as_json, code=EXIT_USAGE):
        route = route_between(source_url, target_url)
        options = RunOptions(
            include=patterns(include),
            exclude=patterns(exclude),
            mappings=read_mappings(map_file),
            parallel=min(4, os.cpu_count() or 1),
            verify=level,
            on_misfit=read_rules(on_misfit),
        )
    if level is VerifyLevel.NONE:
        raise typer.BadParameter("compare by counts or by digest")
    started = time.monotonic()
    with failures_reported(as_json=as_json):
        verdicts = run_until_interrupted(lambda control: compare(route, options, control))
    _print_verdicts(verdicts, time.monotonic() - started, as_json=as_json)


def _print_verdicts(verdicts: tuple[Verdict, ...], seconds: float, *, as_json: bool) -> None:
    """Print what was found and exit with 1 if something differs."""
    differences = [verdict for verdict in verdicts if not verdict.equal]
    message = difference_message(differences) if differences else ""
    if as_json:
        document: dict[str, object] = {
            "status": "FAILED" if differences else "SUCCEEDED",
            "tables": [
                {
                    "name": verdict.table,
                    "rows_source": verdict.rows_source,
                    "rows_target": verdict.rows_target,
                    "verified": verdict.equal,
                    "difference": verdict.difference,
                }
                for verdict in verdicts
            ],
            "seconds": round(seconds, 3),
        }
        if differences:
            document["error"] = plain(Failure(ErrorCode.VERIFICATION_FAILED, message))
        print_json(document)
    else:
        for verdict in verdicts:
            typer.echo(f"{verdict.table}: {verdict.difference or f'equal, {verdict.rows_source:,} rows'}")
    if differences:
        say(f"wherry: {ErrorCode.VERIFICATION_FAILED.value}: {message}")
        raise typer.Exit(EXIT_FAILED)
