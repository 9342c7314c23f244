"""Comparing two databases without copying anything."""

from __future__ import annotations

from dataclasses import replace

from domain.catalog.mixed import MIXED
from domain.catalog.model import Column, DatabaseSchema
from domain.kernel.errors import Conflict, ObjectMissing
from domain.kernel.values import Rows
from domain.migrations.plan import MigrationPlan, RunOptions
from domain.migrations.progress import TablePhase
from domain.migrations.transfer import TableCopy
from workers.engine.control import Control
from workers.engine.ends import Route, open_source
from workers.engine.examine import Examiner
from workers.engine.existing import find_table, fitted
from workers.engine.plan import Basis, make_plan
from workers.engine.verify import Sides, Verdict, verify_tables


async def compare(route: Route, options: RunOptions, control: Control) -> tuple[Verdict, ...]:
    """Return a verdict on each table of the source that the options let in; both ends are only read.

    Raises:
        ConnectFailed: no session could be opened on one of them.
        ObjectMissing: the options name a table or column that the source does not have.
        Stopped: the owner asked for a pause or an end.
        DatabaseError: one of the databases failed.
    """
    async with (
        open_source(route.source_connector, route.source_endpoint, readers=options.parallel) as source,
        open_source(route.target_connector, route.target_endpoint, readers=options.parallel) as target,
    ):
        schema, catalog = _by_meaning(await source.introspect()), await target.introspect()
        plan = make_plan(
            schema, options, {}, route.source_connector.capabilities, route.target_connector, route.target_endpoint
        )
        if options.on_misfit:
            plan = await Examiner(source, route, options).examined(Basis(schema, {}))
        copies, verdicts = _comparable(plan, schema, catalog, options)
        sides = Sides(source, target, route.hashing.of_ends)
        verdicts += await verify_tables(
            sides, copies, options.verify, (), control, _unwatched, parallel=options.parallel
        )
        return tuple(sorted(verdicts, key=lambda verdict: verdict.table_number))


def _by_meaning(schema: DatabaseSchema) -> DatabaseSchema:
    """Return a schema whose values count by what they mean, as nobody says that one end was copied from the other.

    Where a column has values of several classes, their class is part of what they mean.
    """

    def meant(column: Column) -> Column:
        return column if column.stored in (None, MIXED) else replace(column, stored=None)

    tables = [replace(table, columns=tuple(map(meant, table.columns))) for table in schema.tables]
    return replace(schema, tables=tuple(tables))


def _comparable(
    plan: MigrationPlan, schema: DatabaseSchema, catalog: DatabaseSchema, options: RunOptions
) -> tuple[list[TableCopy], list[Verdict]]:
    """Return the tables that can be compared, and the verdict on those that cannot."""
    copies: list[TableCopy] = []
    verdicts: list[Verdict] = []
    for copy in plan.tables:
        table = find_table(catalog, copy.target)
        reason = f"the target has no table {copy.target}"
        if table is not None:
            try:
                copies.append(fitted(copy, table, schema.table(copy.source)))
                continue
            except (ObjectMissing, Conflict) as error:
                reason = error.message
        verdicts.append(Verdict(copy.number, str(copy.source), options.verify, copy.row_estimate, Rows(0), reason))
    return copies, verdicts


async def _unwatched(_number: int, _phase: TablePhase) -> None:
    """Nobody follows a comparison table by table."""
