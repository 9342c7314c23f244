"""What must hold of every history, read from the control store when it is over.

The invariants of a migration, and where a history holds them:

I1, I2   No row is lost, none is there twice: the target against the source, all the time and at the end (`history`).
I3       Rows read are rows written and rejected, by table; the counters agree with the ledger.
I4       The ledger agrees with the rows that are there (`databases`).
I5       One writer: tickets, leases and claims of chunks only rise.
I6       Status changes as the table of transitions says; one TERMINAL frame, at the end.
I7       Versions of events and numbers of frames have no hole.
I8       The read models are what playing all events again makes of them.
I11      After a rollback the target is as it was (`history`).
I14      Every history ends without an operator, within `ENDS_WITHIN_S` after the last fault (`history`).
I15      The source is untouched (`history`).

Not here: I9, since nobody subscribes; I10, since the source's rows do not change; I12 and I13, since no
secret is in reach and no time is real. Tests with real processes hold these.
"""

from __future__ import annotations

import json
from uuid import UUID

from domain.migrations.aggregate import status_after
from domain.migrations.events import MigrationEvent
from domain.migrations.values import TRANSITIONS, MigrationStatus
from infra.db.event_codec import decode
from infra.db.projections.registry import TABLES
from tests.crash.simulation.server import ControlServer

_EVENTS = "SELECT version, type, schema_version, data::text FROM event WHERE stream_id = $1 ORDER BY version"
_FRAMES = "SELECT sequence, kind FROM migration_event WHERE migration_id = $1 ORDER BY sequence"
_LEASES = "SELECT task, epoch, sequence, state, holder FROM simulation.lease WHERE migration_id = $1 ORDER BY number"
_CLAIMS = "SELECT epoch, plan_epoch FROM simulation.claim WHERE migration_id = $1 AND epoch <> plan_epoch"
_UNDONE = "SELECT count(*) FROM simulation.undone WHERE migration_id = $1"
_ROWS = """
SELECT number, rows_read, rows_written, rows_rejected FROM migration_table WHERE migration_id = $1 ORDER BY number
"""
_NOT_ASKED = """
SELECT 1 FROM migration_log WHERE migration_id = $1 AND message LIKE 'The target could not be asked%' LIMIT 1
"""
_ALL = 'SELECT to_jsonb(it)::text AS row FROM "{name}" AS it ORDER BY 1'
_STATUS = "SELECT status FROM migration WHERE id = $1"

_FOLLOWS = {
    "GIVEN": {"GIVEN", "TAKEN", "LOST"},
    "TAKEN": {"GIVEN", "DONE", "LOST"},
    "DONE": {"GIVEN"},
    "LOST": {"GIVEN"},
}
"""How an assignment of a task may go on."""


def violations(server: ControlServer, migration_id: UUID) -> list[str]:
    """Return what is wrong with a history by what the control store has noted of it."""
    return [
        *_of_status(server, migration_id),
        *_of_frames(server, migration_id),
        *_of_leases(server, migration_id),
        *_of_rows(server, migration_id),
        *(f"a chunk was claimed under {dict(row)}" for row in server.observe(_CLAIMS, migration_id)),
        *(["a chunk that was done was to be done again"] if server.observe(_UNDONE, migration_id)[0][0] else []),
    ]


def accounted(server: ControlServer, migration_id: UUID, written: dict[int, int]) -> list[str]:
    """Hold the counters to the rows that the target's ledger knows of (I3)."""
    counted = {row["number"]: row["rows_written"] for row in server.observe(_ROWS, migration_id) if row["rows_written"]}
    held = {number: count for number, count in written.items() if count}
    if counted == held or server.observe(_NOT_ASKED, migration_id):
        return []
    return [f"counted {counted}, and the target holds {held}"]


def read_models(server: ControlServer) -> dict[str, list[str]]:
    """Return all that the projections hold (I8)."""
    names = sorted(table.name for table in TABLES)
    return {name: [row["row"] for row in server.observe(_ALL.format(name=name))] for name in names}


def _of_rows(server: ControlServer, migration_id: UUID) -> list[str]:
    """Hold the counters of each table to each other (I3)."""
    return [
        f"table {row['number']}: read {row['rows_read']}, wrote {row['rows_written']}, rejected {row['rows_rejected']}"
        for row in server.observe(_ROWS, migration_id)
        if row["rows_read"] != row["rows_written"] + row["rows_rejected"]
    ]


def _of_status(server: ControlServer, migration_id: UUID) -> list[str]:
    """Hold the events to the table of transitions and to their numbers, and the status shown to them (I6, I7)."""
    wrong: list[str] = []
    status = MigrationStatus.PENDING
    rows = server.observe(_EVENTS, migration_id)
    for expected, row in enumerate(rows, start=1):
        if row["version"] != expected:
            wrong.append(f"event {expected} has version {row['version']}")
        event: MigrationEvent = decode(row["type"], row["schema_version"], json.loads(row["data"]))  # type: ignore[assignment]  # the stream of a migration holds no others
        after = status_after(event, status)
        if after is not status and after not in TRANSITIONS[status]:
            wrong.append(f"from {status.value} to {after.value} by {row['type']}")
        status = after
    shown = server.observe(_STATUS, migration_id)[0]["status"]
    return wrong if shown == status.value else [*wrong, f"shown as {shown}, by its events {status.value}"]


def _of_frames(server: ControlServer, migration_id: UUID) -> list[str]:
    """Hold the stream to its numbers, and to one TERMINAL frame at its end (I6, I7)."""
    rows = server.observe(_FRAMES, migration_id)
    numbers, kinds = [row["sequence"] for row in rows], [row["kind"] for row in rows]
    wrong = [] if numbers == list(range(1, len(rows) + 1)) else [f"frames are numbered {numbers}"]
    if kinds.count("TERMINAL") != 1 or kinds[-1] != "TERMINAL":
        wrong.append(f"frames end with {kinds[-3:]}, {kinds.count('TERMINAL')} of them TERMINAL")
    return wrong


def _of_leases(server: ControlServer, migration_id: UUID) -> list[str]:
    """Hold each assignment to one holder at a time, and each task to rising numbers (I5)."""
    wrong: list[str] = []
    last: dict[str, tuple[tuple[int, int], str, str]] = {}
    for task, epoch, sequence, state, holder in server.observe(_LEASES, migration_id):
        number = (epoch, sequence)
        before, was, by = last.get(task, ((-1, 0), "LOST", ""))
        if number < before or (number > before and state != "GIVEN"):
            wrong.append(f"{task}: {state} under {number} after {was} under {before}")
        elif number == before and (state not in _FOLLOWS[was] or (was == state == "TAKEN" and holder != by)):
            wrong.append(f"{task} {number}: {state} by {holder} after {was} by {by}")
        last[task] = (number, state, holder)
    return wrong
