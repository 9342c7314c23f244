"""An empty database of one engine, and the few moves that the contract's tests make on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pyarrow as pa

from domain.catalog.model import Column, DatabaseSchema, Table, TableName
from domain.catalog.types import LogicalType, carrier
from domain.connections.values import Endpoint, Engine
from domain.migrations.canonical import Carried
from domain.migrations.digests import DigestColumn
from domain.migrations.schema_plan import Phase, SchemaPlan
from domain.migrations.transfer import (
    Batch,
    Chunk,
    ColumnCopy,
    Connector,
    Source,
    TableCopy,
    Target,
    Ticket,
    WholeTable,
)
from infra.connectors.arrow import ARROW_TYPES, arrow_schema
from infra.connectors.broken_texts import values_of

Row = tuple[Carried, ...]


@dataclass
class Lab:
    """An empty database and its connector."""

    engine: Engine
    endpoint: Endpoint
    connector: Connector
    numbers: list[int] = field(default_factory=list)

    @property
    def other(self) -> Engine:
        """An engine whose SQL the wanted schemas of a test are written in."""
        return Engine.MYSQL if self.engine is Engine.POSTGRESQL else Engine.POSTGRESQL

    @asynccontextmanager
    async def target(self, *, writers: int = 1) -> AsyncIterator[Target]:
        target = await self.connector.open_target(self.endpoint, writers=writers)
        try:
            yield target
        finally:
            await target.close()

    @asynccontextmanager
    async def source(self, *, readers: int = 1) -> AsyncIterator[Source]:
        source = await self.connector.open_source(self.endpoint, readers=readers)
        try:
            yield source
        finally:
            await source.close()

    def wanted(self, *tables: Table, engine: Engine | None = None) -> DatabaseSchema:
        return DatabaseSchema(engine or self.other, "1", tables)

    async def build(self, wanted: DatabaseSchema, *phases: Phase) -> SchemaPlan:
        """Run the steps of a plan, all of them unless phases are named."""
        plan = self.connector.plan_schema(wanted, self.endpoint)
        async with self.target() as target:
            ticket = await target.open_run("build", "build")
            await run_steps(target, plan, ticket, *phases)
            await target.forget_run("build")
        return plan

    async def make(self, table: Table, rows: Sequence[Row] = ()) -> TableCopy:
        """Make a table and fill it; return the copy that was made for it."""
        plan = self.connector.plan_schema(self.wanted(table), self.endpoint)
        copy = copy_of(table, plan.tables[0])
        async with self.target() as target:
            ticket = await target.open_run("make", "make")
            await run_steps(target, plan, ticket, Phase.BEFORE_DATA)
            await target.write(copy, whole(copy), batches(copy, rows), ticket)
            await run_steps(target, plan, ticket, Phase.INDEXES, Phase.FOREIGN_KEYS, Phase.FINISH)
            await target.forget_run("make")
        return copy

    async def found(self, name: TableName | str) -> Table:
        """Describe a table as a source."""
        async with self.source() as source:
            return table_named(await source.introspect(), str(name))

    async def rows(self, name: TableName | str) -> list[Row]:
        """Read a whole table as a source, in the types that a look at it finds."""
        async with self.source() as source:
            table = table_named(await source.introspect(), str(name))
            copy = copy_of(table, table)
            return await read_rows(source, copy, whole(copy))


def table_named(schema: DatabaseSchema, name: str) -> Table:
    """Find a table by its bare name."""
    return next(table for table in schema.tables if table.name.name == name.rpartition(".")[2])


async def run_steps(target: Target, plan: SchemaPlan, ticket: Ticket, *phases: Phase) -> None:
    """Run the steps of some phases, or of all."""
    for step in plan.steps:
        if not phases or step.phase in phases:
            await target.execute(step, ticket)


def a_column(name: str, type_: LogicalType, *, nullable: bool = True) -> Column:
    """A column of a wanted schema."""
    return Column(name, type_, "", nullable=nullable)


def copy_of(source: Table, target: Table, number: int = 0) -> TableCopy:
    """The copy of one table into another, column by column, without the computed ones."""
    columns = tuple(
        ColumnCopy(here.name, there.name, here.type, here.native, there.native)
        for here, there in zip(source.columns, target.columns, strict=True)
        if there.generated is None
    )
    key = source.primary_key.columns if source.primary_key else ()
    return TableCopy(number, source.name, target.name, columns, key)


def reading(copy: TableCopy, found: Table) -> TableCopy:
    """Turn a copy into a table around: read what it wrote, in the types found there."""
    columns = []
    for column in copy.columns:
        there = found.column(column.target)
        assert there is not None
        columns.append(ColumnCopy(there.name, there.name, there.type, there.native, there.native))
    return replace(
        copy, source=found.name, columns=tuple(columns), key=found.primary_key.columns if found.primary_key else ()
    )


def whole(copy: TableCopy, number: int = 0) -> Chunk:
    """All rows of a table as one chunk."""
    return Chunk(copy.number, number, WholeTable())


def to_batch(copy: TableCopy, rows: Sequence[Row]) -> Batch:
    """Some rows as an Arrow batch."""
    arrays = [
        pa.array([row[place] for row in rows], ARROW_TYPES[carrier(column.type)])
        for place, column in enumerate(copy.columns)
    ]
    batch = pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(copy))
    return Batch(len(rows), batch.nbytes, batch)


async def batches(copy: TableCopy, rows: Sequence[Row], rows_max: int = 1_000) -> AsyncIterator[Batch]:
    """Rows as a source gives them."""
    for start in range(0, len(rows), rows_max):
        yield to_batch(copy, rows[start : start + rows_max])


async def read_rows(source: Source, copy: TableCopy, *chunks: Chunk) -> list[Row]:
    """Read chunks and return their rows."""
    rows: list[Row] = []
    for chunk in chunks:
        async for batch in source.read(copy, chunk):
            assert isinstance(batch.payload, pa.RecordBatch)
            assert batch.payload.schema == arrow_schema(copy)
            assert batch.rows == batch.payload.num_rows
            rows.extend(zip(*(values_of(column) for column in batch.payload.columns), strict=True))
    return rows


def digest_columns(copy: TableCopy) -> tuple[DigestColumn, ...]:
    """The columns of a copy as the target's digest sees them."""
    return tuple(DigestColumn(column.target, column.target_native, column.type) for column in copy.columns)
