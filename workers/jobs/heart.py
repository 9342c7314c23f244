"""A thread that prolongs leases, so that a busy event loop does not cost a worker its work."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import structlog
from sqlalchemy.exc import SQLAlchemyError

from domain.migrations.assignments import Assignment
from infra.db.database import OF_WORKERS, POOL_SIZE, Database, control_store_url
from infra.db.stores.migrations.assignments import Leases
from infra.settings import Settings
from workers.engine.concurrency import each
from workers.jobs.workshop import Workshop

WEDGED_S = 120.0
"""An assignment that has given no sign of life for so long gets no more help: its loop hangs."""

GIVE_UP_S = 5.0
"""How long the end of a worker waits for a look that is under way."""

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def beating(shop: Workshop) -> AsyncIterator[None]:
    """Prolong the leases on what this process has in hand for as long as this lasts.

    A control store that does not answer is not waited for at the end: the thread ends with its process.
    """
    ended = threading.Event()
    thread = threading.Thread(target=_beat, args=(shop, ended), name="leases", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        await asyncio.to_thread(thread.join, GIVE_UP_S)


def _beat(shop: Workshop, ended: threading.Event) -> None:
    asyncio.run(_beat_until(shop, ended))


async def _beat_until(shop: Workshop, ended: threading.Event) -> None:
    settings = shop.container.settings
    database = Database(_address(settings), OF_WORKERS)
    leases = Leases(database, shop.holder, settings.worker_lease_s)
    try:
        while not await asyncio.to_thread(ended.wait, settings.worker_lease_s / 3):
            try:
                await renew(shop.in_hand, leases)
            except (SQLAlchemyError, OSError) as error:
                _log.warning("leases not prolonged", error=type(error).__name__)
    finally:
        await database.close()


async def renew(in_hand: Mapping[Assignment, float], leases: Leases) -> None:
    """Prolong the leases on all that has lately given a sign of life.

    All at once: where answers take long, the last one would come too late.

    Raises:
        SQLAlchemyError: the control store cannot be reached.
    """
    now = time.monotonic()
    alive = [assignment for assignment, seen in tuple(in_hand.items()) if now - seen < WEDGED_S]
    await each(alive, leases.renew, at_once=POOL_SIZE)


def _address(settings: Settings) -> str:
    if settings.database_url is None:
        raise LookupError("a worker's container is open, so it has a control store")
    return control_store_url(settings.database_url.get_secret_value())
