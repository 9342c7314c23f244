"""A plan on paper: for `--dry-run` and `assess`."""

from __future__ import annotations

import typer

from domain.migrations.plan import MigrationPlan, RunOptions
from workers.cli.display import size_text
from workers.cli.output import plain
from workers.engine.ends import Route, open_source
from workers.engine.examine import Examiner
from workers.engine.plan import look
from workers.engine.report import objects_report
from workers.engine.uses import foreseen


async def planned(route: Route, options: RunOptions) -> MigrationPlan:
    """Plan a migration by looking at its source alone, its values too where the target keeps less.

    Raises:
        WherryError: the source cannot be read, or the options do not fit it.
    """
    async with open_source(route.source_connector, route.source_endpoint, readers=1) as source:
        basis = await look(source, route.source_connector, options, route.target_connector.capabilities)
        return await Examiner(source, route, options).examined(basis)


def plan_document(plan: MigrationPlan) -> dict[str, object]:
    """Return a plan as a JSON document."""
    return {
        "status": "PLANNED",
        "tables": [
            {
                "name": str(copy.source),
                "target": str(copy.target),
                "rows_estimate": copy.row_estimate,
                "size_bytes": copy.size_bytes,
                "format": copy.format.value,
                "columns": [
                    {
                        "source": column.source,
                        "source_type": column.source_native,
                        "target": column.target,
                        "target_type": column.target_native,
                    }
                    for column in copy.columns
                ],
            }
            for copy in plan.tables
        ],
        "objects": plain(objects_report(plan.schema.parity)),
        "statements": [step.sql for step in plan.schema.steps],
        "rows_estimate": sum(copy.row_estimate for copy in plan.tables),
        "size_bytes": sum(copy.size_bytes for copy in plan.tables),
        "misfits": [plain(misfit) for misfit in plan.misfits],
        "rows_to_reject": sum(each.rows for each in plan.rejects),
        "warnings": list(plan.warnings),
        "rollback": plain(foreseen(plan)),
    }


def print_plan(plan: MigrationPlan) -> None:
    """Print a plan for people: statements, then what changes or stays behind, then sizes."""
    for step in plan.schema.steps:
        typer.echo(f"{step.sql.rstrip(';')};")
    objects = objects_report(plan.schema.parity)
    for heading, notes in (("replaced", objects.replaced), ("skipped", objects.skipped)):
        for note in notes:
            typer.echo(f"-- {heading}: {note.name}: {note.reason}")
    for warning in plan.warnings:
        typer.echo(f"-- warning: {warning}")
    promised = foreseen(plan)
    typer.echo(f"-- rollback: {promised.level.value}: {promised.reason}")
    rows, size = sum(copy.row_estimate for copy in plan.tables), sum(copy.size_bytes for copy in plan.tables)
    typer.echo(f"-- {len(plan.tables)} tables, about {rows:,} rows, {size_text(size)}; {objects.created} objects as is")
