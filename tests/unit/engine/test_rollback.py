from __future__ import annotations

from domain.migrations.rollback import RollbackOptions, RollbackState
from tests.support.catalog import a_table, an_index
from tests.support.memory import MemoryDatabase
from tests.support.runs import memory_route, migrate
from workers.engine.control import ControlSwitch
from workers.engine.ends import open_ends
from workers.engine.rollback import allowed_rollback, carry_out


async def test_what_will_be_dropped_is_found_out_once_and_not_again_at_each_act() -> None:
    source, target = MemoryDatabase(), MemoryDatabase()
    source.add(a_table("film", "title", indexes=(an_index("by_title", "title"),)), [(1, "one")])
    source.add(a_table("actor", "name"), [])
    await migrate(source, target)
    told: list[RollbackState] = []

    class Sink:
        async def report(self, state: RollbackState) -> None:
            told.append(state)

    async with open_ends(memory_route(source, target), parallel=1) as ends:
        plan = await allowed_rollback(ends.target, "run", RollbackOptions())
        await carry_out(ends.target, plan, ControlSwitch(), Sink())

    assert len(told) > len(told[0].undropped) > 1
    assert all(state.undropped is told[0].undropped for state in told)
    assert target.rows == {}
