"""A run that only a person can help pauses, says what is to be done, and goes on once that is done."""

from __future__ import annotations

import pytest

from domain.catalog.model import TableName
from domain.kernel.errors import DatabaseError, ErrorCode
from domain.migrations.pausing import REMEDIES
from domain.migrations.plan import RunOptions
from domain.migrations.progress import RunStatus
from domain.migrations.report import Failure
from tests.support.memory import Faults, MemoryDatabase
from tests.support.runs import migrate
from tests.unit.engine.test_run import ACTORS, a_shop


def held_up(code: ErrorCode, *, site: str, visit: int) -> Faults:
    """The database fails at one visit of a site."""
    error = DatabaseError("it says no", code=code)
    return Faults(lambda at, number: error if (at, number) == (site, visit) else None)


@pytest.mark.parametrize("code", [code for code in REMEDIES if code is not ErrorCode.SNAPSHOT_LOST])
async def test_a_run_that_somebody_can_help_pauses_with_the_reason_and_the_same_run_goes_on(code: ErrorCode) -> None:
    source, target = a_shop(), MemoryDatabase()
    target.faults = held_up(code, site="commit", visit=4)

    report = await migrate(source, target, RunOptions(parallel=1))
    resumed = await migrate(source, target, RunOptions(parallel=1))

    assert (report.status, report.error) == (RunStatus.PAUSED, None)
    assert report.pause == Failure(code, f"it says no. {REMEDIES[code]}")
    assert sum(table.rows_written for table in report.tables) == 9
    assert (resumed.status, resumed.error, resumed.pause) == (RunStatus.SUCCEEDED, None, None)
    assert sorted(target.rows[TableName("actor")]) == ACTORS


async def test_a_run_that_is_held_up_before_its_tables_stand_has_failed() -> None:
    source, target = a_shop(), MemoryDatabase()
    target.faults = held_up(ErrorCode.PRIVILEGE_MISSING, site="execute", visit=1)

    report = await migrate(source, target)

    assert (report.status, report.pause) == (RunStatus.FAILED, None)
    assert report.error == Failure(ErrorCode.PRIVILEGE_MISSING, "it says no")


async def test_a_right_that_was_never_there_is_a_failure() -> None:
    source, target = a_shop(), MemoryDatabase()
    source.faults = held_up(ErrorCode.PRIVILEGE_MISSING, site="read", visit=1)

    report = await migrate(source, target, RunOptions(parallel=1))

    assert (report.status, report.pause) == (RunStatus.FAILED, None)


async def test_an_optional_step_for_which_there_is_no_room_yet_is_not_left_out() -> None:
    source, target = a_shop(), MemoryDatabase()
    target.faults = held_up(ErrorCode.TARGET_DISK_FULL, site="execute ADD FOREIGN KEY plays TO film", visit=1)

    report = await migrate(source, target)
    resumed = await migrate(source, target)

    assert (report.status, report.error) == (RunStatus.PAUSED, None)
    assert (resumed.status, resumed.objects.skipped) == (RunStatus.SUCCEEDED, ())
    assert "ADD FOREIGN KEY plays TO film" in target.statements
