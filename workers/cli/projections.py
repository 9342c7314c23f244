"""`wherry projections rebuild`: the read tables anew, from the events."""

from __future__ import annotations

import asyncio

import typer

from workers.cli.output import failures_reported

projections = typer.Typer(help="Look after the tables that queries read.", no_args_is_help=True)


@projections.callback()
def _group() -> None:
    """Look after the tables that queries read."""


@projections.command()
def rebuild() -> None:
    """Empty the read tables and play all events again, in one transaction; readers see the old ones until then."""
    from infra.db.projections.rebuild import rebuild_at
    from infra.embedded.stack import open_servers
    from infra.settings import read_settings

    with failures_reported(as_json=False), open_servers(read_settings()) as servers:
        played = asyncio.run(rebuild_at(servers.database_url))
        typer.echo(f"Played {played:,} events.")
