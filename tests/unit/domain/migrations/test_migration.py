"""The rules of migrations."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kernel.errors import Conflict, ErrorCode
from domain.kernel.values import Bytes, Rows
from domain.migrations.aggregate import Migration, PlanSize, status_after
from domain.migrations.events import MigrationResumed, MigrationRollbackRequested
from domain.migrations.moments import OnLostSnapshot
from domain.migrations.progress import TablePhase, TableProgress
from domain.migrations.report import Failure
from domain.migrations.rollback import RollbackOptions, RollbackReport, RollbackState, TableUndone, gone_on
from domain.migrations.values import (
    SETTLED,
    TRANSITIONS,
    MigrationConfig,
    MigrationStatistics,
    MigrationStatus,
    Outlook,
)
from domain.projects.aggregate import Actor

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ACTOR = Actor(UUID(int=1), NOW)
CONFIG = MigrationConfig(source_connection_id=UUID(int=2), target_connection_id=UUID(int=3))
GONE = Failure(ErrorCode.DATABASE_FAILED, "gone")
FULL = Failure(ErrorCode.TARGET_DISK_FULL, "no room")
LOST = Failure(ErrorCode.SNAPSHOT_LOST, "the snapshot is lost")
NOTHING = MigrationStatistics(Rows(0), Rows(0), Rows(0), 0.0, 0.0, ())
TABLE = TableProgress("t", TablePhase.COPIED, Rows(1), Rows(1), Rows(0), Rows(1), Bytes(1), Bytes(1), 0.0)

STEPS: dict[str, Callable[[Migration], object]] = {
    "cancel": lambda migration: migration.request_cancel(ACTOR, NOTHING),
    "pause": lambda migration: migration.request_pause(ACTOR),
    "paused": lambda migration: migration.note_paused(NOW),
    "lost": lambda migration: migration.note_paused(NOW, LOST),
    "held up": lambda migration: migration.note_paused(NOW, FULL),
    "start over": lambda migration: migration.request_resume(ACTOR, Outlook(), OnLostSnapshot.RESTART),
    "resume": lambda migration: migration.request_resume(ACTOR, Outlook()),
    "planning": lambda migration: migration.note_planning(NOW),
    "planned": lambda migration: migration.note_planned(PlanSize(1, Rows(1), Bytes(1), 2), NOW),
    "table": lambda migration: migration.note_table(TABLE, NOW),
    "copied": lambda migration: migration.note_copied(NOW),
    "cancelled": lambda migration: migration.note_cancelled(NOTHING, NOW),
    "completed": lambda migration: migration.note_completed(NOTHING, "", NOW),
    "different": lambda migration: migration.note_completed(NOTHING, "one row is missing", NOW),
    "failed": lambda migration: migration.note_failed(GONE, NOTHING, NOW),
    "roll back": lambda migration: migration.request_rollback(ACTOR, "a trial", RollbackOptions()),
    "rolled back": lambda migration: migration.note_rolled_back(RollbackReport("run", (), (), ()), NOW),
    "rollback refused": lambda migration: migration.note_rollback_failed(GONE, NOW, has_begun=False),
    "rollback failed": lambda migration: migration.note_rollback_failed(GONE, NOW, has_begun=True),
}
ASKING_AGAIN = ("resume", "start over", "roll back")


def a_migration() -> Migration:
    return Migration.start(UUID(int=7), UUID(int=8), CONFIG, ACTOR)


def after(*steps: str) -> Migration:
    migration = a_migration()
    for step in steps:
        STEPS[step](migration)
    return migration


@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=30))
def test_whatever_is_asked_and_reported_a_migration_moves_only_along_the_table(steps: list[str]) -> None:
    migration = a_migration()
    for step in steps:
        before = migration.status
        try:
            STEPS[step](migration)
        except Conflict:
            assert migration.status is before
        assert migration.status is before or migration.status in TRANSITIONS[before]
        assert step in ASKING_AGAIN or not (before.is_settled and migration.status is not before)


@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=30))
def test_a_replayed_migration_is_the_migration(steps: list[str]) -> None:
    migration = a_migration()
    for step in steps:
        try:
            STEPS[step](migration)
        except Conflict:
            continue

    replayed = Migration.replay(migration.id, migration.pending)

    assert vars(replayed) | {"pending": [], "version": 0} == vars(migration) | {"pending": [], "version": 0}
    ends = sum(status_after(event, MigrationStatus.RUNNING).is_settled for event in migration.pending)
    asked_again = (MigrationResumed, MigrationRollbackRequested)
    assert ends <= 1 + sum(isinstance(event, asked_again) for event in migration.pending)


@given(
    st.lists(st.sampled_from(sorted(STEPS)), max_size=30), st.sampled_from(["pause", "resume", "cancel", "roll back"])
)
def test_a_wish_that_is_repeated_at_once_changes_nothing_more(steps: list[str], wish: str) -> None:
    migration = a_migration()
    for step in [*steps, wish]:
        with suppress(Conflict):
            STEPS[step](migration)
    events, status = len(migration.pending), migration.status

    with suppress(Conflict):
        STEPS[wish](migration)

    assert (len(migration.pending), migration.status) == (events, status)


def test_every_status_can_be_reached_and_every_unsettled_one_can_end() -> None:
    def reached(first: MigrationStatus) -> set[MigrationStatus]:
        found, waiting = {first}, [first]
        while waiting:
            for status in TRANSITIONS[waiting.pop()] - found:
                found.add(status)
                waiting.append(status)
        return found

    assert reached(MigrationStatus.PENDING) == set(MigrationStatus) == set(TRANSITIONS)
    assert all(reached(status) & SETTLED for status in MigrationStatus)


def test_a_settled_migration_goes_on_only_when_it_is_asked_to_resume_or_roll_back() -> None:
    ways = {way for status in SETTLED for way in TRANSITIONS[status]}

    assert ways == {MigrationStatus.PENDING, MigrationStatus.ROLLING_BACK}
    assert TRANSITIONS[MigrationStatus.FAILED] == ways
    assert TRANSITIONS[MigrationStatus.ROLLED_BACK] == frozenset()


def test_the_straight_way_leads_to_completed() -> None:
    migration = after("planning", "planned", "table", "copied", "completed")

    assert migration.status is MigrationStatus.COMPLETED
    assert migration.tables_completed == {"t"}


def test_a_difference_between_the_databases_is_no_success() -> None:
    assert after("planning", "planned", "copied", "different").status is MigrationStatus.FAILED


def test_a_migration_that_no_worker_has_taken_up_is_cancelled_at_once() -> None:
    assert after("cancel").status is MigrationStatus.CANCELLED


def test_a_wish_to_cancel_that_comes_again_after_the_end_changes_nothing() -> None:
    assert len(after("cancel", "cancel").pending) == len(after("cancel").pending)


def test_a_migration_at_work_is_cancelled_when_its_workers_say_so() -> None:
    assert after("planning", "planned", "cancel").status is MigrationStatus.CANCELLING
    assert after("planning", "planned", "cancel", "cancelled").status is MigrationStatus.CANCELLED


def test_a_migration_at_work_is_paused_when_its_workers_say_so_and_goes_on_from_the_start_of_its_story() -> None:
    assert after("planning", "planned", "pause").status is MigrationStatus.PAUSING
    assert after("planning", "planned", "pause", "paused").status is MigrationStatus.PAUSED
    assert after("planning", "planned", "pause", "paused", "resume").status is MigrationStatus.PENDING
    assert after("planning", "planned", "pause", "paused", "cancel").status is MigrationStatus.CANCELLED


def test_a_migration_that_no_worker_has_taken_up_is_paused_at_once() -> None:
    assert after("pause").status is MigrationStatus.PAUSED


def test_a_failed_migration_goes_on_when_it_is_resumed() -> None:
    migration = after("planning", "planned", "failed", "resume", "planning", "planned", "copied", "completed")

    assert migration.status is MigrationStatus.COMPLETED


def test_a_migration_that_has_lost_its_snapshot_pauses_and_is_resumed_only_with_a_choice() -> None:
    migration = after("planning", "planned", "table", "lost")

    assert (migration.status, migration.pause_reason) == (MigrationStatus.PAUSED, LOST)
    with pytest.raises(Conflict, match=r"RESTART.*CONTINUE"):
        STEPS["resume"](migration)
    STEPS["start over"](migration)
    assert (migration.status, migration.pause_reason) == (MigrationStatus.PENDING, None)
    assert migration.tables_completed == set()


def test_a_migration_that_is_held_up_pauses_with_the_reason_and_goes_on_when_it_is_resumed() -> None:
    held_up = ("planning", "planned", "table", "held up")
    migration = after(*held_up)

    assert (migration.status, migration.pause_reason) == (MigrationStatus.PAUSED, FULL)
    STEPS["resume"](migration)
    assert (migration.status, migration.pause_reason) == (MigrationStatus.PENDING, None)
    assert migration.tables_completed == {"t"}
    assert after(*held_up, "cancel").status is MigrationStatus.CANCELLED
    assert after(*held_up, "roll back").status is MigrationStatus.ROLLING_BACK


def test_a_migration_that_is_to_end_ends_also_without_its_snapshot() -> None:
    assert after("planning", "planned", "cancel", "lost").status is MigrationStatus.CANCELLING


def test_a_migration_that_is_still_pausing_is_not_resumed() -> None:
    with pytest.raises(Conflict, match="still pausing"):
        after("planning", "pause", "resume")


@pytest.mark.parametrize("last", ["completed", "failed"])
def test_what_has_ended_cannot_be_paused(last: str) -> None:
    migration = after("planning", "planned", "copied", last)

    with pytest.raises(Conflict, match=migration.status.value):
        STEPS["pause"](migration)


def test_a_wish_to_cancel_that_comes_after_the_last_step_changes_nothing_about_success() -> None:
    assert after("planning", "planned", "copied", "cancel", "completed").status is MigrationStatus.COMPLETED


@pytest.mark.parametrize("last", ["completed", "failed"])
def test_what_has_ended_cannot_be_cancelled(last: str) -> None:
    migration = after("planning", "planned", "copied", last)

    with pytest.raises(Conflict, match=migration.status.value):
        STEPS["cancel"](migration)


FINISHED = ("planning", "planned", "copied", "completed")


@pytest.mark.parametrize(
    "steps", [("pause",), ("cancel",), FINISHED, ("planning", "failed"), ("planning", "planned", "pause", "paused")]
)
def test_a_migration_that_nobody_works_on_is_rolled_back_for_good(steps: tuple[str, ...]) -> None:
    assert after(*steps, "roll back").status is MigrationStatus.ROLLING_BACK
    assert after(*steps, "roll back", "rolled back").status is MigrationStatus.ROLLED_BACK
    assert after(*steps, "roll back", "rolled back", "roll back").status is MigrationStatus.ROLLED_BACK
    with pytest.raises(Conflict):
        after(*steps, "roll back", "rolled back", "resume")


@pytest.mark.parametrize("steps", [(), ("planning",), ("planning", "planned"), ("planning", "planned", "cancel")])
def test_a_migration_at_work_is_not_rolled_back(steps: tuple[str, ...]) -> None:
    with pytest.raises(Conflict, match="Pause or cancel it first"):
        after(*steps, "roll back")


@pytest.mark.parametrize("wish", ["pause", "cancel", "resume"])
def test_a_rollback_is_neither_paused_nor_cancelled_nor_resumed(wish: str) -> None:
    migration = after(*FINISHED, "roll back")

    with pytest.raises(Conflict):
        STEPS[wish](migration)
    assert migration.status is MigrationStatus.ROLLING_BACK


@pytest.mark.parametrize("steps", [("pause",), ("cancel",), FINISHED, ("planning", "failed")])
def test_a_rollback_that_is_refused_leaves_the_migration_where_it_stood(steps: tuple[str, ...]) -> None:
    before = after(*steps).status

    assert after(*steps, "roll back", "rollback refused").status is before


def test_a_rollback_that_fails_half_way_can_only_be_rolled_back_again() -> None:
    failed = ("planning", "planned", "pause", "paused", "roll back", "rollback failed")

    assert after(*failed).status is MigrationStatus.FAILED
    with pytest.raises(Conflict, match="Roll it back again"):
        after(*failed, "resume")
    assert after(*failed, "roll back", "rollback refused").status is MigrationStatus.FAILED
    assert after(*failed, "roll back", "rolled back").status is MigrationStatus.ROLLED_BACK


def test_a_migration_that_has_lost_its_snapshot_needs_a_choice_also_after_a_rollback_that_was_refused() -> None:
    with pytest.raises(Conflict, match="lost its snapshot"):
        after("planning", "planned", "lost", "roll back", "rollback refused", "resume")


def test_a_snapshot_that_is_lost_too_late_does_not_pause_a_rollback() -> None:
    assert after(*FINISHED, "roll back", "lost").status is MigrationStatus.ROLLING_BACK


def test_a_finish_that_is_reported_too_late_does_not_end_a_rollback() -> None:
    assert after(*FINISHED, "roll back", "completed", "failed").status is MigrationStatus.ROLLING_BACK


def test_what_a_rollback_did_before_an_interruption_counts_with_what_it_does_after_it() -> None:
    """Table b was dropped, too, though the worker died before it could say so."""
    names = ("table a", "table b", "table c")
    noted = RollbackReport("run", ("table a",), (TableUndone("t", Rows(0), Rows(7), Rows(0)),), ("aside",))
    first = RollbackState(3, 6, noted, names)
    done = RollbackReport("run", ("table c",), (TableUndone("t", Rows(4), Rows(0), Rows(0)),), ("aside",))
    second = RollbackState(2, 3, done, ("table c",))

    whole = RollbackReport("run", names, (TableUndone("t", Rows(4), Rows(7), Rows(0)),), ("aside",))
    assert gone_on(first, second) == RollbackState(5, 6, whole, names)
    assert gone_on(None, second) == second


def test_a_worker_that_reports_twice_or_too_late_is_not_heard_again() -> None:
    migration = after("planning", "planned", "table", "table", "copied", "copied", "completed", "failed", "cancelled")

    names = [type(event).__name__ for event in migration.pending]
    assert names == [
        "MigrationStarted",
        "MigrationPlanningStarted",
        "MigrationPlanned",
        "MigrationTableCompleted",
        "MigrationVerificationStarted",
        "MigrationCompleted",
    ]
