"""The batches of a chunk are drawn by threads, and become whole groups of rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kernel.errors import DatabaseError
from domain.kernel.values import Bytes
from domain.migrations.transfer import Batch
from infra.connectors.duckdb.streaming import Drawn, whole_groups

NO_BOUND = 2**40


def a_batch(first: int, rows: int) -> pa.RecordBatch:
    return pa.record_batch({"id": pa.array(range(first, first + rows), pa.int64())})


def batches_of(sizes: list[int]) -> list[pa.RecordBatch]:
    return [a_batch(sum(sizes[:place]), rows) for place, rows in enumerate(sizes)]


@given(st.lists(st.integers(0, 40)), st.integers(1, 20))
def test_all_groups_but_the_last_are_full_and_rows_keep_their_order(sizes: list[int], rows: int) -> None:
    groups = list(whole_groups(batches_of(sizes), rows, NO_BOUND))

    assert all(group.num_rows == rows for group in groups[:-1])
    assert all(0 < group.num_rows <= rows for group in groups)
    assert [number for group in groups for number in group["id"].to_pylist()] == list(range(sum(sizes)))


@given(st.lists(st.integers(1, 40)), st.integers(8, 200))
def test_no_more_than_a_batch_is_gathered_beyond_the_bound(sizes: list[int], bytes_max: int) -> None:
    groups = list(whole_groups(batches_of(sizes), 1_000, bytes_max))

    assert all(group.nbytes < bytes_max + 8 * 40 for group in groups)
    assert [number for group in groups for number in group["id"].to_pylist()] == list(range(sum(sizes)))


async def of(*rows: pa.RecordBatch) -> AsyncIterator[Batch]:
    for batch in rows:
        yield Batch(batch.num_rows, batch.nbytes, batch)


async def test_a_thread_draws_what_the_loop_makes() -> None:
    drawn = Drawn(of(a_batch(0, 3), a_batch(3, 2)))

    found = await asyncio.to_thread(list, drawn)

    assert pa.Table.from_batches(found)["id"].to_pylist() == [0, 1, 2, 3, 4]
    assert (drawn.rows, drawn.size) == (5, Bytes(40))


async def test_the_thread_hears_of_a_failure_and_the_failure_is_kept() -> None:
    async def failing() -> AsyncIterator[Batch]:
        async for batch in of(a_batch(0, 3)):
            yield batch
        raise DatabaseError("the source is gone")

    drawn = Drawn(failing())
    with pytest.raises(DatabaseError, match="the source is gone") as raised:
        await asyncio.to_thread(list, drawn)

    assert drawn.failure is raised.value


async def test_whoever_waits_for_a_batch_that_is_given_up_is_told_and_so_is_whoever_asks_later() -> None:
    is_waiting, ended = asyncio.Event(), asyncio.Event()

    async def stuck() -> AsyncIterator[Batch]:
        try:
            is_waiting.set()
            await asyncio.Event().wait()
            yield Batch(0, 0, a_batch(0, 0))
        finally:
            ended.set()

    drawn = Drawn(stuck())
    waiting = asyncio.create_task(asyncio.to_thread(list, drawn))
    await is_waiting.wait()

    await drawn.close()

    assert ended.is_set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(DatabaseError, match="nobody wants"):
        await asyncio.to_thread(list, drawn)
