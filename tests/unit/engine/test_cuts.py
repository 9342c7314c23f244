"""Tables that were begun are cut as they were then, whatever their source expects by now."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import pytest

from domain.kernel.errors import SchemaDrift
from domain.kernel.values import Bytes, Rows
from domain.migrations.plan import RunOptions
from domain.migrations.transfer import Chunk, ChunkReceipt, ChunkScope, KeyRange, Source, TableCopy, WholeTable
from tests.support.memory import MemoryDatabase
from tests.support.runs import Watcher, memory_route
from tests.unit.engine.test_run import a_shop
from workers.engine.control import ControlSwitch
from workers.engine.cuts import Cuts
from workers.engine.ends import Ends, open_ends
from workers.engine.prepare import RunRequest, prepare
from workers.engine.progress import Meter


def receipt_of(chunk: Chunk) -> ChunkReceipt:
    return ChunkReceipt(chunk.table_number, chunk.number, Rows(1), Rows(1), Rows(0), Bytes(1))


async def begun(ends: Ends) -> TableCopy:
    """Prepare a run and return its longest table."""
    prepared = await prepare(ends, RunRequest("run", RunOptions()), Meter("run", Watcher()), ControlSwitch())
    return max(prepared.plan.tables, key=lambda copy: copy.row_estimate)


class ByNumbers:
    """A source with a table of 25 numbered rows."""

    async def split(self, copy: TableCopy, rows_max: int) -> tuple[Chunk, ...]:
        bounds: list[tuple[int] | None] = [None, *((bound,) for bound in range(rows_max, 25, rows_max)), None]
        scopes: list[ChunkScope] = (
            [KeyRange(after, upto) for after, upto in pairwise(bounds)] if len(bounds) > 2 else [WholeTable()]
        )
        return tuple(Chunk(copy.number, number, scope, Rows(rows_max)) for number, scope in enumerate(scopes))


def cuts_of(ends: Ends, rows_max: int) -> Cuts:
    return Cuts(cast("Source", ByNumbers()), ends.target, "run", rows_max, ends.route.target_connector.capabilities)


async def test_a_table_that_was_begun_is_cut_as_it_was_then() -> None:
    async with open_ends(memory_route(a_shop(), MemoryDatabase()), parallel=1) as ends:
        copy = await begun(ends)
        first, *others = await cuts_of(ends, 3).left(copy, ())

        left = await cuts_of(ends, 2).left(copy, [receipt_of(first)])

    assert isinstance(first.scope, KeyRange)
    assert list(left) == others


async def test_a_table_of_which_nothing_has_arrived_is_cut_as_its_source_has_it_now() -> None:
    async with open_ends(memory_route(a_shop(), MemoryDatabase()), parallel=1) as ends:
        copy = await begun(ends)
        await cuts_of(ends, 3).left(copy, ())

        fresh = await cuts_of(ends, 2).left(copy, ())
        left = await cuts_of(ends, 4).left(copy, [receipt_of(fresh[0])])

    assert left == fresh[1:]


async def test_a_table_that_was_copied_as_a_whole_is_done_however_long_it_is_thought_to_be_now() -> None:
    async with open_ends(memory_route(a_shop(), MemoryDatabase()), parallel=1) as ends:
        copy = await begun(ends)
        [whole] = await cuts_of(ends, 1_000_000).left(copy, ())

        left = await cuts_of(ends, 2).left(copy, [receipt_of(whole)])

    assert whole.scope == WholeTable()
    assert left == ()


async def test_a_chunk_that_no_cut_explains_means_that_the_table_has_changed() -> None:
    async with open_ends(memory_route(a_shop(), MemoryDatabase()), parallel=1) as ends:
        copy = await begun(ends)
        strange = Chunk(copy.number, 7, WholeTable())

        with pytest.raises(SchemaDrift, match="has changed since this run was interrupted"):
            await cuts_of(ends, 3).left(copy, [receipt_of(strange)])
