"""How far a migration has come, as everyone who watches it sees it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from domain.kernel.values import Bytes, Rows


class RunStatus(Enum):
    """What has become of a run. The last three and PAUSED are states in which nothing works on it."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    CANCELLED = "CANCELLED"
    """Stopped on request; starting it again resumes it."""
    FAILED = "FAILED"
    """Stopped by an error; what was copied stays and the run can be resumed."""
    SUCCEEDED = "SUCCEEDED"
    """Everything copied, accounted for, and verified as far as was asked."""


class RunPhase(Enum):
    """What a run is doing now, in the order of the story."""

    PLANNING = "PLANNING"
    TABLES = "TABLES"
    DATA = "DATA"
    INDEXES = "INDEXES"
    FOREIGN_KEYS = "FOREIGN_KEYS"
    FINISH = "FINISH"
    VERIFICATION = "VERIFICATION"
    DONE = "DONE"


class TablePhase(Enum):
    """What is happening to one table."""

    WAITING = "WAITING"
    COPYING = "COPYING"
    COPIED = "COPIED"
    VERIFYING = "VERIFYING"
    VERIFIED = "VERIFIED"
    DIFFERENT = "DIFFERENT"


@dataclass(frozen=True)
class TableProgress:
    """How far one table has come. `rows_read` runs ahead of `rows_written`, which counts committed rows.

    `rows_total` and `bytes_total` are estimates until the table is copied.
    """

    name: str
    phase: TablePhase
    rows_read: Rows
    rows_written: Rows
    rows_rejected: Rows
    rows_total: Rows
    bytes_done: Bytes
    bytes_total: Bytes
    rows_per_second: float


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
