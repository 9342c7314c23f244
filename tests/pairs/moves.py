"""What the tests of pairs do over and over: fill a source, migrate, look at the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from domain.catalog.model import Table
from domain.catalog.types import Carrier, LogicalType, Text, carrier
from domain.connections.values import Endpoint
from domain.migrations.canonical import Carried, digest_rows
from domain.migrations.digests import DigestColumn
from domain.migrations.plan import RunOptions
from domain.migrations.report import RunReport
from domain.migrations.schema_plan import Phase
from infra.connectors.registry import connector_for
from tests.connectors.lab import Lab, batches, copy_of, run_steps, table_named, whole
from tests.pairs.conftest import Pair
from tests.support.postgresql import PostgresqlServer
from tests.support.runs import Watcher
from workers.engine.control import ControlSwitch
from workers.engine.ends import open_ends
from workers.engine.plan import plan_migration
from workers.engine.prepare import RunRequest
from workers.engine.run import run

Rows = Sequence[Sequence[Carried]]

STANDARD = RunOptions()


async def fill(lab: Lab, rows: Mapping[Table, Rows]) -> None:
    """Make tables, with all that hangs on them, and fill them."""
    plan = lab.connector.plan_schema(lab.wanted(*rows), lab.endpoint)
    async with lab.target() as target:
        ticket = await target.open_run("fill", "fill")
        await run_steps(target, plan, ticket, Phase.BEFORE_DATA)
        for number, (wanted, made) in enumerate(zip(rows, plan.tables, strict=True)):
            copy = copy_of(wanted, made, number)
            await target.write(copy, whole(copy), batches(copy, [tuple(row) for row in rows[wanted]]), ticket)
        await run_steps(target, plan, ticket, Phase.INDEXES, Phase.FOREIGN_KEYS, Phase.FINISH)
        await target.forget_run("fill")


async def write_later(lab: Lab, table: str, rows: Rows) -> None:
    """Write rows into a table that is there, as anybody might."""
    async with lab.target() as target:
        found = table_named(await target.introspect(), table)
        copy = copy_of(found, found)
        ticket = await target.open_run("later", "later")
        await target.write(copy, whole(copy), batches(copy, [tuple(row) for row in rows]), ticket)
        await target.forget_run("later")


async def migrate(pair: Pair, options: RunOptions = STANDARD, *, run_id: str = "run") -> RunReport:
    """Migrate in this process."""
    async with open_ends(pair.route, parallel=options.parallel) as ends:
        return await run(ends, RunRequest(run_id, options), Watcher(), ControlSwitch())


async def wrong_tables(pair: Pair, rows: Mapping[Table, Rows]) -> list[str]:
    """Name the target tables that do not hold exactly these rows, by a digest made without any database.

    Columns in which the source itself keeps another type than was wanted (a MySQL TIME as an
    interval, say) are left to the run's own verification.
    """
    wrong = []
    by_name = {table.name.name: table for table in rows}
    async with pair.source.source() as source, pair.target.source() as target:
        plan = await plan_migration(
            source, pair.source.connector, STANDARD, pair.target.connector, pair.target.endpoint
        )
        for copy in plan.tables:
            table = by_name[copy.source.name]
            kept = [
                (place, column)
                for place, (column, wanted) in enumerate(zip(copy.columns, table.columns, strict=True))
                if type(column.type) is type(wanted.type) or _is_text_of(column.type, wanted.type)
            ]
            columns = tuple(DigestColumn(column.target, column.target_native, column.type) for _, column in kept)
            held = [[row[place] for place, _ in kept] for row in rows[table]]
            if await target.digest(copy.target, columns) != digest_rows([column.type for column in columns], held):
                wrong.append(copy.target.name)
    return wrong


def _is_text_of(type_: LogicalType, wanted: LogicalType) -> bool:
    """Whether values cross as texts which are those of the type that was wanted."""
    return isinstance(type_, Text) and carrier(wanted) is Carrier.TEXT


def between(source: Endpoint, target: Endpoint) -> Pair:
    """Both ends with their connectors."""
    return Pair(*(Lab(end.engine, end, connector_for(end.engine)) for end in (source, target)))


def as_admin(server: PostgresqlServer, source: Endpoint, target: Endpoint) -> Pair:
    """Both databases as their server's administrator sees them."""
    return between(*(replace(server.admin, database=end.database) for end in (source, target)))
