"""`wherry assess`: what a migration to another engine would bring, before anything is set up."""

from __future__ import annotations

from typing import Annotated

import typer

from domain.connections.values import Endpoint
from domain.migrations.plan import RunOptions
from infra.connectors.registry import connector_for
from infra.connectors.urls import engine_named, parse_url
from workers.cli.options import AsJson, Exclude, Include, SourceUrl, patterns
from workers.cli.output import EXIT_USAGE, failures_reported, print_json
from workers.cli.planning import plan_document, planned, print_plan
from workers.cli.session import run_until_interrupted
from workers.engine.ends import Route


def assess(
    source_url: SourceUrl,
    *,
    target_engine: Annotated[
        str, typer.Option(metavar="ENGINE", help="postgresql, mysql, mariadb, sqlite, duckdb, csv or parquet.")
    ],
    include: Include = "",
    exclude: Exclude = "",
    as_json: AsJson = False,
) -> None:
    """Look at a database and say what would become of it in another engine: statements, losses, sizes."""
    with failures_reported(as_json=as_json, code=EXIT_USAGE):
        source, engine = parse_url(source_url), engine_named(target_engine)
    route = Route(connector_for(source.engine), source, connector_for(engine), Endpoint(engine))
    options = RunOptions(include=patterns(include), exclude=patterns(exclude))
    with failures_reported(as_json=as_json):
        plan = run_until_interrupted(lambda _: planned(route, options))
    print_json(plan_document(plan)) if as_json else print_plan(plan)
