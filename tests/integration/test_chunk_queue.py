"""The queue of chunks in the control store: claims, leases and what becomes of chunks that fail."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import text

from domain.catalog.model import TableName
from domain.kernel.errors import Fenced
from domain.kernel.values import Bytes, Rows
from domain.migrations.assignments import PREPARE, Assignment
from domain.migrations.transfer import Chunk, ChunkReceipt, PhysicalRange, TableCopy
from infra.clock import SystemIds
from infra.db.database import Database, control_store_url
from infra.db.stores.migrations.assignments import Leases, give
from infra.db.stores.migrations.chunks import ATTEMPTS_MAX, Chunks, read_readings
from infra.db.stores.migrations.plans import Plans, StoredPlan, TableWork
from infra.db.upgrade import upgrade
from tests.support.cli import url
from tests.support.postgresql import PostgresqlServer
from workers.jobs.heart import renew

CHUNKS = 30


@pytest.fixture(scope="module")
async def store(postgresql_server: PostgresqlServer) -> AsyncIterator[Database]:
    """A control store of its own."""
    endpoint = postgresql_server.create_database()
    database = Database(control_store_url(url(endpoint)))
    await upgrade(database)
    yield database
    await database.close()
    postgresql_server.drop(endpoint)


def a_table(number: int, chunks: int) -> TableWork:
    copy = TableCopy(number, TableName(f"t{number}"), TableName(f"t{number}"), ())
    cut = tuple(Chunk(number, 7 * place, PhysicalRange(place, place + 1), Rows(10)) for place in range(chunks))
    return TableWork(copy, cut, ())


@pytest.fixture
async def prepared(store: Database) -> Assignment:
    """The assignment under which a migration of two tables was just prepared, in epoch 1."""
    assignment = Assignment(SystemIds().new(), PREPARE, epoch=0, sequence=1)
    async with store.engine.begin() as connection:
        await give(connection, assignment)
    assert await Leases(store, "holder", 30).take(assignment)
    work = (a_table(1, CHUNKS), a_table(0, 2))
    await Plans(store).save(assignment, StoredPlan(1, {"plan": True}), work)
    return assignment


def lane(store: Database, prepared: Assignment, number: int = 0, epoch: int = 1) -> Chunks:
    return Chunks(store, prepared.migration_id, f"lane-{number}", epoch)


def receipt_of(chunk: Chunk) -> ChunkReceipt:
    return ChunkReceipt(chunk.table_number, chunk.number, Rows(10), Rows(9), Rows(1), Bytes(100))


async def test_lanes_that_claim_at_the_same_time_never_get_the_same_chunk(
    store: Database, prepared: Assignment
) -> None:
    async def drain(number: int) -> list[Chunk]:
        chunks, taken = lane(store, prepared, number), []
        while (chunk := await chunks.claim()) is not None:
            taken.append(chunk)
        return taken

    lanes = await asyncio.gather(*(drain(number) for number in range(6)))

    taken = [(chunk.table_number, chunk.number) for chunks in lanes for chunk in chunks]
    assert len(taken) == len(set(taken)) == CHUNKS + 2


async def test_chunks_come_in_the_order_of_the_plan_and_as_they_were_cut(store: Database, prepared: Assignment) -> None:
    chunk = await lane(store, prepared).claim()

    assert chunk == Chunk(1, 0, PhysicalRange(0, 1), Rows(10))


async def test_a_chunk_is_counted_once_whoever_brings_the_news(store: Database, prepared: Assignment) -> None:
    chunks = lane(store, prepared)
    claimed = [await chunks.claim() for _ in range(CHUNKS + 2)]
    told = [await chunks.complete(receipt_of(chunk), "SNAPSHOT:a") for chunk in claimed if chunk]
    again = [await lane(store, prepared, 5).complete(receipt_of(chunk), "SNAPSHOT:b") for chunk in claimed if chunk]

    counted = await store.rows(
        "SELECT number, rows_read, rows_written, rows_rejected, bytes_done, chunks_left, phase "
        "FROM migration_table WHERE migration_id = :id ORDER BY number",
        id=prepared.migration_id,
    )
    assert (told.count(True), again.count(True)) == (2, 0)
    assert [list(row.values()) for row in counted] == [
        [0, 20, 18, 2, 200, 0, "COPIED"],
        [1, 10 * CHUNKS, 9 * CHUNKS, CHUNKS, 100 * CHUNKS, 0, "COPIED"],
    ]
    assert (await chunks.left()).open == 0
    assert await read_readings(store, prepared.migration_id) == ("SNAPSHOT:a",)


async def test_a_new_ticket_voids_every_claim_and_every_older_lane(store: Database, prepared: Assignment) -> None:
    old = lane(store, prepared)
    claimed = await old.claim()

    await Plans(store).save(prepared, StoredPlan(2, {"plan": True}))

    assert await old.claim() is None
    new = lane(store, prepared, epoch=2)
    assert await new.claim() == claimed
    assert (await old.left()).open == CHUNKS + 2


async def test_of_workers_that_take_one_assignment_at_the_same_moment_one_has_it(store: Database) -> None:
    for _ in range(50):
        assignment = Assignment(SystemIds().new(), PREPARE, epoch=0, sequence=1)
        async with store.engine.begin() as connection:
            await give(connection, assignment)
        takers = [Leases(store, f"worker {number}", 30) for number in range(2)]

        taken = await asyncio.gather(*(leases.take(assignment) for leases in takers))

        assert sorted(taken) == [False, True]


async def test_only_the_worker_that_holds_the_assignment_changes_the_plan(
    store: Database, prepared: Assignment
) -> None:
    await Leases(store, "holder", 30).finish(prepared)

    with pytest.raises(Fenced):
        await Plans(store).save(prepared, StoredPlan(2, {"plan": True}))


async def test_a_chunk_that_is_given_back_has_lost_no_attempt(store: Database, prepared: Assignment) -> None:
    chunks = lane(store, prepared)
    for _ in range(2 * ATTEMPTS_MAX):
        chunk = await chunks.claim()
        assert chunk is not None
        await chunks.release(chunk)

    assert (await chunks.left()).dead == 0


async def test_a_chunk_that_is_given_up_is_dead_with_its_reason(store: Database, prepared: Assignment) -> None:
    chunks = lane(store, prepared)
    chunk = await chunks.claim()
    assert chunk is not None
    await chunks.fail(chunk, "row 7 is refused")

    left = await chunks.left()
    assert (left.open, left.dead, left.error) == (CHUNKS + 1, 1, "row 7 is refused")


async def test_a_chunk_whose_workers_die_again_and_again_is_given_up(store: Database, prepared: Assignment) -> None:
    for epoch in range(2, ATTEMPTS_MAX + 2):
        claimed = await lane(store, prepared, epoch=epoch - 1).claim()
        assert claimed is not None
        assert claimed.number == 0
        await Plans(store).save(prepared, StoredPlan(epoch, {"plan": True}))

    survivor = lane(store, prepared, epoch=ATTEMPTS_MAX + 1)
    following = await survivor.claim()
    left = await survivor.left()

    assert following is not None
    assert following.number == 7
    assert left.dead == 1


async def test_a_lease_ends_by_the_clock_of_the_control_store_unless_it_is_renewed(store: Database) -> None:
    assignment = Assignment(SystemIds().new(), PREPARE, epoch=0, sequence=1)
    mine, yours = Leases(store, "mine", 0.0), Leases(store, "yours", 30)
    async with store.engine.begin() as connection:
        await give(connection, assignment)

    assert await mine.take(assignment)
    assert not await yours.take(assignment)
    assert await _expired(store, assignment.migration_id)
    assert not await yours.renew(assignment)
    assert await Leases(store, "mine", 30).renew(assignment)
    assert not await _expired(store, assignment.migration_id)
    await mine.put_back(assignment)
    assert await yours.take(assignment)


async def _expired(store: Database, migration_id: UUID) -> bool:
    async with store.engine.connect() as connection:
        sql = "SELECT lease_until < clock_timestamp() FROM migration_assignment WHERE migration_id = :id"
        return bool((await connection.execute(text(sql), {"id": migration_id})).scalar())


def test_a_jobs_key_names_its_assignment() -> None:
    assignment = Assignment.lane(UUID(int=7), number=3, epoch=12)

    assert Assignment.of_key(assignment.key) == assignment
    assert (assignment.job.name, assignment.job.subject) == ("copy_lane", UUID(int=7))


async def test_a_lease_whose_renewal_is_held_up_holds_up_no_other(store: Database, prepared: Assignment) -> None:
    """As slow answers do, one after the other, if a worker has many things in hand."""
    leases = Leases(store, "holder", 30)
    lane_ = Assignment.lane(prepared.migration_id, 0, epoch=1)
    async with store.engine.begin() as connection:
        await give(connection, lane_)
    assert await leases.take(lane_)
    until = "SELECT lease_until FROM migration_assignment WHERE migration_id = :id AND task = :task"
    of = {"id": prepared.migration_id, "task": lane_.task}
    before = (await store.rows(until, **of))[0]["lease_until"]
    now = time.monotonic()

    async with store.engine.begin() as connection:
        await connection.execute(text(f"{until} FOR UPDATE"), of | {"task": prepared.task})
        renewing = asyncio.create_task(renew({prepared: now, lane_: now}, leases))
        async with asyncio.timeout(30):
            while (await store.rows(until, **of))[0]["lease_until"] == before:  # noqa: ASYNC110 - a row tells nobody
                await asyncio.sleep(0.01)
        assert not renewing.done()
    await renewing
