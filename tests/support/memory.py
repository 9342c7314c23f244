"""A database in memory that keeps the contract of connectors and fails exactly where a test says.

Every place where a process may die is a *site*: before and after each commit, at each read. A test
arms the n-th visit of any site, so that all of them can be tried one after the other.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import cast

from domain.catalog.model import DatabaseSchema, ForeignKey, Table, TableName
from domain.connections.values import Endpoint, Engine, Probe
from domain.kernel.errors import Conflict, Fenced
from domain.kernel.values import Bytes, Rows
from domain.migrations.digests import Digest, DigestColumn
from domain.migrations.limits import Limit, Value, fits
from domain.migrations.misfits import ColumnLimit, Finding, Profile, Treatment
from domain.migrations.moments import Moment, MomentMark
from domain.migrations.rejects import Place, RejectedRow
from domain.migrations.runs import RunRecord, RunState, shelved
from domain.migrations.schema_plan import ObjectKind, Outcome, Parity, Phase, SchemaObject, SchemaPlan, Step
from domain.migrations.transfer import (
    Batch,
    Capabilities,
    Chunk,
    ChunkReceipt,
    ColumnCopy,
    Consistency,
    PhysicalRange,
    Refusals,
    Source,
    TableCopy,
    Target,
    Ticket,
    WireFormat,
)
from tests.support.memory_undo import Kept, MemoryUndo

Row = tuple[object, ...]

BATCH_ROWS = 2


@dataclass(frozen=True)
class RowColumns:
    """Rows in place of column batches."""

    rows: tuple[Row, ...]

    @property
    def num_rows(self) -> int:
        return len(self.rows)

    @property
    def nbytes(self) -> int:
        return 10 * len(self.rows)


@dataclass
class _Run:
    plan_hash: str
    epoch: int
    steps: set[int] = field(default_factory=set)
    receipts: dict[tuple[int, int], ChunkReceipt] = field(default_factory=dict)
    rejected: list[RejectedRow] = field(default_factory=list)
    state: RunState = RunState.OPEN
    seal: str = ""
    kept: Kept = field(default_factory=Kept)


@dataclass
class Faults:
    """What goes wrong: `at(site)` is called at each place, and `plan` decides by site and visit number."""

    plan: Callable[[str, int], BaseException | None] = lambda _site, _visit: None
    visits: Counter[str] = field(default_factory=Counter)

    def at(self, site: str) -> None:
        self.visits[site] += 1
        failure = self.plan(site, self.visits[site])
        if failure is not None:
            raise failure


@dataclass
class MemoryDatabase:
    """Tables, rows and ledger. Sessions come and go, this stays."""

    schema: DatabaseSchema = field(default_factory=lambda: DatabaseSchema(Engine.SQLITE, "memory"))
    rows: dict[TableName, list[Row]] = field(default_factory=dict)
    runs: dict[str, _Run] = field(default_factory=dict)
    aside: dict[TableName, list[Row]] = field(default_factory=dict)
    statements: list[str] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    under_way: int = 0
    under_way_max: int = 0
    epoch_max: int = 0
    """The newest epoch of all runs that were forgotten."""
    history: int = 0
    """Where it stands in its history; a change moves it on."""

    def add(self, table: Table, rows: list[Row]) -> None:
        table = replace(table, row_estimate=Rows(len(rows)), size_bytes=Bytes(10 * len(rows)))
        self.schema = replace(self.schema, tables=(*self.schema.tables, table))
        self.rows[table.name] = rows

    def digest(self, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        names = [column.name for column in self._table(table).columns]
        places = [names.index(column.name) for column in columns]
        total = 0
        for row in self.rows[table] if places else ():
            digits = hashlib.md5(repr([row[place] for place in places]).encode()).hexdigest()
            total += int(digits[:15], 16)
        return Digest(Rows(len(self.rows[table])), total)

    def _table(self, name: TableName) -> Table:
        table = self.schema.table(name)
        assert table is not None, f"no table {name}"
        return table


class MemorySource:
    """A reading session."""

    consistency = Consistency.SNAPSHOT

    def __init__(self, database: MemoryDatabase, readers: int) -> None:
        self._database = database
        self.readers = readers
        self.moment = Moment(
            "2026-01-01T00:00:00Z", (MomentMark("history", str(database.history)),), str(database.history)
        )

    async def introspect(self) -> DatabaseSchema:
        self._database.faults.at("source introspect")
        return self._database.schema

    async def split(self, copy: TableCopy, rows_max: int) -> tuple[Chunk, ...]:
        self._database.faults.at("split")
        count = len(self._database.rows[copy.source])
        firsts = range(0, max(count, 1), rows_max)
        return tuple(
            Chunk(
                copy.number,
                number,
                PhysicalRange(first, None if first == firsts[-1] else first + rows_max),
                Rows(min(rows_max, count - first)),
            )
            for number, first in enumerate(firsts)
        )

    async def read(self, copy: TableCopy, chunk: Chunk) -> AsyncIterator[Batch]:
        names = [column.name for column in self._database.schema.tables[_number(self._database, copy.source)].columns]
        places = [names.index(column.source) for column in copy.columns]
        assert isinstance(chunk.scope, PhysicalRange)
        rows = self._database.rows[copy.source][chunk.scope.first : chunk.scope.last]
        for first in range(0, len(rows), BATCH_ROWS):
            self._database.faults.at("read")
            taken = tuple(tuple(row[place] for place in places) for row in rows[first : first + BATCH_ROWS])
            yield Batch(len(taken), 10 * len(taken), RowColumns(taken))

    async def orphans(self, table: TableName, key: ForeignKey) -> Rows:
        here = [column.name for column in self._database.schema.tables[_number(self._database, table)].columns]
        there_table = self._database.schema.tables[_number(self._database, key.references)]
        there = [column.name for column in there_table.columns]
        known = {
            tuple(row[there.index(name)] for name in key.referenced_columns)
            for row in self._database.rows[key.references]
        }
        values = [tuple(row[here.index(name)] for name in key.columns) for row in self._database.rows[table]]
        return Rows(sum(value not in known for value in values if None not in value))

    async def profile(
        self, copy: TableCopy, limits: tuple[ColumnLimit, ...], rejecting: tuple[ColumnLimit, ...]
    ) -> Profile:
        names = [column.name for column in self._database.schema.tables[_number(self._database, copy.source)].columns]
        rows = self._database.rows[copy.source]

        def beyond(on: ColumnLimit, row: Row) -> bool:
            return not fits(on.limit, cast(Value, row[names.index(on.column)]))

        counts = [(on, sum(beyond(on, row) for row in rows)) for on in limits]
        rejected = sum(any(beyond(on, row) for on in rejecting) for row in rows)
        return Profile(Rows(len(rows)), Rows(rejected), tuple(Finding(on, Rows(n)) for on, n in counts if n))

    async def digest(
        self, table: TableName, columns: tuple[DigestColumn, ...], treatments: tuple[Treatment, ...] = ()
    ) -> Digest:
        assert not treatments, "rows in memory cross without treatment"
        self._database.faults.at("source digest")
        return self._database.digest(table, columns)

    async def close(self) -> None:
        pass


class MemoryTarget:
    """A writing session. What is not committed when it dies is gone."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database
        self._undo = MemoryUndo(database, self._fenced)

    @property
    def undo(self) -> MemoryUndo:
        return self._undo

    async def introspect(self) -> DatabaseSchema:
        return self._database.schema

    async def row_counts(self, tables: tuple[TableName, ...]) -> dict[TableName, Rows]:
        known = self._database.rows
        return {name: Rows(len(known[name])) for name in tables if name in known}

    async def truncate(self, table: TableName) -> None:
        self._database.faults.at("truncate")
        self._database.rows[table] = []

    async def open_run(self, run_id: str, plan_hash: str) -> Ticket:
        self._database.faults.at("open run")
        run = self._database.runs.get(run_id)
        if run is not None and run.state is RunState.CLOSED:
            self._database.runs[shelved(run_id, run.epoch)] = self._database.runs.pop(run_id)
            run = self._database.runs[run_id] = _Run(plan_hash, run.epoch + 1)
        elif run is None:
            run = self._database.runs[run_id] = _Run(plan_hash, self._database.epoch_max + 1)
        elif run.plan_hash != plan_hash:
            raise Conflict("another plan")
        else:
            run.epoch += 1
        self._database.faults.at("run opened")
        return Ticket(run_id, run.epoch, plan_hash)

    async def knows_run(self, run_id: str) -> bool:
        run = self._database.runs.get(run_id)
        return run is not None and run.state is RunState.OPEN

    async def runs(self) -> tuple[RunRecord, ...]:
        return tuple(
            RunRecord(run_id, run.plan_hash, run.epoch, run.state, datetime.now(UTC), run.seal)
            for run_id, run in self._database.runs.items()
        )

    async def steps_done(self, run_id: str) -> frozenset[int]:
        return frozenset(self._database.runs[run_id].steps)

    async def receipts(self, run_id: str) -> tuple[ChunkReceipt, ...]:
        return tuple(self._database.runs[run_id].receipts.values())

    async def rejected(self, run_id: str, after: Place | None, rows_max: int) -> tuple[RejectedRow, ...]:
        rows = sorted(self._database.runs[run_id].rejected, key=lambda row: row.place)
        return tuple(row for row in rows if after is None or row.place > after)[:rows_max]

    async def execute(self, step: Step, ticket: Ticket) -> None:
        run = self._fenced(ticket)
        if step.number in run.steps:
            return
        self._database.faults.at("execute")
        self._database.faults.at(f"execute {step.sql}")
        if step.object.kind is ObjectKind.TABLE:
            table = _TABLES[step.sql]
            self._database.schema = replace(self._database.schema, tables=(*self._database.schema.tables, table))
            self._database.rows[table.name] = []
        self._database.statements.append(step.sql)
        run.steps.add(step.number)
        run.kept.note_step(step)
        self._database.faults.at("executed")

    async def write(
        self,
        copy: TableCopy,
        chunk: Chunk,
        batches: AsyncIterator[Batch],
        ticket: Ticket,
        refusals: Refusals | None = None,
    ) -> ChunkReceipt:
        run = self._fenced(ticket)
        known = run.receipts.get((copy.number, chunk.number))
        if known is not None:
            return known
        self._database.under_way += 1
        self._database.under_way_max = max(self._database.under_way_max, self._database.under_way)
        try:
            receipt, rows = await self._collect(copy, chunk, batches)
        finally:
            self._database.under_way -= 1
        run = self._fenced(ticket)
        self._database.faults.at("commit")
        self._database.rows[copy.target] += rows
        if copy.added_key:
            run.kept.added.setdefault(copy.number, []).extend(rows)
        run.receipts[copy.number, chunk.number] = receipt
        self._database.faults.at("committed")
        return receipt

    async def _collect(
        self, copy: TableCopy, chunk: Chunk, batches: AsyncIterator[Batch]
    ) -> tuple[ChunkReceipt, list[Row]]:
        table = next(table for table in self._database.schema.tables if table.name == copy.target)
        names = [column.target for column in copy.columns]
        rows: list[Row] = []
        async for batch in batches:
            self._database.faults.at("write")
            assert isinstance(batch.payload, RowColumns)
            for row in batch.payload.rows:
                values = dict(zip(names, row, strict=True))
                rows.append(tuple(values.get(column.name) for column in table.columns))
        count = Rows(len(rows))
        return ChunkReceipt(copy.number, chunk.number, count, count, size_bytes=Bytes(10 * count)), rows

    async def digest(self, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        return self._database.digest(table, columns)

    async def note_run(self, run_id: str, seal: str) -> None:
        run = self._database.runs.get(run_id)
        if run is not None and run.state is RunState.OPEN:
            run.seal = seal

    async def close_run(self, run_id: str, seal: str = "") -> None:
        self._database.faults.at("close run")
        run = self._database.runs.get(run_id)
        if run is not None and run.state is RunState.OPEN:
            run.state, run.seal = RunState.CLOSED, seal

    async def forget_run(self, run_id: str) -> None:
        self._database.faults.at("forget run")
        run = self._database.runs.pop(run_id, None)
        if run is not None:
            self._database.epoch_max = max(self._database.epoch_max, run.epoch)

    async def close(self) -> None:
        pass

    def _fenced(self, ticket: Ticket) -> _Run:
        run = self._database.runs.get(ticket.run_id)
        if run is None or run.epoch != ticket.epoch or run.state is RunState.CLOSED:
            raise Fenced("taken over")
        return run


_TABLES: dict[str, Table] = {}
"""What each CREATE TABLE text stands for; memory has no SQL parser."""


class MemoryConnector:
    """Opens sessions on one database in memory and plans schemas as they are."""

    def __init__(self, database: MemoryDatabase, *, enforces_foreign_keys: bool = True, writers_max: int = 4) -> None:
        self.database = database
        self.capabilities = Capabilities(
            engine=Engine.SQLITE,
            emits=frozenset({WireFormat.ARROW, WireFormat.PG_BINARY}),
            accepts=frozenset({WireFormat.ARROW, WireFormat.PG_BINARY}),
            identifier_max=63,
            transactional_ddl=True,
            enforces_foreign_keys=enforces_foreign_keys,
            inline_foreign_keys=False,
            writers_max=writers_max,
        )

    async def probe(self, endpoint: Endpoint, *, writable: bool) -> Probe:
        return Probe("memory", ())

    async def open_source(self, endpoint: Endpoint, *, readers: int) -> Source:
        return MemorySource(self.database, readers)

    async def open_target(self, endpoint: Endpoint, *, writers: int) -> Target:
        return MemoryTarget(self.database)

    def limits(self, column: ColumnCopy) -> tuple[Limit, ...]:
        return ()

    def plan_schema(self, wanted: DatabaseSchema, endpoint: Endpoint) -> SchemaPlan:
        steps: list[Step] = []
        for table in wanted.tables:
            name = table.name.name
            bare = replace(table, indexes=(), foreign_keys=(), row_estimate=Rows(0), size_bytes=Bytes(0))
            sql = f"CREATE TABLE {name} {hashlib.md5(repr(bare).encode()).hexdigest()}"
            _TABLES[sql] = bare
            steps.append(Step(len(steps), Phase.BEFORE_DATA, SchemaObject(ObjectKind.TABLE, name), sql))
        for table in wanted.tables:
            name = table.name.name
            for index in table.indexes:
                made = SchemaObject(ObjectKind.INDEX, index.name, name)
                steps.append(Step(len(steps), Phase.INDEXES, made, f"CREATE INDEX {index.name}"))
            for key in table.foreign_keys:
                made = SchemaObject(ObjectKind.FOREIGN_KEY, key.name, name)
                sql = f"ADD FOREIGN KEY {key.name} TO {key.references}"
                steps.append(Step(len(steps), Phase.FOREIGN_KEYS, made, sql, optional=True))
        parity = tuple(Parity(step.object, Outcome.CREATED) for step in steps)
        return SchemaPlan(wanted.tables, tuple(steps), parity)


def _number(database: MemoryDatabase, name: TableName) -> int:
    return [table.name for table in database.schema.tables].index(name)
