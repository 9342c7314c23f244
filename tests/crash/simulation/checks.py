"""What must hold of every history, read from the control store when it is over."""

from __future__ import annotations

import json
from uuid import UUID

from domain.migrations.aggregate import status_after
from domain.migrations.events import MigrationEvent
from domain.migrations.values import TRANSITIONS, MigrationStatus
from infra.db.event_codec import decode
from tests.crash.simulation.store import ControlServer

_EVENTS = "SELECT version, type, schema_version, data::text FROM event WHERE stream_id = $1 ORDER BY version"
_FRAMES = "SELECT sequence, kind FROM migration_event WHERE migration_id = $1 ORDER BY sequence"
_LEASES = "SELECT task, epoch, sequence, state, holder FROM simulation.lease WHERE migration_id = $1 ORDER BY number"
_CLAIMS = "SELECT epoch, plan_epoch FROM simulation.claim WHERE migration_id = $1 AND epoch <> plan_epoch"
_UNDONE = "SELECT count(*) FROM simulation.undone WHERE migration_id = $1"
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
        *(f"a chunk was claimed under {dict(row)}" for row in server.observe(_CLAIMS, migration_id)),
        *(["a chunk that was done was to be done again"] if server.observe(_UNDONE, migration_id)[0][0] else []),
    ]


def _of_status(server: ControlServer, migration_id: UUID) -> list[str]:
    """Hold the events to the table of transitions, and the read model to the events."""
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
    """Hold the stream to its numbers, and to one TERMINAL frame at its end."""
    rows = server.observe(_FRAMES, migration_id)
    numbers, kinds = [row["sequence"] for row in rows], [row["kind"] for row in rows]
    wrong = [] if numbers == list(range(1, len(rows) + 1)) else [f"frames are numbered {numbers}"]
    if kinds.count("TERMINAL") != 1 or kinds[-1] != "TERMINAL":
        wrong.append(f"frames end with {kinds[-3:]}, {kinds.count('TERMINAL')} of them TERMINAL")
    return wrong


def _of_leases(server: ControlServer, migration_id: UUID) -> list[str]:
    """Hold each assignment to one holder at a time, and each task to rising numbers."""
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
