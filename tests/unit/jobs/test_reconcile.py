"""Looking after work that nobody does goes on whatever happens to one look."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest
from sqlalchemy.exc import OperationalError

from domain.kernel.errors import ConcurrencyConflict
from workers.engine.concurrency import cancelled
from workers.jobs.reconcile import Reconciler
from workers.jobs.workshop import Workshop


@pytest.mark.parametrize(
    "failure",
    [ConcurrencyConflict("others were faster"), OSError("no queue"), OperationalError("SELECT 1", {}, OSError())],
    ids=["others were faster", "no queue", "no control store"],
)
async def test_a_look_that_fails_is_not_the_last_one(failure: Exception) -> None:
    looked_again = asyncio.Event()
    failures = [failure]

    class Looking(Reconciler):
        async def look(self) -> None:
            if failures:
                raise failures.pop()
            looked_again.set()

    container = SimpleNamespace(database=None, settings=SimpleNamespace(worker_lease_s=0))
    keeping = asyncio.create_task(Looking(cast(Workshop, SimpleNamespace(container=container))).keep())

    await asyncio.wait([keeping, asyncio.create_task(looked_again.wait())], return_when=asyncio.FIRST_COMPLETED)

    assert looked_again.is_set()
    await cancelled([keeping])
