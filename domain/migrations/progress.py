"""How far a migration has come, as everyone who watches it sees it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from domain.kernel.values import Bytes, Rows


class RunStatus(Enum):
    """What has become of a run. The last three and PAUSED are states in which nothing works on it."""

    RUNNING = "RUNNING"
    """Somebody works on it."""
    PAUSED = "PAUSED"
    """Stopped on request, or until somebody has lifted what holds it up; it goes on from there."""
    CANCELLED = "CANCELLED"
    """Stopped on request; starting it again resumes it."""
    FAILED = "FAILED"
    """Stopped by an error; what was copied stays and the run can be resumed."""
    SUCCEEDED = "SUCCEEDED"
    """Everything copied, accounted for, and verified as far as was asked."""


class RunPhase(Enum):
    """What a run is doing now, in the order of the story."""

    PLANNING = "PLANNING"
    """Looking at both databases."""
    TABLES = "TABLES"
    """Making the target's tables."""
    DATA = "DATA"
    """Copying rows."""
    INDEXES = "INDEXES"
    """Making keys and indexes."""
    FOREIGN_KEYS = "FOREIGN_KEYS"
    """Making and checking foreign keys."""
    FINISH = "FINISH"
    """Setting next values, making views and comments."""
    VERIFICATION = "VERIFICATION"
    """Comparing both databases."""
    DONE = "DONE"
    """Nothing is left to do."""
    ROLLBACK = "ROLLBACK"
    """Putting the target back as it was before."""


class TablePhase(Enum):
    """What is happening to one table."""

    WAITING = "WAITING"
    """Nothing yet."""
    COPYING = "COPYING"
    """Its rows are being copied."""
    COPIED = "COPIED"
    """All its rows are accounted for."""
    VERIFYING = "VERIFYING"
    """It is being compared."""
    VERIFIED = "VERIFIED"
    """It is in the target as it is in the source."""
    DIFFERENT = "DIFFERENT"
    """It differs between source and target."""


@dataclass(frozen=True)
class TableProgress:
    """How far one table has come. `rows_read` runs ahead of `rows_written`, which counts committed rows.

    `rows_total` and `bytes_total` are estimates until the table is copied.
    """

    name: str
    """The table's name in the source."""
    phase: TablePhase
    """What is happening to it."""
    rows_read: Rows
    """Rows read from the source; runs ahead of those committed."""
    rows_written: Rows
    """Rows committed in the target."""
    rows_rejected: Rows
    """Rows that the target could not take."""
    rows_total: Rows
    """Rows to be copied; an estimate until it is copied."""
    bytes_done: Bytes
    """Bytes read."""
    bytes_total: Bytes
    """Bytes to read; an estimate until it is copied."""
    rows_per_second: float
    """The present rate in rows; 0 while it is not being copied."""


@dataclass(frozen=True)
class RunProgress:
    """How far a run has come, all tables together and one by one.

    `sequence` rises with every report of a run, so a late one can be dropped. `fraction` goes by
    bytes and lies within 0 and 1; `eta_s` is missing until there is a rate to go by.
    """

    run_id: str
    sequence: int
    phase: RunPhase
    rows_read: Rows
    rows_written: Rows
    rows_rejected: Rows
    rows_total: Rows
    bytes_done: Bytes
    bytes_total: Bytes
    fraction: float
    rows_per_second: float
    bytes_per_second: float
    elapsed_s: float
    eta_s: float | None
    tables: tuple[TableProgress, ...]


class ProgressSink(Protocol):
    """Whoever wants to know how far a run has come."""

    async def report(self, progress: RunProgress) -> None:
        """Take note; called at most a few times a second, and must not fail because nobody listens."""
        ...
