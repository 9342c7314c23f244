"""Whether a run that stood still may go on: the target still holds it, and the source still fits its plan."""

from __future__ import annotations

from domain.kernel.errors import Conflict, SchemaDrift
from domain.migrations.plan import MigrationPlan, RunOptions
from workers.engine.ends import Ends
from workers.engine.plan import plan_migration

_NAMED_MAX = 5


async def check_known(ends: Ends, run_id: str) -> None:
    """Refuse to go on with a run that the target knows nothing of.

    Raises:
        Conflict: it does not hold the run: it is another database, or was put back to an earlier state.
        DatabaseError: it failed.
    """
    if not await ends.target.knows_run(run_id):
        raise Conflict(
            "The target holds no ledger of this migration any more: it is another database than before, or was put "
            "back to an earlier state. Start a new migration."
        )


async def check_plan(ends: Ends, options: RunOptions, plan: MigrationPlan) -> None:
    """Refuse to go on with a plan that is no longer what the same wish would give now.

    Raises:
        SchemaDrift: the source's schema has changed since the plan was made.
        DatabaseError: one of the databases failed.
    """
    route = ends.route
    present = await plan_migration(
        ends.source, route.source_connector, options, route.target_connector, route.target_endpoint
    )
    if present.plan_hash == plan.schema_hash:
        return
    raise SchemaDrift(
        f"The source's schema is not what it was when the migration was planned{_changed(plan, present)}. "
        "Undo the change and resume again, or roll back and start a new migration."
    )


def _changed(plan: MigrationPlan, present: MigrationPlan) -> str:
    """Name the tables that differ, if it is in tables."""
    before = {str(copy.source): (copy.columns, copy.key) for copy in plan.tables}
    now = {str(copy.source): (copy.columns, copy.key) for copy in present.tables}
    names = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    if not names:
        return ""
    more = f" and {len(names) - _NAMED_MAX} more" if len(names) > _NAMED_MAX else ""
    return f": see {', '.join(names[:_NAMED_MAX])}{more}"
