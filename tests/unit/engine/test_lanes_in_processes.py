"""A run spread over worker processes, as its building blocks allow: each act with sessions of its own."""

from __future__ import annotations

import asyncio
import json
from collections import deque

import pytest

from domain.catalog.model import TableName
from domain.kernel.codec import from_json, to_json
from domain.kernel.errors import Fenced, WherryError
from domain.migrations.plan import RunOptions
from domain.migrations.runs import RunState
from domain.migrations.transfer import Chunk, ChunkReceipt
from tests.support.memory import MemoryDatabase
from tests.support.runs import Watcher, memory_route
from tests.unit.engine.test_run import ACTORS, FILMS, a_shop
from workers.engine.control import ControlSwitch
from workers.engine.cuts import Cuts
from workers.engine.ends import open_ends
from workers.engine.finish import Finish, finish
from workers.engine.pipeline import Desk, copy_chunk
from workers.engine.prepare import PreparedRun, RunRequest, prepare
from workers.engine.progress import Meter
from workers.engine.schedule import work_lane

OPTIONS = RunOptions(parallel=2)
REQUEST = RunRequest("run", OPTIONS)


class SharedQueue:
    """Chunks in a place that all workers reach. A claim that its worker does not complete is offered again."""

    def __init__(self, chunks: list[Chunk]) -> None:
        self.waiting = deque(chunks)
        self.claimed: dict[tuple[int, int], Chunk] = {}

    async def claim(self) -> Chunk | None:
        if not self.waiting:
            return None
        chunk = self.waiting.popleft()
        self.claimed[chunk.table_number, chunk.number] = chunk
        return chunk

    async def complete(self, receipt: ChunkReceipt) -> None:
        del self.claimed[receipt.table_number, receipt.chunk_number]

    async def release(self, chunk: Chunk) -> None:
        self.waiting.append(self.claimed.pop((chunk.table_number, chunk.number)))

    async def fail(self, chunk: Chunk, error: WherryError) -> None:
        await self.release(chunk)


async def first_act(source: MemoryDatabase, target: MemoryDatabase) -> tuple[str, list[Chunk]]:
    """Prepare, and return what is stored for the others: the run as JSON, and the chunks."""
    async with open_ends(memory_route(source, target), parallel=1) as ends:
        prepared = await prepare(ends, REQUEST, Meter("run", Watcher()), ControlSwitch())
        receipts = await ends.target.receipts("run")
        cuts = Cuts(ends.source, ends.target, "run", 3, ends.route.target_connector.capabilities)
        chunks = [chunk for copy in prepared.plan.tables for chunk in await cuts.left(copy, receipts)]
    return json.dumps(to_json(prepared)), chunks


async def lane(source: MemoryDatabase, target: MemoryDatabase, stored: str, queue: SharedQueue) -> None:
    prepared = from_json(PreparedRun, json.loads(stored))
    async with open_ends(memory_route(source, target), parallel=1) as ends:
        meter = Meter("run", Watcher())
        meter.follow(prepared.plan.tables, ())
        desk = Desk(ends, prepared.ticket, meter, ControlSwitch())
        await work_lane(
            queue, lambda chunk: copy_chunk(desk, prepared.plan.tables[chunk.table_number], chunk), ControlSwitch()
        )


async def last_act(source: MemoryDatabase, target: MemoryDatabase, stored: str) -> Finish:
    prepared = from_json(PreparedRun, json.loads(stored))
    async with open_ends(memory_route(source, target), parallel=1) as ends:
        meter = Meter("run", Watcher())
        meter.follow(prepared.plan.tables, await ends.target.receipts("run"))
        return await finish(Desk(ends, prepared.ticket, meter, ControlSwitch()), prepared, OPTIONS)


async def test_three_acts_in_different_processes_bring_everything_over() -> None:
    source, target = a_shop(), MemoryDatabase()

    stored, chunks = await first_act(source, target)
    queue = SharedQueue(chunks)
    await asyncio.gather(*(lane(source, target, stored, queue) for _ in range(3)))
    finished = await last_act(source, target, stored)

    assert (len(queue.waiting), queue.claimed) == (0, {})
    assert finished.differences == ()
    assert sorted(target.rows[TableName("film")]) == FILMS
    assert sorted(target.rows[TableName("actor")]) == ACTORS
    assert [run.state for run in target.runs.values()] == [RunState.CLOSED]


async def test_a_chunk_that_two_workers_copy_arrives_once() -> None:
    source, target = a_shop(), MemoryDatabase()

    stored, chunks = await first_act(source, target)
    await lane(source, target, stored, SharedQueue([*chunks, *chunks]))

    assert sorted(target.rows[TableName("actor")]) == ACTORS


async def test_a_worker_of_an_older_epoch_writes_nothing_more() -> None:
    source, target = a_shop(), MemoryDatabase()
    stored, chunks = await first_act(source, target)
    await first_act(source, target)

    with pytest.raises(Fenced):
        await lane(source, target, stored, SharedQueue(chunks))
    with pytest.raises(Fenced):
        await last_act(source, target, stored)
    assert target.rows[TableName("film")] == []
