"""Opening reading sessions that see one moment of the database.

A ladder, best first: one session needs nothing else; MariaDB with a binary log tells each session where
in that log its snapshot lies, and equal places are one moment; a global read lock holds writers still
while the sessions begin. Where none of these is to be had there is one session for everything: one
moment is worth more than reading in parallel, and one stream seldom is what a copy waits for.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING

from domain.kernel.errors import DatabaseError
from domain.migrations.moments import Moment, MomentMark, utc_text
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


_HISTORY = (
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN "
    "('log_bin', 'gtid_binlog_pos', 'gtid_executed', 'server_id', 'server_uuid', 'hostname', 'port', 'version')"
)


@dataclass(frozen=True)
class Begun:
    """How many sessions may be used, what their reads share, and the moment they see."""

    usable: int
    consistency: Consistency
    moment: Moment


async def begin_snapshot(sessions: Sequence[BulkSession], control: Control) -> Begun:
    """Begin a read-only transaction on every session.

    Raises:
        DatabaseError: a session could not begin.
    """
    before = await _history(control)
    usable = len(sessions)
    if usable > 1 and not await _agree_on_place(sessions) and not await _begin_under_lock(sessions, control):
        usable = 1
    if usable == 1:
        await _begin_all(sessions[:1])
    has_strangers = await control.value(_NOT_VERSIONED, doing="looking for tables without snapshots")
    moment = await _moment(sessions[0], control, before)
    if has_strangers:
        return Begun(usable, Consistency.CHUNK, replace(moment, identity=""))
    return Begun(usable, Consistency.SNAPSHOT, moment)


async def _history(control: Control) -> dict[str, str]:
    """Return which server this is, and what its binary log holds by now."""
    found = await control.rows(_HISTORY, doing="asking what the binary log holds")
    return {str(name).lower(): str(value) for name, value in found}


async def _moment(session: BulkSession, control: Control, before: dict[str, str]) -> Moment:
    """Describe the moment of transactions that have begun since `before`.

    It can be told from others if there is a binary log, and nobody wrote to it while they began.
    """
    taken_at = await control.value("SELECT UTC_TIMESTAMP(6)", doing="asking for the time")
    after = await _history(control)
    place: dict[object, object] = dict(await session.rows(_PLACE, doing="locating a snapshot"))
    file, position = (_text(place.get(f"Binlog_snapshot_{name}", "")) for name in ("file", "position"))
    gtid = after.get("gtid_binlog_pos") or after.get("gtid_executed", "")
    server = "/".join(after.get(name, "") for name in ("server_uuid", "hostname", "port", "server_id"))
    marks = [MomentMark("server", f"{after.get('version', '')}, {server}")]
    marks += [MomentMark("binlog position", f"{file}:{position}")] if file else []
    marks += [MomentMark("gtid", gtid)] if gtid else []
    still = before == after and after.get("log_bin") == "ON" and bool(gtid)
    return Moment(utc_text(taken_at.replace(tzinfo=UTC)), tuple(marks), f"{server}/{gtid}" if still else "")


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


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
