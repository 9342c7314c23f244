"""The two databases of a migration: in memory, slow, and failing for reasons that pass and reasons that do not."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable

from domain.catalog.model import DatabaseSchema, TableName
from domain.connections.values import Endpoint, Engine
from domain.kernel.errors import DatabaseError, SnapshotLost
from domain.migrations.digests import Digest, DigestColumn
from domain.migrations.misfits import Treatments
from domain.migrations.schema_plan import Step
from domain.migrations.transfer import Batch, Chunk, ChunkReceipt, Refusals, Source, TableCopy, Target, Ticket
from tests.crash.simulation.chance import Chance
from tests.support.catalog import a_table, an_index
from tests.support.memory import Faults, MemoryConnector, MemoryDatabase, MemorySource, MemoryTarget, Row
from workers.engine.ends import Route

TABLES_MAX = 2
ROWS_MAX = 16

SLOW_MAX_S = 9.0
"""Longer than it takes until a frozen worker is missed and another has its work."""


class SlowSource(MemorySource):
    """A source that takes its time."""

    def __init__(self, database: MemoryDatabase, chance: Chance) -> None:
        super().__init__(database, readers=1)
        self._chance = chance

    async def introspect(self) -> DatabaseSchema:
        await self._chance.travel()
        return await super().introspect()

    async def split(self, copy: TableCopy, rows_max: int) -> tuple[Chunk, ...]:
        await self._chance.travel()
        return await super().split(copy, rows_max)

    async def read(self, copy: TableCopy, chunk: Chunk) -> AsyncIterator[Batch]:
        async for batch in super().read(copy, chunk):
            await self._chance.travel()
            if self._chance.happens("snapshot lost"):
                self._database.history += self._chance.dice.choice((0, 1))
                raise SnapshotLost("The session has ended, and the source's snapshot is lost with it.")
            yield batch
        if self._chance.happens("source slow"):
            await asyncio.sleep(self._chance.dice.choice((1, SLOW_MAX_S)) * self._chance.dice.random())

    async def digest(self, table: TableName, columns: tuple[DigestColumn, ...], treatments: Treatments = ()) -> Digest:
        await self._chance.travel()
        return await super().digest(table, columns, treatments)


class SlowTarget(MemoryTarget):
    """A target that takes its time, before and after what it does."""

    def __init__(self, database: MemoryDatabase, chance: Chance, wrote: Callable[[Ticket], None]) -> None:
        super().__init__(database)
        self._chance, self._wrote = chance, wrote

    async def open_run(self, run_id: str, plan_hash: str) -> Ticket:
        await self._chance.travel()
        ticket = await super().open_run(run_id, plan_hash)
        self._wrote(ticket)
        await self._chance.travel()
        return ticket

    async def receipts(self, run_id: str) -> tuple[ChunkReceipt, ...]:
        await self._chance.travel()
        return await super().receipts(run_id)

    async def execute(self, step: Step, ticket: Ticket) -> None:
        await self._chance.travel()
        await super().execute(step, ticket)
        await self._chance.travel()

    async def write(
        self,
        copy: TableCopy,
        chunk: Chunk,
        batches: AsyncIterator[Batch],
        ticket: Ticket,
        refusals: Refusals | None = None,
    ) -> ChunkReceipt:
        await self._chance.travel()
        before = len(self._database.rows.get(copy.target, ()))
        receipt = await super().write(copy, chunk, batches, ticket, refusals)
        if len(self._database.rows.get(copy.target, ())) > before:
            self._wrote(ticket)
        await self._chance.step("frozen after a chunk")
        await self._chance.travel()
        return receipt

    async def _collect(
        self, copy: TableCopy, chunk: Chunk, batches: AsyncIterator[Batch]
    ) -> tuple[ChunkReceipt, list[Row]]:
        collected = await super()._collect(copy, chunk, batches)
        await self._chance.step("frozen before a chunk")
        return collected

    async def digest(self, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        await self._chance.travel()
        return await super().digest(table, columns)

    async def close_run(self, run_id: str, seal: str = "") -> None:
        await self._chance.travel()
        await super().close_run(run_id, seal)
        await self._chance.travel()


class SlowConnector(MemoryConnector):
    """Opens sessions on one of the databases."""

    def __init__(
        self, database: MemoryDatabase, chance: Chance, wrote: Callable[[Ticket], None] = lambda _: None
    ) -> None:
        super().__init__(database)
        self._chance, self._wrote = chance, wrote

    async def open_source(self, endpoint: Endpoint, *, readers: int) -> Source:
        await self._chance.travel()
        return SlowSource(self.database, self._chance)

    async def open_target(self, endpoint: Endpoint, *, writers: int) -> Target:
        await self._chance.travel()
        return SlowTarget(self.database, self._chance, self._wrote)


class Pair:
    """A source with rows, and an empty target."""

    def __init__(self, chance: Chance, taken_over: Callable[[], None]) -> None:
        self._chance, self._taken_over = chance, taken_over
        self.source, self.target = MemoryDatabase(), MemoryDatabase()
        self.stale: list[str] = []
        """Effects of a ticket after those of a later one."""
        self._epochs: dict[str, int] = {}
        for number in range(chance.dice.randint(1, TABLES_MAX)):
            rows: list[Row] = [(row, f"row {row} of {number}") for row in range(chance.dice.randint(0, ROWS_MAX))]
            indexes = (an_index(f"by_text_{number}", "text"),) if chance.happens("index") else ()
            self.source.add(a_table(f"table_{number}", "text", indexes=indexes), rows)
        self._rows = {name: tuple(rows) for name, rows in self.source.rows.items()}
        self.source.faults, self.target.faults = Faults(self._of_source), Faults(self._of_target)

    def route(self) -> Route:
        """Return the way from the one to the other."""
        return Route(
            SlowConnector(self.source, self._chance),
            Endpoint(Engine.SQLITE, path="source"),
            SlowConnector(self.target, self._chance, self.wrote),
            Endpoint(Engine.SQLITE, path="target"),
        )

    def wrote(self, ticket: Ticket) -> None:
        """Note under which ticket something was committed."""
        last = self._epochs.get(ticket.run_id, 0)
        if ticket.epoch < last:
            self.stale.append(f"something was written under ticket {ticket.epoch} after ticket {last}")
        if ticket.epoch > last:
            self._epochs[ticket.run_id] = ticket.epoch
            self._taken_over()

    def duplicates(self) -> list[str]:
        """Name the tables in which a row is more than once."""
        return [str(name) for name, rows in self.target.rows.items() if len(set(rows)) != len(rows)]

    def strangers(self) -> list[str]:
        """Name the tables that hold a row that the source does not have."""
        return [str(name) for name, rows in self.target.rows.items() if set(rows) - set(self.source.rows[name])]

    def written(self) -> dict[int, int]:
        """Return how many rows the ledger of the target says there are, by the number of their table."""
        counts: Counter[int] = Counter()
        for run in self.target.runs.values():
            for receipt in run.receipts.values():
                counts[receipt.table_number] += receipt.rows_written
        return dict(counts)

    def unaccounted(self) -> list[str]:
        """Hold the ledger to the rows that are there."""
        noted = {f"table_{number}": count for number, count in self.written().items() if count}
        there = {name.name: len(rows) for name, rows in self.target.rows.items() if rows}
        return [] if noted == there else [f"the ledger says {noted}, and there are {there}"]

    def is_exact(self) -> bool:
        """Tell whether the target holds just the rows of the source."""
        return {name: sorted(rows) for name, rows in self.source.rows.items()} == {
            name: sorted(rows) for name, rows in self.target.rows.items()
        }

    def is_source_untouched(self) -> bool:
        """Tell whether the source holds what it held at the beginning."""
        return {name: tuple(rows) for name, rows in self.source.rows.items()} == self._rows

    def _of_source(self, site: str, _visit: int) -> DatabaseError | None:
        if self._chance.happens("source broken"):
            return DatabaseError(f"the source is broken at {site}")
        return DatabaseError("the source is away", transient=True) if self._chance.happens("source away") else None

    def _of_target(self, site: str, _visit: int) -> DatabaseError | None:
        if self._chance.happens("target broken"):
            return DatabaseError(f"the target is broken at {site}")
        return DatabaseError("the target is away", transient=True) if self._chance.happens("target away") else None
