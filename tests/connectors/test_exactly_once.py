"""A chunk's rows and the note of them arrive together, once, and only for who holds the run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from domain.catalog.model import Key, Table, TableName
from domain.catalog.types import Integer, Text
from domain.kernel.errors import Conflict, DatabaseError, Fenced
from domain.migrations.runs import RunState, shelved
from domain.migrations.schema_plan import ObjectKind, Phase, SchemaObject, Step
from domain.migrations.transfer import Batch, Chunk, TableCopy, Target, Ticket, WholeTable
from tests.connectors.lab import Lab, Row, a_column, batches, copy_of, run_steps, to_batch, whole

TABLE = Table(
    TableName("item"),
    (a_column("id", Integer(64), nullable=False), a_column("name", Text(50), nullable=False)),
    primary_key=Key(("id",), "item_pkey"),
)
ROWS: list[Row] = [(number, f"name {number}") for number in range(2_500)]


class SourceBroke(Exception):
    """The source fails in the middle of a chunk."""


async def broken(copy: TableCopy) -> AsyncIterator[Batch]:
    yield to_batch(copy, ROWS[:1_000])
    raise SourceBroke


async def begun(lab: Lab, target: Target, run: str = "run") -> tuple[TableCopy, Ticket]:
    """Open a run and make the table."""
    plan = lab.connector.plan_schema(lab.wanted(TABLE), lab.endpoint)
    ticket = await target.open_run(run, "plan")
    await run_steps(target, plan, ticket, Phase.BEFORE_DATA)
    return copy_of(TABLE, plan.tables[0]), ticket


async def count(target: Target, copy: TableCopy) -> int:
    return (await target.row_counts((copy.target,)))[copy.target]


async def test_a_receipt_tells_what_was_written(lab: Lab) -> None:
    async with lab.target() as target:
        copy, ticket = await begun(lab, target)

        receipt = await target.write(copy, whole(copy, 3), batches(copy, ROWS), ticket)

        assert (receipt.rows_read, receipt.rows_written, receipt.rows_rejected) == (2_500, 2_500, 0)
        assert receipt.chunk_number == 3
        assert receipt.size_bytes > 0
        assert await target.receipts("run") == (receipt,)
        assert await count(target, copy) == 2_500


async def test_a_chunk_written_twice_is_written_once(lab: Lab) -> None:
    async with lab.target() as target:
        copy, ticket = await begun(lab, target)
        first = await target.write(copy, whole(copy), batches(copy, ROWS), ticket)

        second = await target.write(copy, whole(copy), batches(copy, ROWS), ticket)

        assert second == first
        assert await count(target, copy) == 2_500


async def test_receipts_outlive_the_session(lab: Lab) -> None:
    async with lab.target() as target:
        copy, ticket = await begun(lab, target)
        first = await target.write(copy, whole(copy), batches(copy, ROWS), ticket)

    async with lab.target() as target:
        assert await target.knows_run("run")
        assert not await target.knows_run("another")
        assert await target.receipts("run") == (first,)
        assert await target.receipts("another") == ()


async def test_a_chunk_that_fails_half_way_leaves_nothing(lab: Lab) -> None:
    async with lab.target() as target:
        copy, ticket = await begun(lab, target)

        with pytest.raises(SourceBroke):
            await target.write(copy, whole(copy), broken(copy), ticket)

        assert await count(target, copy) == 0
        assert await target.receipts("run") == ()
        await target.write(copy, whole(copy), batches(copy, ROWS), ticket)
        assert await count(target, copy) == 2_500


async def test_a_chunk_with_a_row_that_the_database_refuses_leaves_nothing(lab: Lab) -> None:
    async with lab.target() as target:
        copy, ticket = await begun(lab, target)

        with pytest.raises(DatabaseError):
            await target.write(copy, whole(copy), batches(copy, [*ROWS, (5_000, None)]), ticket)

        assert await count(target, copy) == 0
        assert await target.receipts("run") == ()


async def test_an_empty_chunk_has_a_receipt_too(lab: Lab) -> None:
    async with lab.target() as target:
        copy, ticket = await begun(lab, target)

        receipt = await target.write(copy, whole(copy), batches(copy, []), ticket)

        assert (receipt.rows_read, receipt.rows_written) == (0, 0)
        assert await target.receipts("run") == (receipt,)


async def test_a_newer_epoch_voids_the_older_ticket(lab: Lab) -> None:
    async with lab.target() as target:
        copy, old = await begun(lab, target)
        new = await target.open_run("run", "plan")
        assert new.epoch > old.epoch

        with pytest.raises(Fenced):
            await target.write(copy, whole(copy), batches(copy, ROWS), old)

        assert await count(target, copy) == 0
        await target.write(copy, whole(copy), batches(copy, ROWS), new)
        assert await count(target, copy) == 2_500


async def test_a_void_ticket_cannot_change_the_schema(lab: Lab) -> None:
    async with lab.target() as target:
        copy, old = await begun(lab, target)
        await target.open_run("run", "plan")
        made = SchemaObject(ObjectKind.INDEX, "late", "item")
        late = Step(99, Phase.INDEXES, made, f"CREATE INDEX late ON {copy.target.name} (name)")

        with pytest.raises(Fenced):
            await target.execute(late, old)

        assert 99 not in await target.steps_done("run")
        table = (await target.introspect()).tables[0]
        assert all(index.name != "late" for index in table.indexes)


async def test_a_ticket_of_a_closed_run_is_void(lab: Lab) -> None:
    async with lab.target() as target:
        copy, ticket = await begun(lab, target)
        await target.close_run("run")

        with pytest.raises(Fenced):
            await target.write(copy, whole(copy), batches(copy, ROWS), ticket)

        assert await count(target, copy) == 0


async def test_a_ticket_for_a_run_that_was_forgotten_is_void_in_the_next_run_of_its_name(lab: Lab) -> None:
    async with lab.target() as target:
        _, sleeper = await begun(lab, target)
        await target.forget_run("run")
        ticket = await target.open_run("run", "plan")

        assert ticket.epoch != sleeper.epoch
        copy = copy_of(TABLE, TABLE)
        with pytest.raises(Fenced):
            await target.write(copy, whole(copy), batches(copy, ROWS), sleeper)


async def test_a_run_known_under_another_plan_is_a_conflict(lab: Lab) -> None:
    async with lab.target() as target:
        await target.open_run("run", "plan")

        with pytest.raises(Conflict):
            await target.open_run("run", "another plan")


async def test_a_step_done_twice_is_done_once(lab: Lab) -> None:
    async with lab.target() as target:
        _, first = await begun(lab, target)
        _, ticket = await begun(lab, target)

        assert await target.steps_done("run")
        assert ticket.epoch == first.epoch + 1


async def test_a_step_that_fails_is_not_noted(lab: Lab) -> None:
    async with lab.target() as target:
        _, ticket = await begun(lab, target)
        made = SchemaObject(ObjectKind.INDEX, "wrong", "item")
        wrong = Step(99, Phase.INDEXES, made, "CREATE INDEX wrong ON no_such_table (no_such_column)")

        with pytest.raises(DatabaseError):
            await target.execute(wrong, ticket)

        assert 99 not in await target.steps_done("run")


async def test_the_ledger_goes_with_the_last_run(lab: Lab) -> None:
    async with lab.target() as target:
        copy, ticket = await begun(lab, target, "first")
        await target.write(copy, whole(copy), batches(copy, ROWS[:5]), ticket)
        await target.open_run("second", "plan")
        assert [table.name.name for table in (await target.introspect()).tables] == ["item"]

        await target.forget_run("first")
        assert not await target.knows_run("first")
        assert await target.receipts("first") == ()
        assert await target.knows_run("second")
        await target.forget_run("second")

        assert not await target.knows_run("second")
        assert await target.steps_done("second") == frozenset()
        assert await target.receipts("second") == ()
        await target.forget_run("second")
        assert [table.name.name for table in (await target.introspect()).tables] == ["item"]


async def test_a_closed_run_is_remembered_until_it_is_forgotten(lab: Lab) -> None:
    async with lab.target() as target:
        copy, ticket = await begun(lab, target, "first")
        receipt = await target.write(copy, whole(copy), batches(copy, ROWS[:5]), ticket)
        steps = await target.steps_done("first")

        await target.close_run("first", "sealed")
        await target.close_run("first", "sealed again")

        assert not await target.knows_run("first")
        [record] = await target.runs()
        assert (record.run_id, record.state, record.seal) == ("first", RunState.CLOSED, "sealed")
        assert await target.receipts("first") == (receipt,)
        assert await target.steps_done("first") == steps
        assert [table.name.name for table in (await target.introspect()).tables] == ["item"]


async def test_the_id_of_a_closed_run_can_be_used_again(lab: Lab) -> None:
    async with lab.target() as target:
        copy, old = await begun(lab, target)
        await target.write(copy, whole(copy), batches(copy, ROWS[:5]), old)
        await target.close_run("run")

        new = await target.open_run("run", "another plan")

        assert new.epoch > old.epoch
        assert await target.receipts("run") == ()
        assert [record.run_id for record in await target.runs()] == [shelved("run", old.epoch), "run"]
        assert len(await target.receipts(shelved("run", old.epoch))) == 1
        with pytest.raises(Fenced):
            await target.write(copy, whole(copy, 2), batches(copy, ROWS), old)


async def test_truncate_empties_a_table_and_counts_leave_missing_tables_out(lab: Lab) -> None:
    async with lab.target() as target:
        copy, ticket = await begun(lab, target)
        await target.write(copy, whole(copy), batches(copy, ROWS), ticket)
        missing = TableName("no_such_table", copy.target.schema)

        await target.truncate(copy.target)

        assert await target.row_counts((copy.target, missing)) == {copy.target: 0}


async def test_chunks_written_at_the_same_time_all_arrive(lab: Lab) -> None:
    async with lab.target(writers=lab.connector.capabilities.writers_max) as target:
        copy, ticket = await begun(lab, target)
        parts = [Chunk(copy.number, number, WholeTable()) for number in range(5)]

        await asyncio.gather(
            *(
                target.write(copy, part, batches(copy, ROWS[part.number * 500 : (part.number + 1) * 500]), ticket)
                for part in parts
            )
        )

        assert await count(target, copy) == 2_500
        assert len(await target.receipts("run")) == 5
