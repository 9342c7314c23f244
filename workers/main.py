"""A worker process: `python -m workers.main`. Ends with 1 when Redis is lost, so that its supervisor starts another."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from arq.worker import Worker, func

from domain.connections.values import Engine
from domain.kernel.errors import WherryError
from domain.kernel.failpoints import arm_from
from infra.connectors.registry import connector_for
from infra.container import Container, ended, open_container, reach_control_store
from infra.db.database import OF_WORKERS
from infra.hidden import hide_modules
from infra.logs import configure_logging
from infra.redis.client import QUEUE_NAME, from_json, to_json
from infra.settings import Settings, read_settings
from workers.engine.concurrency import cancelled
from workers.jobs.finish import finish_migration
from workers.jobs.heart import beating
from workers.jobs.lane import copy_lane
from workers.jobs.prepare import prepare_migration
from workers.jobs.reconcile import Reconciler
from workers.jobs.rollback import rollback_migration
from workers.jobs.workshop import KEY, open_workshop

POLL_S = 0.1

JOB_S_MAX = 7 * 24 * 3600
"""Long, since a job that a worker took to its grave is given out anew under another key, and never waited for."""

TRIES_MAX = 1_000
"""Each stop of a worker is a try; our own attempts are counted per chunk."""

_JOBS = (prepare_migration, copy_lane, finish_migration, rollback_migration)

_log = structlog.get_logger(__name__)


def main() -> int:
    """Run a worker until a signal ends it, and return the exit code."""
    hide_modules()
    try:
        arm_from(os.environ)
        settings = read_settings()
        configure_logging(settings)
        for engine in Engine:
            connector_for(engine)  # drivers take a while to load, which the first migration need not wait for
        return asyncio.run(_serve(settings))
    except WherryError as error:
        sys.stderr.write(f"wherry: {error.message}\n")
        return 1


async def _serve(settings: Settings) -> int:
    await reach_control_store(settings)
    told_to_stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told_to_stop.set)
    async with open_container(settings, OF_WORKERS) as container, working(container) as work:
        stopping = asyncio.create_task(told_to_stop.wait())
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not work.done():
            return 0
        _log.error("the queue is lost; this worker ends", exc_info=work.exception())
        return 1


@asynccontextmanager
async def working(container: Container) -> AsyncIterator[asyncio.Task[None]]:
    """Work on jobs for as long as this lasts; then give back what is in hand. Yields the task that polls the queue."""
    shop = open_workshop(container)
    worker = Worker(
        functions=[func(job, timeout=JOB_S_MAX, max_tries=TRIES_MAX, keep_result=0) for job in _JOBS],
        queue_name=QUEUE_NAME,
        redis_pool=container.redis,
        handle_signals=False,
        max_jobs=container.settings.worker_jobs_max,
        job_timeout=JOB_S_MAX,
        keep_result=0,
        poll_delay=POLL_S,
        health_check_interval=10,
        ctx={KEY: shop},
        job_serializer=to_json,
        job_deserializer=from_json,
        log_results=False,
    )
    async with beating(shop):
        reconciling = asyncio.create_task(Reconciler(shop).keep())
        polling = asyncio.create_task(worker.main())
        try:
            yield polling
        finally:
            await ended(polling)
            await ended(reconciling)
            await cancelled([task for task in worker.tasks.values() if not task.done()])


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
