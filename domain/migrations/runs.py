"""What a target remembers of the runs that wrote to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class RunState(Enum):
    """Where a run stands, by the ledger in its target."""

    OPEN = "OPEN"
    """Begun and not finished; it can go on where it stands."""
    CLOSED = "CLOSED"
    """Nothing is left to do. The record stays, so that the run can be rolled back."""
    UNDOING = "UNDOING"
    """It is being rolled back; nothing but the rest of that can be done with it."""


@dataclass(frozen=True)
class RunRecord:
    """A run by the target's ledger. `seal` is what the run noted at its end, as JSON; empty before."""

    run_id: str
    plan_hash: str
    epoch: int
    state: RunState
    begun_at: datetime
    seal: str = ""


def shelved(run_id: str, epoch: int) -> str:
    """Return the id under which a closed run is put away when its id is used again."""
    return f"{run_id}#{epoch}"
