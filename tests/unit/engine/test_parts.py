from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kernel.errors import DatabaseError, WherryError
from domain.kernel.values import Bytes, Rows
from domain.migrations.progress import RunPhase, TablePhase
from domain.migrations.transfer import Batch, Chunk, ChunkReceipt, KeyRange, PhysicalRange, TableCopy, WholeTable
from tests.support.memory import MemoryConnector, MemoryDatabase, RowColumns
from tests.support.runs import Watcher
from tests.unit.engine.test_plan import ACTOR, FILM, a_schema, planned
from workers.engine.chunks import large_rows, numbered
from workers.engine.concurrency import ReadAhead, each
from workers.engine.control import ControlSwitch
from workers.engine.progress import Meter, Rate
from workers.engine.retry import RetryPolicy, retrying
from workers.engine.schedule import MemoryQueue, work_lane

QUICK = RetryPolicy(attempts_max=3, pause_s=0.001, pause_max_s=0.002)


def chunks_of(table: int, *firsts: int) -> tuple[Chunk, ...]:
    return tuple(Chunk(table, number, PhysicalRange(first, first + 10)) for number, first in enumerate(firsts))


def receipt_of(chunk: Chunk, rows: int = 10) -> ChunkReceipt:
    return ChunkReceipt(chunk.table_number, chunk.number, Rows(rows), Rows(rows), size_bytes=Bytes(rows * 100))


@pytest.mark.parametrize(
    ("row_bytes", "taken"),
    [(1_000, 200_000), (32 * 1024, 200_000), (33 * 1024, 1024), (10 * 1024**2, 4), (256 * 1024**2, 1), (0, 200_000)],
)
def test_fewer_large_rows_are_committed_at_once_where_the_target_would_hold_many(row_bytes: int, taken: int) -> None:
    copy = replace(planned(a_schema(FILM)).tables[0], row_estimate=Rows(1_000), size_bytes=Bytes(1_000 * row_bytes))
    memory = MemoryConnector(MemoryDatabase()).capabilities
    target = replace(memory, rows_held=2_048, held_bytes_max=64 * 1024**2)

    assert large_rows(copy, 200_000, target) == taken
    assert large_rows(copy, 200_000, memory) == 200_000


class TestRetry:
    async def test_a_transient_failure_is_tried_again_a_limited_number_of_times(self) -> None:
        tries = 0

        async def operation() -> None:
            nonlocal tries
            tries += 1
            raise DatabaseError("busy", transient=True)

        with pytest.raises(DatabaseError, match="busy"):
            await retrying(operation, QUICK)
        assert tries == 3

    async def test_any_other_failure_is_not(self) -> None:
        tries = 0

        async def operation() -> None:
            nonlocal tries
            tries += 1
            raise DatabaseError("gone")

        with pytest.raises(DatabaseError, match="gone"):
            await retrying(operation, QUICK)
        assert tries == 1

    def test_pauses_double_to_a_limit_and_are_never_in_step(self) -> None:
        policy = RetryPolicy(pause_s=1.0, pause_max_s=5.0)

        pauses = [[policy.pause_after(attempt) for _ in range(50)] for attempt in range(1, 6)]

        for full, seen in zip((1.0, 2.0, 4.0, 5.0, 5.0), pauses, strict=True):
            assert all(full / 2 <= pause <= full for pause in seen)
            assert len(set(seen)) > 1


class TestConcurrency:
    async def test_results_come_in_the_order_of_the_items(self) -> None:
        async def work(item: int) -> int:
            await asyncio.sleep(0.01 * (3 - item))
            return item * 2

        assert await each([0, 1, 2], work, at_once=3) == [0, 2, 4]

    async def test_after_a_failure_nothing_new_begins_and_the_rest_ends_first(self) -> None:
        begun: list[int] = []
        ended: list[int] = []

        async def work(item: int) -> None:
            begun.append(item)
            if item == 1:
                raise DatabaseError("broken")
            await asyncio.sleep(0.01)
            ended.append(item)

        with pytest.raises(DatabaseError, match="broken"):
            await each([0, 1, 2, 3, 4], work, at_once=2)
        assert (begun, ended) == ([0, 1], [0])

    async def test_one_item_is_made_ahead_and_no_more(self) -> None:
        made: list[int] = []

        async def source() -> AsyncGenerator[int]:
            for number in range(5):
                made.append(number)
                yield number

        ahead = ReadAhead(source())
        assert await anext(ahead) == 0
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert made == [0, 1]
        assert [item async for item in ahead] == [1, 2, 3, 4]

    async def test_the_first_item_is_made_before_it_is_asked_for(self) -> None:
        made = asyncio.Event()

        async def source() -> AsyncGenerator[int]:
            made.set()
            yield 1

        ahead = ReadAhead(source())
        await made.wait()
        assert [item async for item in ahead] == [1]

    async def test_leaving_before_the_first_item_ends_the_source(self) -> None:
        begun, closed = asyncio.Event(), False

        async def source() -> AsyncGenerator[int]:
            nonlocal closed
            try:
                begun.set()
                await asyncio.Event().wait()
                yield 1
            finally:
                closed = True

        ahead = ReadAhead(source())
        await begun.wait()
        await ahead.aclose()
        assert closed

    async def test_leaving_early_ends_the_source(self) -> None:
        closed = False

        async def source() -> AsyncGenerator[int]:
            nonlocal closed
            try:
                for number in range(100):
                    yield number
            finally:
                closed = True

        ahead = ReadAhead(source())
        await anext(ahead)
        await ahead.aclose()
        assert closed


class TestChunkNumbers:
    @given(
        st.lists(
            st.one_of(
                st.builds(
                    KeyRange,
                    st.none() | st.tuples(st.integers() | st.text()),
                    st.none() | st.tuples(st.integers() | st.text()),
                ),
                st.builds(PhysicalRange, st.integers(min_value=0), st.none() | st.integers(min_value=0)),
                st.just(WholeTable()),
            ),
            unique=True,
        )
    )
    def test_numbers_are_unique_and_fit_31_bits(self, scopes: list[KeyRange | PhysicalRange | WholeTable]) -> None:
        chunks = numbered(Chunk(0, number, scope) for number, scope in enumerate(scopes))

        assert [chunk.scope for chunk in chunks] == scopes
        assert len({chunk.number for chunk in chunks}) == len(scopes)
        assert all(0 <= chunk.number < 2**31 for chunk in chunks)

    def test_a_number_follows_the_scope_and_not_the_place_in_the_list(self) -> None:
        first, second, third = numbered(chunks_of(0, 0, 10, 20))

        assert numbered(chunks_of(0, 10, 20)) == (second, third)
        assert first.number not in {second.number, third.number}


class TestQueue:
    async def test_tables_are_split_when_a_lane_reaches_them(self) -> None:
        film, actor = planned(a_schema(FILM, replace(ACTOR, foreign_keys=()))).tables
        split: list[int] = []

        async def splitting(copy: TableCopy) -> tuple[Chunk, ...]:
            split.append(copy.number)
            return chunks_of(copy.number, 0, 10)

        queue = MemoryQueue((actor, film), splitting)
        first = await queue.claim()
        assert split == [actor.number]
        rest = [await queue.claim() for _ in range(4)]

        assert [chunk and (chunk.table_number, chunk.number) for chunk in (first, *rest)] == [
            (1, 0),
            (1, 1),
            (0, 0),
            (0, 1),
            None,
        ]

    async def test_a_lane_waits_for_the_chunks_that_another_is_splitting(self) -> None:
        release = asyncio.Event()

        async def splitting(copy: TableCopy) -> tuple[Chunk, ...]:
            await release.wait()
            return chunks_of(copy.number, 0, 10)

        queue = MemoryQueue(planned(a_schema(FILM)).tables, splitting)
        claims = [asyncio.ensure_future(queue.claim()) for _ in range(3)]
        await asyncio.sleep(0)
        release.set()

        claimed = await asyncio.gather(*claims)
        assert sorted(chunk.number for chunk in claimed if chunk) == [0, 1]
        assert claimed.count(None) == 1

    async def test_a_failed_split_reaches_its_lane_and_frees_the_others(self) -> None:
        async def splitting(copy: TableCopy) -> tuple[Chunk, ...]:
            await asyncio.sleep(0)
            raise DatabaseError(f"no {copy.source}")

        queue = MemoryQueue(planned(a_schema(FILM)).tables, splitting)

        results = await asyncio.gather(queue.claim(), queue.claim(), return_exceptions=True)
        assert [type(result).__name__ for result in results] == ["DatabaseError", "NoneType"]

    async def test_a_lane_tells_the_queue_how_each_chunk_ended(self) -> None:
        told: list[str] = []
        waiting = list(chunks_of(0, 0, 10))

        class Queue:
            async def claim(self) -> Chunk | None:
                return waiting.pop(0) if waiting else None

            async def complete(self, receipt: ChunkReceipt) -> None:
                told.append(f"complete {receipt.chunk_number}")

            async def release(self, chunk: Chunk) -> None:
                told.append(f"release {chunk.number}")

            async def fail(self, chunk: Chunk, error: WherryError) -> None:
                told.append(f"fail {chunk.number}: {error}")

        async def copy_one(chunk: Chunk) -> ChunkReceipt:
            if chunk.number:
                raise DatabaseError("broken")
            return receipt_of(chunk)

        with pytest.raises(DatabaseError):
            await work_lane(Queue(), copy_one, ControlSwitch())
        assert told == ["complete 0", "fail 1: broken"]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class TestProgress:
    def test_a_rate_follows_what_happens_now(self) -> None:
        rate, now = Rate(0.0), 0.0
        for _ in range(100):
            now += 0.25
            rate.add(250, now)
        assert rate.per_second == pytest.approx(1000)
        for _ in range(100):
            now += 0.25
            rate.add(25, now)
        assert rate.per_second == pytest.approx(100, rel=0.1)

    async def test_batches_are_reported_four_times_a_second_at_most(self) -> None:
        meter, watcher, clock, chunk = self._copying(rows=1000)
        told = len(watcher.seen)
        for _ in range(100):
            clock.now += 0.01
            await meter.read(chunk, Batch(1, 100, RowColumns(())))

        assert len(watcher.seen) - told <= 4

    async def test_a_thousand_small_chunks_are_not_a_thousand_reports(self) -> None:
        meter, watcher, clock, _ = self._copying(rows=1000)
        chunks = numbered(chunks_of(0, *range(0, 10_000, 10)))
        meter.planned(0, chunks)
        for chunk in chunks:
            clock.now += 0.001
            await meter.committed(receipt_of(chunk))

        assert len(watcher.seen) <= 21

    async def test_thousands_of_tables_are_told_of_less_often_and_only_those_that_moved_anew(
        self,
    ) -> None:
        watcher, clock = Watcher(), Clock()
        meter = Meter("run", watcher, clock=clock)
        [copy] = planned(a_schema(FILM)).tables
        meter.follow([replace(copy, number=number) for number in range(5_000)], ())
        await meter.enter(RunPhase.DATA)
        for number in range(1_000):
            clock.now += 0.001
            meter.planned(number, [replace(chunk, table_number=number) for chunk in chunks_of(0, 0)])
            await meter.committed(replace(receipt_of(chunks_of(0, 0)[0]), table_number=number))

        assert 2 <= len(watcher.seen) <= 5
        before, after = watcher.seen[-2:]
        same = [one is other for one, other in zip(before.tables, after.tables, strict=True)]
        assert same.count(False) <= 500
        assert all(same[1_000:])
        assert after.rows_written > before.rows_written

    async def test_what_a_failed_attempt_read_is_forgotten(self) -> None:
        meter, _, _, chunk = self._copying(rows=20)
        await meter.read(chunk, Batch(5, 500, RowColumns(())))
        assert meter.progress().rows_read == 5

        meter.discard(chunk)
        assert (meter.progress().rows_read, meter.progress().bytes_done) == (0, 0)

        await meter.read(chunk, Batch(10, 1000, RowColumns(())))
        await meter.committed(receipt_of(chunk))
        assert (meter.progress().rows_read, meter.progress().rows_written, meter.progress().bytes_done) == (
            10,
            10,
            1000,
        )

    async def test_the_time_left_is_right_within_a_fifth_after_a_fifth(self) -> None:
        meter, watcher, clock, _ = self._copying(rows=1000)
        chunks = numbered(chunks_of(0, *range(0, 1000, 10)))
        meter.planned(0, tuple(replace(chunk, row_estimate=Rows(10)) for chunk in chunks))
        for chunk in chunks[:20]:
            clock.now += 0.5
            await meter.read(chunk, Batch(10, 1000, RowColumns(())))
            await meter.committed(receipt_of(chunk))

        seen = watcher.seen[-1]
        assert seen.fraction == pytest.approx(0.2)
        assert seen.eta_s == pytest.approx(40, rel=0.2)

    async def test_rows_of_an_earlier_attempt_count_as_done_but_not_as_speed(self) -> None:
        watcher, clock = Watcher(), Clock()
        meter = Meter("run", watcher, clock=clock, sequence=7)
        copies = planned(a_schema(replace(FILM, row_estimate=Rows(20)))).tables
        done, left = numbered(chunks_of(0, 0, 10))

        meter.follow(copies, [receipt_of(done)])
        meter.planned(0, [left])
        await meter.enter(RunPhase.DATA)

        assert (watcher.seen[-1].sequence, watcher.seen[-1].rows_written) == (8, 10)
        clock.now += 1
        await meter.committed(receipt_of(left))
        assert meter.rows_copied == 10
        assert [progress.tables[0].phase for progress in watcher.seen] == [TablePhase.COPYING, TablePhase.COPIED]

    def _copying(self, rows: int) -> tuple[Meter, Watcher, Clock, Chunk]:
        watcher, clock = Watcher(), Clock()
        meter = Meter("run", watcher, clock=clock)
        meter.follow(planned(a_schema(replace(FILM, row_estimate=Rows(rows)))).tables, ())
        chunk = numbered(chunks_of(0, 0))[0]
        meter.planned(0, [replace(chunk, row_estimate=Rows(rows))])
        return meter, watcher, clock, chunk
