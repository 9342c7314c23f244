"""What a target remembers of the runs that wrote to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from domain.kernel.values import Bytes, Rows
from domain.migrations.rejects import Place, RejectedRow


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
    """A run by the target's ledger. `seal` is what the run noted of itself, as JSON."""

    run_id: str
    plan_hash: str
    epoch: int
    state: RunState
    begun_at: datetime
    seal: str = ""


def shelved(run_id: str, epoch: int) -> str:
    """Return the id under which a closed run is put away when its id is used again."""
    return f"{run_id}#{epoch}"


@dataclass(frozen=True)
class Ticket:
    """A worker's right to write for one run. A newer epoch of the same run makes it void."""

    run_id: str
    epoch: int
    plan_hash: str


@dataclass(frozen=True)
class ChunkReceipt:
    """What became of a chunk's rows: read = written + rejected. Stored in the target with the rows."""

    table_number: int
    chunk_number: int
    rows_read: Rows
    rows_written: Rows
    rows_rejected: Rows = Rows(0)
    size_bytes: Bytes = Bytes(0)


class RunLedger(Protocol):
    """The ledger of runs inside a target: their tickets, finished steps and chunks."""

    async def open_run(self, run_id: str, plan_hash: str) -> Ticket:
        """Take the run over: make the ledger if need be, and void every older ticket of the run.

        Tickets for a run of this id that was forgotten stay void as well.
        A closed run of this id is put away under another id (`shelved`), and a new one begins.

        Raises:
            Conflict: the ledger knows this run under another plan, or it is being rolled back.
        """
        ...

    async def knows_run(self, run_id: str) -> bool:
        """Whether the ledger holds an unfinished run of this id."""
        ...

    async def runs(self) -> tuple[RunRecord, ...]:
        """All runs that the ledger remembers, in the order in which they began."""
        ...

    async def steps_done(self, run_id: str) -> frozenset[int]:
        """Numbers of the schema steps that are done."""
        ...

    async def receipts(self, run_id: str) -> tuple[ChunkReceipt, ...]:
        """Receipts of the chunks whose rows are in the target."""
        ...

    async def rejected(self, run_id: str, after: Place | None, rows_max: int) -> tuple[RejectedRow, ...]:
        """Return the next rejected rows of the chunks in the target, in the order of their places."""
        ...

    async def note_run(self, run_id: str, seal: str) -> None:
        """Note something of an unfinished run, in place of what was noted before; of no other run."""
        ...

    async def close_run(self, run_id: str, seal: str = "") -> None:
        """Note that nothing is left to do, and void the run's tickets. Its record stays; `seal` goes into it."""
        ...

    async def forget_run(self, run_id: str) -> None:
        """Remove a run's record and all that was kept for its rollback; the ledger goes with its last run."""
        ...
