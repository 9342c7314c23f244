"""Running the engine over databases in memory."""

from __future__ import annotations

from dataclasses import replace

from domain.connections.values import Endpoint, Engine
from domain.migrations.plan import RunOptions
from domain.migrations.progress import RunProgress
from domain.migrations.report import RunReport
from tests.support.memory import MemoryConnector, MemoryDatabase
from workers.engine.control import Control, ControlSwitch
from workers.engine.ends import Route, open_ends
from workers.engine.prepare import RunRequest
from workers.engine.run import run

STANDARD = RunOptions()


class Watcher:
    """A progress sink that keeps everything it is told."""

    def __init__(self) -> None:
        self.seen: list[RunProgress] = []

    async def report(self, progress: RunProgress) -> None:
        self.seen.append(progress)


def memory_route(
    source: MemoryDatabase, target: MemoryDatabase, *, enforces_foreign_keys: bool = True, writers_max: int = 4
) -> Route:
    return Route(
        MemoryConnector(source, enforces_foreign_keys=enforces_foreign_keys),
        Endpoint(Engine.SQLITE, path="source"),
        MemoryConnector(target, writers_max=writers_max),
        Endpoint(Engine.SQLITE, path="target"),
    )


async def migrate(
    source: MemoryDatabase,
    target: MemoryDatabase,
    options: RunOptions = STANDARD,
    *,
    watcher: Watcher | None = None,
    control: Control | None = None,
    restart: bool = False,
    run_id: str = "run",
) -> RunReport:
    """Run a migration as a process would that starts now and ends with it."""
    options = replace(options, chunk_rows=min(options.chunk_rows, 3))
    async with open_ends(memory_route(source, target), parallel=options.parallel) as ends:
        request = RunRequest(run_id, options, restart=restart)
        return await run(ends, request, watcher or Watcher(), control or ControlSwitch())
