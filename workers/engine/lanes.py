"""The second act of a run: the rows, in lanes."""

from __future__ import annotations

from dataclasses import replace

from domain.migrations.plan import RunOptions
from domain.migrations.progress import RunPhase
from domain.migrations.transfer import Chunk, TableCopy
from workers.engine.chunks import chunk_rows
from workers.engine.concurrency import each
from workers.engine.control import Ask, Control
from workers.engine.cuts import Cuts
from workers.engine.ends import Ends
from workers.engine.order import in_order
from workers.engine.pipeline import Desk, copy_chunk
from workers.engine.prepare import PreparedRun
from workers.engine.schedule import MemoryQueue, work_lane


async def copy_tables(desk: Desk, prepared: PreparedRun, options: RunOptions) -> None:
    """Copy every chunk that is not in the target yet, all lanes in this process.

    Raises:
        Stopped: the owner asked for a pause or an end.
        Fenced: another worker has taken the run over.
        DatabaseError: a chunk could not be copied.
    """
    await desk.meter.enter(RunPhase.DATA)
    copies = {copy.number: copy for copy in prepared.plan.tables}
    receipts = await desk.ends.target.receipts(desk.ticket.run_id)
    kept = desk.ends.route.target_connector.capabilities
    cuts = Cuts(desk.ends.source, desk.ends.target, desk.ticket.run_id, chunk_rows(options, kept), kept)
    crew = _Crew(desk.control)
    desk = replace(desk, control=crew)

    async def split(copy: TableCopy) -> tuple[Chunk, ...]:
        chunks = await cuts.left(copy, receipts)
        desk.meter.planned(copy.number, chunks)
        return chunks

    count = lane_count(options, desk.ends)
    for wave in prepared.waves:
        queue = MemoryQueue(in_order((copies[number] for number in wave), prepared.waves), split)

        async def lane(_number: int, queue: MemoryQueue = queue) -> None:
            try:
                await work_lane(queue, lambda chunk: copy_chunk(desk, copies[chunk.table_number], chunk), crew)
            except BaseException:
                crew.failed = True
                raise

        await each(range(count), lane, at_once=count)


def lane_count(options: RunOptions, ends: Ends) -> int:
    """Return how many lanes to work with: one for each place to write, and one that reads ahead meanwhile.

    That one needs a reading session of its own, or else it could hold the one that a writing lane waits for.
    """
    writers = min(options.parallel, ends.route.target_connector.capabilities.writers_max)
    return min(options.parallel, max(writers, min(writers + 1, ends.source.readers)))


class _Crew:
    """The lanes of one process: what the owner wants, and an early end for all when one has failed."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self.failed = False

    async def ask(self) -> Ask:
        """Say what the owner wants now, or that the others should give up."""
        return Ask.CANCEL if self.failed else await self._control.ask()
