"""The job that copies chunks."""

from __future__ import annotations

import math
import time
from typing import Any

from arq import Retry

from domain.kernel.errors import DatabaseError
from domain.kernel.failpoints import failpoint
from domain.migrations.facts import NoteCopied
from domain.migrations.transfer import Chunk, ChunkReceipt
from infra.clock import SystemIds
from infra.db.stores.migrations.chunks import Chunks
from infra.db.stores.migrations.moments import note_moment
from infra.stored_run import prepared_run
from workers.engine.ends import open_ends
from workers.engine.pipeline import Desk, copy_chunk
from workers.engine.prepare import PreparedRun
from workers.engine.progress import Meter
from workers.engine.retry import retrying
from workers.engine.schedule import work_lane
from workers.jobs.duty import Duty, perform
from workers.jobs.prepare import lanes_of
from workers.jobs.queue import LeasedQueue
from workers.jobs.report import reading_of
from workers.jobs.sinks import LaneSink
from workers.jobs.workshop import KEY, Workshop

STEP_ASIDE_S = 0.15


async def copy_lane(ctx: dict[str, Any], migration_id: str) -> None:
    """Work in a lane for its time; arq calls this.

    A process is one core's worth of work, so one that has a lane of this migration already steps
    aside for a moment and leaves the next one to processes that have fewer.
    """
    shop: Workshop = ctx[KEY]
    tries: int = ctx["job_try"]
    if 2 * shop.lanes[migration_id] >= tries:
        raise Retry(defer=STEP_ASIDE_S)
    shop.lanes[migration_id] += 1
    try:
        await perform(shop, ctx["job_id"], _lane)
    finally:
        shop.lanes.subtract((migration_id,))
        if not shop.lanes[migration_id]:
            del shop.lanes[migration_id]


async def _lane(duty: Duty) -> None:
    shop, assignment = duty.shop, duty.assignment
    stored = await shop.plans.find(duty.migration_id)
    if stored is None or stored.epoch != assignment.epoch:
        return
    prepared = prepared_run(stored)
    chunks = Chunks(shop.container.database, duty.migration_id, assignment.task, stored.epoch)
    until = time.monotonic() + shop.container.settings.worker_lane_s
    time_is_up = await retrying(lambda: _copy(duty, prepared, chunks, until), duty.patience)
    left = await chunks.left()
    if left.dead:
        raise DatabaseError(left.error or "some rows were tried again and again, and every worker that did so was lost")
    if not left.open:
        failpoint("job.copied")
        await shop.tell(NoteCopied(migration_id=duty.migration_id, epoch=stored.epoch))
    elif time_is_up:
        await shop.leases.go_on(assignment)
        await shop.relay()


async def _copy(duty: Duty, prepared: PreparedRun, chunks: Chunks, until: float) -> bool:
    """Copy chunks with sessions of our own; tell whether it ended because the time was up."""
    brief = await duty.brief()
    route = await duty.shop.route(brief)
    if lanes_of(brief.options, route.target_connector.capabilities) == 1:
        until = math.inf  # a lane that nobody shares the work with keeps its one view of the source
    copies = {copy.number: copy for copy in prepared.plan.tables}
    sink = LaneSink(duty)
    meter = Meter(prepared.ticket.run_id, sink)
    async with open_ends(route, parallel=1) as ends:
        desk = Desk(ends, prepared.ticket, meter, duty.control, rejects=brief.options.reject_limit)
        reading = reading_of(ends.source.consistency, SystemIds().new().hex)
        await note_moment(duty.shop.container.database, duty.migration_id, reading, ends.source.moment)
        queue = LeasedQueue(chunks, duty, reading=reading, until=until)

        async def copy_one(chunk: Chunk) -> ChunkReceipt:
            copy = copies[chunk.table_number]
            sink.table_number = copy.number
            meter.follow((copy,), ())
            return await copy_chunk(desk, copy, chunk)

        await work_lane(queue, copy_one, duty.control)
        return queue.time_is_up
