from __future__ import annotations

from dataclasses import replace

import pytest

from domain.migrations.plan import RunOptions
from tests.support.memory import MemoryConnector, MemoryDatabase
from tests.support.runs import memory_route
from workers.engine.chunks import chunk_rows
from workers.engine.ends import open_ends
from workers.engine.lanes import lane_count


@pytest.mark.parametrize(
    ("parallel", "readers", "writers", "lanes"),
    [
        pytest.param(4, 4, 4, 4, id="a place to write for each"),
        pytest.param(4, 4, 1, 2, id="one writes and one reads ahead"),
        pytest.param(4, 4, 2, 3, id="two write and one reads ahead"),
        pytest.param(2, 1, 1, 1, id="the one reading session is the writing lane's"),
        pytest.param(4, 1, 4, 4, id="as many as may write, however many read"),
        pytest.param(1, 2, 1, 1, id="no more than asked for"),
    ],
)
async def test_one_lane_more_than_may_write_reads_ahead(parallel: int, readers: int, writers: int, lanes: int) -> None:
    route = memory_route(MemoryDatabase(), MemoryDatabase(), writers_max=writers)
    async with open_ends(route, parallel=parallel, readers=readers) as ends:
        assert lane_count(RunOptions(parallel=parallel), ends) == lanes


@pytest.mark.parametrize(
    ("asked", "together", "at_once", "taken"),
    [
        pytest.param(200_000, 1, 1, 200_000, id="no groups"),
        pytest.param(200_000, 122_880, 1, 122_880, id="one group"),
        pytest.param(200_000, 122_880, 4, 491_520, id="as many groups as are stored side by side"),
        pytest.param(1_000_000, 122_880, 4, 983_040, id="several groups"),
        pytest.param(100_000, 122_880, 2, 245_760, id="nearly a group"),
        pytest.param(1_000, 122_880, 4, 1_000, id="less than a group"),
    ],
)
def test_a_chunk_is_of_whole_groups_of_the_targets_storage(asked: int, together: int, at_once: int, taken: int) -> None:
    memory = MemoryConnector(MemoryDatabase()).capabilities
    target = replace(memory, rows_together=together, groups_at_once=at_once)
    assert chunk_rows(RunOptions(chunk_rows=asked), target) == taken
