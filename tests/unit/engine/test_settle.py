"""A run that ends early asks its target what it holds, and says so if there is no answer."""

from __future__ import annotations

import asyncio

import pytest

from domain.kernel.errors import DatabaseError
from domain.migrations.progress import RunStatus
from tests.support.catalog import a_table
from tests.support.memory import Faults, MemoryDatabase, MemoryTarget
from tests.support.runs import migrate
from workers.engine import settle
from workers.engine.settle import Unasked, held_by_target


async def test_a_run_whose_target_is_gone_at_the_end_says_that_its_counts_may_be_low(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, target = MemoryDatabase(), MemoryDatabase()
    source.add(a_table("film", "title"), [(number, "") for number in range(10)])
    gone = DatabaseError("the server is gone")
    target.faults = Faults(lambda site, visit: gone if (site, visit) == ("commit", 2) else None)
    knows_run = MemoryTarget.knows_run

    async def knows_run_until_gone(self: MemoryTarget, run_id: str) -> bool:
        if target.faults.visits["commit"] >= 2:
            raise gone
        return await knows_run(self, run_id)

    monkeypatch.setattr(MemoryTarget, "knows_run", knows_run_until_gone)

    report = await migrate(source, target)

    assert report.status is RunStatus.FAILED
    [warning] = report.warnings
    assert warning.startswith("The target could not be asked what it holds: the server is gone. Rows of chunks that")


async def test_a_target_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle, "SETTLE_MAX_S", 0)

    async def silence() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Unasked, match="it did not answer in time"):
        await held_by_target(silence)
