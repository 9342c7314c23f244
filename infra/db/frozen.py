"""Ending sessions of processes that are frozen in the middle of an exchange with the control store.

The driver prepares a statement and executes it in one exchange. While the server waits for the rest of it, the session
counts as active, and none of the server's time limits covers that: its locks are held for as long as its process is
frozen.
"""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy.exc import SQLAlchemyError

from infra.db.database import IDLE_MAX_S, NAME, Database

LOOK_S = IDLE_MAX_S / 2

_END = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user AND application_name = :name
    AND state = 'active' AND wait_event = 'ClientRead'
    AND state_change < clock_timestamp() - make_interval(secs => :after_s) LIMIT 1000"""

_log = structlog.get_logger(__name__)


async def keep_ending_frozen(url: str) -> None:
    """Look now and again until cancelled, on a session of its own: all others may be waiting for those locks."""
    database = Database(url)
    try:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await end_frozen(database)
            except (SQLAlchemyError, OSError) as error:
                _log.warning("cannot look for frozen sessions", error=type(error).__name__)
    finally:
        await database.close()


async def end_frozen(database: Database, after_s: float = IDLE_MAX_S) -> None:
    """End the sessions whose exchange has waited for its other half for longer than `after_s` seconds.

    Only those of the same role, which needs no special right.

    Raises:
        SQLAlchemyError, OSError: the control store cannot be reached.
    """
    ended = await database.rows(_END, name=NAME, after_s=after_s)
    if ended:
        _log.warning("sessions of frozen processes were ended", sessions=len(ended))
