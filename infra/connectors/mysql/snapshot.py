"""Opening reading sessions that see one moment of the database.

A ladder, best first: one session needs nothing else; MariaDB with a binary log tells each session where
in that log its snapshot lies, and equal places are one moment; a global read lock holds writers still
while the sessions begin. Where none of these is to be had there is one session for everything: one
moment is worth more than reading in parallel, and one stream seldom is what a copy waits for.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from domain.kernel.errors import DatabaseError
from domain.migrations.transfer import Consistency
from infra.connectors.mysql.bulk import BulkSession
from infra.connectors.mysql.capabilities import LOCK_WAIT_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.connectors.mysql.session import Control

_BEGIN = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
_PLACE = "SHOW SESSION STATUS WHERE Variable_name IN ('Binlog_snapshot_file', 'Binlog_snapshot_position')"
_AGREEMENT_TRIES = 20
_NOT_VERSIONED = (
    "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' "
    "AND engine <> 'InnoDB'"
)


async def begin_snapshot(sessions: Sequence[BulkSession], control: Control) -> tuple[int, Consistency]:
    """Begin a read-only transaction on every session; return how many may be used, and what their reads share.

    Raises:
        DatabaseError: a session could not begin.
    """
    usable = len(sessions)
    if usable > 1 and not await _agree_on_place(sessions) and not await _begin_under_lock(sessions, control):
        usable = 1
    if usable == 1:
        await _begin_all(sessions[:1])
    has_strangers = await control.value(_NOT_VERSIONED, doing="looking for tables without snapshots")
    return usable, Consistency.CHUNK if has_strangers else Consistency.SNAPSHOT


async def _begin_all(sessions: Sequence[BulkSession]) -> None:
    await asyncio.gather(*(session.rows(_BEGIN, doing="beginning a snapshot") for session in sessions))


async def _agree_on_place(sessions: Sequence[BulkSession]) -> bool:
    """Begin until all snapshots lie at the same place of the binary log; False where there is no such place."""
    for _ in range(_AGREEMENT_TRIES):
        await _begin_all(sessions)
        places = {tuple(await session.rows(_PLACE, doing="locating a snapshot")) for session in sessions}
        if any(not place or not all(value for _, value in place) for place in places):
            return False
        if len(places) == 1:
            return True
    return False


async def _begin_under_lock(sessions: Sequence[BulkSession], control: Control) -> bool:
    """Begin while a global read lock keeps everybody from writing; False if the lock is not to be had."""
    await control.rows(f"SET SESSION lock_wait_timeout = {LOCK_WAIT_S}", doing="bounding the wait for the read lock")
    try:
        await control.rows("FLUSH TABLES WITH READ LOCK", doing="taking the global read lock")
    except DatabaseError:
        return False  # no right to it, or a long statement holds it up: the caller does with one session
    try:
        await _begin_all(sessions)
    finally:
        await control.rows("UNLOCK TABLES", doing="giving the global read lock back")
    return True
