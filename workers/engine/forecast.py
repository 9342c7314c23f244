"""What a rollback of a run would do, found out before the run is begun."""

from __future__ import annotations

from dataclasses import replace

from domain.kernel.values import Rows
from domain.migrations.plan import MigrationPlan, RunOptions
from domain.migrations.rollback import RollbackGuarantee, RollbackLevel
from domain.migrations.transfer import Target
from workers.engine.ends import Route, open_source, open_target
from workers.engine.existing import existing_tables, made_by_others, refuse_filled
from workers.engine.plan import plan_migration
from workers.engine.uses import intended_use, table_by_table


async def forecast(route: Route, options: RunOptions, *, is_target_there: bool = True) -> RollbackGuarantee:
    """Say what a rollback of a run would do to each table, by a look at both databases. Nothing is changed.

    Raises:
        TargetNotEmpty: target tables hold rows, and the policy is to leave them alone.
        Conflict: a target table cannot take the rows.
        DatabaseError: one of the databases failed.
    """
    route.check()
    async with open_source(route.source_connector, route.source_endpoint, readers=1) as source:
        plan = await plan_migration(
            source, route.source_connector, options, route.target_connector, route.target_endpoint
        )
    if not is_target_there:
        return table_by_table(plan, ())
    async with open_target(route.target_connector, route.target_endpoint) as target:
        return await _looked_at(target, plan)


async def _looked_at(target: Target, plan: MigrationPlan) -> RollbackGuarantee:
    catalog = await target.introspect()
    counts = await target.row_counts(existing_tables(plan, catalog))
    refuse_filled(plan, counts)
    others = made_by_others(plan, catalog, frozenset())
    uses = tuple(
        intended_use(copy, others[copy.source], counts.get(copy.target, Rows(0)), plan.on_existing, 0)
        for copy in plan.tables
        if copy.source in others
    )
    found = table_by_table(plan, uses)
    if target.undo.reason_against:
        tables = tuple(replace(table, level=RollbackLevel.NONE) for table in found.tables)
        return RollbackGuarantee(RollbackLevel.NONE, target.undo.reason_against, tables)
    return found
