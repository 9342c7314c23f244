"""`wherry replay-rejects`: rows that were left out are loaded after all."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from domain.migrations.misfits import MisfitRule
from infra.connectors.registry import connector_for
from workers.cli.options import AsJson, OnMisfit, TargetUrl, read_rules
from workers.cli.output import EXIT_FAILED, EXIT_USAGE, failures_reported, print_json
from workers.cli.rejects import read_rejects, write_rejects
from workers.cli.session import endpoint_there, run_until_interrupted
from workers.engine.patience import PatientTarget
from workers.engine.replay import RejectedTable, Replay, ReplayedTable


def replay_rejects(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="The file of rejected rows.")
    ],
    target_url: TargetUrl,
    *,
    on_misfit: OnMisfit = [],  # noqa: B006 - typer wants a list, and nothing changes it
    as_json: AsJson = False,
) -> None:
    """Load the rows of a file of rejected rows once they, or the target, have been mended.

    What is loaded leaves the file; what still has no place stays in it with the reason. Exits with 0
    only if no row is left.
    """
    with failures_reported(as_json=as_json, code=EXIT_USAGE):
        rules, tables = read_rules(on_misfit), read_rejects(file)
    with failures_reported(as_json=as_json):
        replayed = run_until_interrupted(lambda _: _replay(file, target_url, tables, rules))
    left = sum(len(table.left) for table in replayed)
    if as_json:
        print_json(_document(replayed))
    else:
        _print(replayed, file)
    if left:
        raise typer.Exit(EXIT_FAILED)


async def _replay(
    file: Path, target_url: str, tables: tuple[RejectedTable, ...], rules: tuple[MisfitRule, ...]
) -> tuple[ReplayedTable, ...]:
    endpoint = endpoint_there(target_url)
    connector = connector_for(endpoint.engine)
    target = PatientTarget(await connector.open_target(endpoint, writers=1))
    try:
        replay = Replay(target, connector, rules)
        replayed = await replay.load(tables)
        # The file is written before the ledger forgets: whatever happens in between, no row is loaded twice.
        write_rejects(file, tuple(table.remaining for table in replayed))
        await replay.close(tables)
        return replayed
    finally:
        await target.close()


def _document(replayed: tuple[ReplayedTable, ...]) -> dict[str, object]:
    return {
        "status": "SUCCEEDED" if not any(table.left for table in replayed) else "INCOMPLETE",
        "tables": [
            {"name": str(table.table.copy.source), "rows_loaded": table.loaded, "rows_left": len(table.left)}
            for table in replayed
        ],
    }


def _print(replayed: tuple[ReplayedTable, ...], file: Path) -> None:
    for table in replayed:
        typer.echo(f"{table.table.copy.source}: {table.loaded:,} rows loaded, {len(table.left):,} left in {file}")
        for reason in sorted({f"{row.column}: {row.reason}" if row.column else row.reason for row in table.left}):
            typer.echo(f"  {reason}")
