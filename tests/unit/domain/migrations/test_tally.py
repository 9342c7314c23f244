"""What the counters of tables add up to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from domain.kernel.values import Bytes, Rows
from domain.migrations.progress import RunPhase, TablePhase
from domain.migrations.tally import RunClock, TableCount, progress, smoothed, statistics
from domain.migrations.values import MigrationStatus

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
HALF = TableCount(
    number=0,
    name="half",
    phase=TablePhase.COPYING,
    row_estimate=Rows(1_000),
    size_bytes=Bytes(50_000),
    rows_read=Rows(400),
    rows_written=Rows(390),
    rows_rejected=Rows(10),
    bytes_done=Bytes(4_000),
    rows_per_second=100.0,
    rows_under_way=Rows(100),
    bytes_under_way=Bytes(1_000),
)
DONE = replace(
    HALF, number=1, name="done", phase=TablePhase.COPIED, row_estimate=Rows(900), rows_read=Rows(400),
    rows_under_way=Rows(0), bytes_under_way=Bytes(0),
)  # fmt: skip

counts = st.builds(
    TableCount,
    number=st.just(0),
    name=st.just("t"),
    phase=st.sampled_from(TablePhase),
    row_estimate=st.integers(0, 10**12).map(Rows),
    size_bytes=st.integers(0, 10**15).map(Bytes),
    rows_read=st.integers(0, 10**12).map(Rows),
    rows_written=st.integers(0, 10**12).map(Rows),
    rows_rejected=st.integers(0, 10).map(Rows),
    bytes_done=st.integers(0, 10**15).map(Bytes),
    rows_per_second=st.floats(0, 1e9),
    rows_under_way=st.integers(0, 10**9).map(Rows),
    bytes_under_way=st.integers(0, 10**12).map(Bytes),
)


def test_rows_on_their_way_are_read_and_not_yet_processed() -> None:
    clock = RunClock(START, START + timedelta(seconds=10), bytes_per_second=1_000)
    tables = [HALF.progress(), DONE.progress()]

    shown = progress(UUID(int=1), MigrationStatus.RUNNING, RunPhase.DATA, tables, clock)

    assert (shown.rows_read, shown.processed_records, shown.rows_written) == (900, 800, 780)
    assert shown.total_records == 1_000 + 400
    assert shown.bytes_total == 10_000 + 4_000
    assert shown.percentage == round(100 * 9_000 / 14_000, 2)
    assert shown.eta_s == 5.0
    assert shown.elapsed_s == 10.0


def test_only_what_is_complete_is_at_a_hundred_percent() -> None:
    clock = RunClock(START, START, bytes_per_second=1_000)
    tables = [DONE.progress()]

    verifying = progress(UUID(int=1), MigrationStatus.VERIFYING, RunPhase.VERIFICATION, tables, clock)
    completed = progress(UUID(int=1), MigrationStatus.COMPLETED, RunPhase.VERIFICATION, tables, clock)
    empty = progress(UUID(int=1), MigrationStatus.PLANNING, RunPhase.PLANNING, [], clock)

    assert (verifying.percentage, verifying.eta_s) == (99.9, None)
    assert (completed.percentage, completed.phase) == (100.0, RunPhase.DONE)
    assert (empty.percentage, empty.eta_s) == (0.0, None)


@given(st.lists(counts, max_size=5))
def test_no_estimate_however_wrong_leads_out_of_bounds(tables: list[TableCount]) -> None:
    clock = RunClock(START, START)

    shown = progress(UUID(int=1), MigrationStatus.RUNNING, RunPhase.DATA, [table.progress() for table in tables], clock)

    assert 0 <= shown.percentage < 100
    assert shown.rows_read <= shown.total_records
    assert shown.bytes_done <= max(shown.bytes_done, shown.bytes_total)


def test_the_speed_is_that_of_the_whole_time() -> None:
    added = statistics([HALF.progress(), DONE.progress()], START, START + timedelta(seconds=20))

    assert (added.processed_records, added.failed_records, added.total_records) == (780, 20, 1_400)
    assert (added.duration_s, added.average_speed) == (20.0, 39.0)
    assert [(each.table, each.records) for each in added.table_statistics] == [("half", 390), ("done", 390)]


def test_a_rate_forgets_and_never_falls_below_nothing() -> None:
    rate = smoothed(0.0, 500, 0.5)

    assert rate == 1_000
    assert 0 < smoothed(rate, 0, 0.5) < rate
    assert smoothed(rate, -10_000, 0.5) == smoothed(rate, 0, 0.5)
    assert smoothed(rate, 100, 0.0) == rate
