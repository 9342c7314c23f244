"""The source's digests are computed while rows are copied, and are the ones that the comparison uses."""

from __future__ import annotations

import asyncio

import pytest

from domain.catalog.model import TableName
from domain.kernel.errors import DatabaseError
from domain.kernel.values import Rows
from domain.migrations.digests import Digest, DigestColumn, RowHash
from domain.migrations.misfits import Treatment
from domain.migrations.plan import RunOptions, VerifyLevel
from tests.support.memory import MemoryDatabase
from tests.support.runs import Watcher, memory_route
from tests.unit.engine.test_run import a_shop
from workers.engine.control import ControlSwitch
from workers.engine.early import early_digests
from workers.engine.ends import open_ends
from workers.engine.hashing import BY_MD5, Hashing
from workers.engine.prepare import PreparedRun, RunRequest, prepare
from workers.engine.progress import Meter
from workers.engine.verify import SourceSide, source_columns

OPTIONS = RunOptions(parallel=2)


class Asked:
    """A source that notes what it is asked, and answers when it may."""

    def __init__(self, *failures: DatabaseError, readers: int = 2, columns_asked: bool = True) -> None:
        self._columns_asked = columns_asked
        self.readers = readers
        self.tables: list[str] = []
        self.may_answer = asyncio.Event()
        self.has_been_asked = asyncio.Event()
        self.given_up = 0
        self._failures = list(failures)

    async def digest(
        self, table: TableName, columns: tuple[DigestColumn, ...], treatments: tuple[Treatment, ...] = ()
    ) -> Digest:
        assert bool(columns) is self._columns_asked
        assert not treatments
        self.tables.append(table.name)
        number = len(self.tables)
        self.has_been_asked.set()
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        if self._failures:
            raise self._failures.pop()
        return Digest(Rows(1), number)

    async def quick_digest(self, hash_: RowHash, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        raise AssertionError(f"asked for {hash_} of {table} over {columns}")


async def a_prepared_run(options: RunOptions = OPTIONS) -> PreparedRun:
    async with open_ends(memory_route(a_shop(), MemoryDatabase()), parallel=2) as ends:
        return await prepare(ends, RunRequest("run", options), Meter("run", Watcher()), ControlSwitch())


async def answers(source: SourceSide, prepared: PreparedRun) -> list[Digest]:
    return [await source.digest(copy.source, source_columns(copy.columns)) for copy in prepared.plan.tables]


async def test_each_digest_is_asked_for_once_without_waiting_for_the_comparison() -> None:
    asked, prepared = Asked(), await a_prepared_run()

    async with early_digests(asked, prepared, OPTIONS, BY_MD5) as source:
        await asyncio.wait_for(asked.has_been_asked.wait(), 60)
        asked.may_answer.set()
        found = await answers(source, prepared)

    assert sorted(asked.tables) == ["actor", "empty", "film"]
    assert len(set(found)) == 3


async def test_what_failed_before_it_was_wanted_is_asked_for_again() -> None:
    asked, prepared = Asked(DatabaseError("the network was away")), await a_prepared_run()
    asked.may_answer.set()

    async with early_digests(asked, prepared, OPTIONS, BY_MD5) as source:
        await asyncio.wait_for(asked.has_been_asked.wait(), 60)
        assert len(await answers(source, prepared)) == 3

    assert len(asked.tables) == 4


async def test_a_source_that_fails_still_is_heard_of() -> None:
    asked, prepared = Asked(*[DatabaseError("away")] * 9), await a_prepared_run()
    asked.may_answer.set()

    async with early_digests(asked, prepared, OPTIONS, BY_MD5) as source:
        await asyncio.wait_for(asked.has_been_asked.wait(), 60)
        with pytest.raises(DatabaseError, match="away"):
            await answers(source, prepared)


async def test_a_digest_under_way_is_given_up_when_the_run_stops() -> None:
    asked, prepared = Asked(), await a_prepared_run()

    async with early_digests(asked, prepared, OPTIONS, BY_MD5):
        await asyncio.wait_for(asked.has_been_asked.wait(), 60)

    assert asked.given_up == 1
    assert len(asked.tables) == 1


async def test_a_source_of_one_session_begins_once_its_rows_are_read() -> None:
    asked, prepared = Asked(readers=1), await a_prepared_run()
    asked.may_answer.set()

    async with early_digests(asked, prepared, OPTIONS, BY_MD5) as source:
        await asyncio.sleep(0)
        assert asked.tables == []
        source.begin()
        await asyncio.wait_for(asked.has_been_asked.wait(), 60)
        assert len(await answers(source, prepared)) == 3

    assert sorted(asked.tables) == ["actor", "empty", "film"]


async def test_nothing_is_asked_for_early_where_rows_are_only_counted() -> None:
    options = RunOptions(parallel=2, verify=VerifyLevel.COUNTS)
    asked, prepared = Asked(), await a_prepared_run(options)

    async with early_digests(asked, prepared, options, BY_MD5) as source:
        source.begin()
        await asyncio.sleep(0)

    assert asked.tables == []


async def test_a_source_whose_rows_are_added_up_as_they_pass_is_only_asked_how_many_there_are() -> None:
    asked, prepared = Asked(columns_asked=False), await a_prepared_run()
    asked.may_answer.set()

    async with early_digests(asked, prepared, OPTIONS, Hashing(passes=lambda _copy: True)) as source:
        await asyncio.wait_for(asked.has_been_asked.wait(), 60)
        for copy in prepared.plan.tables:
            await source.digest(copy.source, ())

    assert sorted(asked.tables) == ["actor", "empty", "film"]
