from __future__ import annotations

import asyncio

import pytest

from domain.catalog.model import TableName
from domain.kernel.errors import DatabaseError, ErrorCode
from domain.migrations.plan import OnExisting, RunOptions, VerifyLevel
from domain.migrations.progress import RunPhase, RunStatus, TablePhase
from domain.migrations.runs import RunState
from domain.migrations.transfer import Consistency
from tests.support.catalog import a_foreign_key, a_table, an_index
from tests.support.memory import Faults, MemoryDatabase, Row
from tests.support.runs import Watcher, memory_route, migrate
from workers.engine.control import Ask, ControlSwitch
from workers.engine.ends import open_ends

FILMS: list[Row] = [(number, f"film {number}") for number in range(10)]
ACTORS: list[Row] = [(number, f"actor {number}", number % 10) for number in range(25)]


def a_shop() -> MemoryDatabase:
    database = MemoryDatabase()
    database.add(a_table("film", "title", indexes=(an_index("by_title", "title"),)), list(FILMS))
    database.add(a_table("actor", "name", "film", foreign_keys=(a_foreign_key("plays", "film", "film"),)), list(ACTORS))
    database.add(a_table("empty", "nothing"), [])
    return database


class Killed(BaseException):
    """The process dies here."""


def killing(visit: int) -> Faults:
    """Die at the visit of that number, counted over all sites."""
    faults = Faults()
    faults.plan = lambda _site, _visit: Killed() if faults.visits.total() == visit else None
    return faults


def failing(site: str, *visits: int, transient: bool) -> Faults:
    return Faults(
        lambda here, visit: (
            DatabaseError("connection lost", transient=transient) if here == site and visit in visits else None
        )
    )


async def test_a_database_arrives_whole_and_verified() -> None:
    source, target = a_shop(), MemoryDatabase()

    report = await migrate(source, target)

    assert report.status is RunStatus.SUCCEEDED
    assert report.error is None
    assert {name: sorted(rows, key=repr) for name, rows in target.rows.items()} == {
        name: sorted(rows, key=repr) for name, rows in source.rows.items()
    }
    assert [(table.name, table.rows_read, table.rows_written, table.verified) for table in report.tables] == [
        ("film", 10, 10, True),
        ("actor", 25, 25, True),
        ("empty", 0, 0, True),
    ]
    assert report.objects.created == 5
    assert report.consistency is Consistency.SNAPSHOT
    assert [run.state for run in target.runs.values()] == [RunState.CLOSED]


async def test_indexes_are_built_after_the_rows_and_keys_after_the_indexes() -> None:
    source, target = a_shop(), MemoryDatabase()

    await migrate(source, target)

    kinds = [statement.split()[1] for statement in target.statements]
    assert kinds == ["TABLE", "TABLE", "TABLE", "INDEX", "FOREIGN"]


@pytest.mark.parametrize("parallel", [1, 3])
async def test_a_run_killed_at_any_point_is_completed_by_the_same_run(parallel: int) -> None:
    """Dies at the first visit of any site, then at the second, ... until a run gets through unharmed."""
    options = RunOptions(parallel=parallel)
    visit, was_killed = 0, True
    while was_killed:
        visit += 1
        source, target = a_shop(), MemoryDatabase()
        source.faults = target.faults = killing(visit)
        try:
            report = await migrate(source, target, options)
            was_killed = False
        except Killed:
            source.faults = target.faults = Faults()
            report = await migrate(source, target, options)
        assert report.status is RunStatus.SUCCEEDED, (visit, report)
        assert sorted(target.rows[TableName("film")]) == FILMS
        assert sorted(target.rows[TableName("actor")]) == ACTORS
        assert len(target.statements) == len(set(target.statements)) == 5
        assert all(table.rows_read == table.rows_written for table in report.tables)
    assert visit > 40


async def test_a_transient_failure_is_retried_within_the_chunk() -> None:
    source, target = a_shop(), MemoryDatabase()
    source.faults = failing("read", 2, 5, transient=True)
    target.faults = failing("commit", 1, transient=True)

    report = await migrate(source, target)

    assert report.status is RunStatus.SUCCEEDED
    assert sorted(target.rows[TableName("actor")]) == ACTORS
    assert sum(table.rows_read for table in report.tables) == 35


async def test_an_answer_lost_after_the_commit_brings_no_row_twice() -> None:
    source, target = a_shop(), MemoryDatabase()
    target.faults = failing("committed", 1, 3, transient=True)

    report = await migrate(source, target)

    assert report.status is RunStatus.SUCCEEDED
    assert sorted(target.rows[TableName("film")]) == FILMS


async def test_a_lasting_failure_ends_the_run_and_keeps_what_was_copied() -> None:
    source, target = a_shop(), MemoryDatabase()
    target.faults = failing("commit", 4, transient=False)

    report = await migrate(source, target, RunOptions(parallel=1))

    assert report.status is RunStatus.FAILED
    assert report.error is not None
    assert (report.error.code, report.error.message) == (ErrorCode.DATABASE_FAILED, "connection lost")
    assert sum(table.rows_written for table in report.tables) == 9
    assert len(target.runs["run"].receipts) == 3


async def test_a_failing_lane_stops_the_others() -> None:
    source, target = MemoryDatabase(), MemoryDatabase()
    source.add(a_table("big", "text"), [(number, "x") for number in range(300)])
    target.faults = failing("commit", 2, transient=False)

    report = await migrate(source, target, RunOptions(parallel=3))

    assert report.status is RunStatus.FAILED
    assert len(target.runs["run"].receipts) < 6


async def test_lanes_work_side_by_side_but_not_more_than_asked() -> None:
    source, target = MemoryDatabase(), MemoryDatabase()
    source.add(a_table("big", "text"), [(number, "x") for number in range(60)])

    await migrate(source, target, RunOptions(parallel=3))

    assert target.under_way_max == 3


async def test_cancelling_rolls_the_chunk_back_and_the_same_run_goes_on() -> None:
    source, target, control = a_shop(), MemoryDatabase(), ControlSwitch()

    def cancel(site: str, visit: int) -> None:
        if (site, visit) == ("write", 5):
            control.set(Ask.CANCEL)

    target.faults = Faults(cancel)
    report = await migrate(source, target, RunOptions(parallel=1), control=control)
    copied = [len(rows) for rows in target.rows.values()]
    resumed = await migrate(source, target)

    assert report.status is RunStatus.CANCELLED
    assert copied == [table.rows_written for table in report.tables] == [0, 6, 0]
    assert resumed.status is RunStatus.SUCCEEDED
    assert sorted(target.rows[TableName("actor")]) == ACTORS


async def test_a_chunk_that_was_committed_while_the_run_was_given_up_is_accounted_for() -> None:
    source, target, control = a_shop(), MemoryDatabase(), ControlSwitch()

    def lose_the_answer(site: str, visit: int) -> BaseException | None:
        if (site, visit) != ("committed", 2):
            return None
        control.set(Ask.CANCEL)
        return asyncio.CancelledError()

    target.faults = Faults(lose_the_answer)
    report = await migrate(source, target, RunOptions(parallel=1), control=control)

    assert report.status is RunStatus.CANCELLED
    assert [len(rows) for rows in target.rows.values()] == [table.rows_written for table in report.tables]
    assert sum(table.rows_written for table in report.tables) == 6


async def test_pausing_lets_the_chunk_at_hand_finish() -> None:
    source, target, control = a_shop(), MemoryDatabase(), ControlSwitch()

    def pause(site: str, _visit: int) -> None:
        if site == "write":
            control.set(Ask.PAUSE)

    target.faults = Faults(pause)
    report = await migrate(source, target, RunOptions(parallel=1), control=control)

    assert report.status is RunStatus.PAUSED
    assert sum(table.rows_written for table in report.tables) == 3


async def test_filled_target_tables_are_refused_and_left_alone() -> None:
    source, target = a_shop(), MemoryDatabase()
    target.add(a_table("film", "title"), [(99, "mine")])

    report = await migrate(source, target)

    assert report.error is not None
    assert report.error.code is ErrorCode.TARGET_NOT_EMPTY
    assert "film (1 rows)" in report.error.message
    assert target.rows == {TableName("film"): [(99, "mine")]}
    assert (target.runs, target.statements) == ({}, [])


async def test_an_empty_target_table_that_fits_is_used() -> None:
    source, target = a_shop(), MemoryDatabase()
    target.add(a_table("film", "title"), [])

    report = await migrate(source, target)

    assert report.status is RunStatus.SUCCEEDED
    assert sorted(target.rows[TableName("film")]) == FILMS
    assert not any("TABLE film" in statement for statement in target.statements)


async def test_truncating_replaces_the_rows_that_were_there() -> None:
    source, target = a_shop(), MemoryDatabase()
    target.add(a_table("film", "title"), [(99, "mine")])

    report = await migrate(source, target, RunOptions(on_existing=OnExisting.TRUNCATE))

    assert report.status is RunStatus.SUCCEEDED
    assert sorted(target.rows[TableName("film")]) == FILMS


async def test_appending_keeps_the_rows_that_were_there_and_verifies_the_others() -> None:
    source, target = a_shop(), MemoryDatabase()
    target.add(a_table("film", "title"), [(99, "mine")])

    report = await migrate(source, target, RunOptions(on_existing=OnExisting.APPEND))

    assert report.status is RunStatus.SUCCEEDED
    assert sorted(target.rows[TableName("film")]) == [*FILMS, (99, "mine")]
    assert [table.verified for table in report.tables] == [True, True, True]
    assert report.warnings == ()


async def test_an_interrupted_append_is_compared_by_counts_and_says_so() -> None:
    source, target = a_shop(), MemoryDatabase()
    target.add(a_table("film", "title"), [(99, "mine")])
    options = RunOptions(parallel=1, on_existing=OnExisting.APPEND)
    target.faults = failing("commit", 12, transient=False)
    await migrate(source, target, options)
    target.faults = Faults()
    source.history += 1

    report = await migrate(source, target, options)

    assert report.status is RunStatus.SUCCEEDED
    assert sorted(target.rows[TableName("film")]) == [*FILMS, (99, "mine")]
    assert report.warnings == (
        "film was compared by row counts only: it held 1 rows before this run, which was interrupted",
        (
            "this run was interrupted: some rows are as of before and some as of after; "
            "if the source was in use, compare by digest"
        ),
    )
    assert report.consistency is Consistency.CHUNK


async def test_resuming_does_not_empty_tables_again() -> None:
    source, target = a_shop(), MemoryDatabase()
    options = RunOptions(parallel=1, on_existing=OnExisting.TRUNCATE)
    target.faults = failing("commit", 6, transient=False)
    await migrate(source, target, options)
    target.faults = Faults()

    report = await migrate(source, target, options)

    assert report.status is RunStatus.SUCCEEDED
    assert target.faults.visits["truncate"] == 0
    assert target.faults.visits["commit"] < 14


async def test_a_changed_plan_is_refused_with_what_to_do() -> None:
    source, target = a_shop(), MemoryDatabase()
    target.faults = failing("commit", 3, transient=False)
    await migrate(source, target)
    target.faults = Faults()

    refused = await migrate(source, target, RunOptions(exclude=("empty",)))
    restarted = await migrate(
        source, target, RunOptions(exclude=("empty",), on_existing=OnExisting.TRUNCATE), restart=True
    )

    assert refused.error is not None
    assert refused.error.code is ErrorCode.CONFLICT
    assert "restart it to forget what it has done" in refused.error.message
    assert restarted.status is RunStatus.SUCCEEDED
    assert sorted(target.rows[TableName("actor")]) == ACTORS


async def test_a_restart_that_is_refused_leaves_the_interrupted_run_as_it_was() -> None:
    source, target = a_shop(), MemoryDatabase()
    target.faults = failing("commit", 3, transient=False)
    await migrate(source, target)
    target.faults = Faults()

    refused = await migrate(source, target, restart=True)
    resumed = await migrate(source, target)

    assert refused.error is not None
    assert refused.error.code is ErrorCode.TARGET_NOT_EMPTY
    assert resumed.status is RunStatus.SUCCEEDED
    assert sorted(target.rows[TableName("actor")]) == ACTORS


async def test_a_source_that_changed_since_the_interruption_is_not_taken_for_copied() -> None:
    source, target = a_shop(), MemoryDatabase()
    options = RunOptions(parallel=1, verify=VerifyLevel.NONE)
    target.faults = failing("commit", 9, transient=False)
    await migrate(source, target, options)
    target.faults = Faults()
    del source.rows[TableName("actor")][20:]

    report = await migrate(source, target, options)

    assert report.error is not None
    assert report.error.code is ErrorCode.SCHEMA_DRIFT
    assert "actor" in report.error.message


async def test_rows_that_differ_fail_the_run_by_name() -> None:
    source, target = a_shop(), MemoryDatabase()

    class Meddler(Watcher):
        async def report(self, progress: object) -> None:
            if target.statements[-1:] == ["ADD FOREIGN KEY plays TO film"]:
                target.rows[TableName("film")][0] = (0, "another title")

    report = await migrate(source, target, watcher=Meddler())

    assert report.status is RunStatus.FAILED
    assert report.error is not None
    assert report.error.code is ErrorCode.VERIFICATION_FAILED
    assert "film: same number of rows, different values in title" in report.error.message
    assert [table.verified for table in report.tables] == [False, True, True]
    assert "run" in target.runs


async def test_an_optional_step_that_fails_is_a_line_of_the_report() -> None:
    source, target = a_shop(), MemoryDatabase()
    target.faults = failing("execute ADD FOREIGN KEY plays TO film", 1, transient=False)

    report = await migrate(source, target)

    assert report.status is RunStatus.SUCCEEDED
    assert [(note.name, note.reason) for note in report.objects.skipped] == [
        ("foreign key actor.plays", "connection lost")
    ]
    assert report.objects.created == 4


async def test_a_database_is_refused_as_its_own_target() -> None:
    route = memory_route(a_shop(), MemoryDatabase())

    with pytest.raises(Exception, match="source and target are the same database"):
        async with open_ends(
            type(route)(route.source_connector, route.source_endpoint, route.target_connector, route.source_endpoint),
            parallel=1,
        ):
            pass


async def test_progress_rises_to_the_end() -> None:
    watcher = Watcher()

    await migrate(a_shop(), MemoryDatabase(), watcher=watcher)

    seen = watcher.seen
    assert [progress.sequence for progress in seen] == list(range(1, len(seen) + 1))
    assert list(dict.fromkeys(progress.phase for progress in seen)) == [
        phase for phase in RunPhase if phase is not RunPhase.ROLLBACK
    ]
    assert all(0 <= progress.fraction <= 1 for progress in seen)
    assert (seen[-1].fraction, seen[-1].rows_written, seen[-1].rows_total) == (1.0, 35, 35)
    assert all(table.phase is TablePhase.VERIFIED for table in seen[-1].tables)
