"""What became of a run: every table and every object accounted for."""

from __future__ import annotations

from dataclasses import dataclass

from domain.kernel.errors import ErrorCode
from domain.kernel.values import Rows
from domain.migrations.moments import Moment
from domain.migrations.progress import RunStatus
from domain.migrations.transfer import Consistency


@dataclass(frozen=True)
class TableReport:
    """What became of one table: read = written + rejected. `name` is the source's.

    `verified` is missing if the table was not compared.
    """

    name: str
    """The table's name in the source."""
    rows_read: Rows
    """Rows read from the source."""
    rows_written: Rows
    """Rows committed in the target."""
    rows_rejected: Rows
    """Rows that the target could not take."""
    verified: bool | None
    """Whether it was compared and is equal; null if it was not compared."""


@dataclass(frozen=True)
class ObjectNote:
    """An object that did not arrive as it was, and why. `name` says kind and name: `index film.idx_title`."""

    name: str
    """Kind and name, such as `index film.idx_title`."""
    reason: str
    """Why it is not as it was."""


@dataclass(frozen=True)
class ObjectsReport:
    """What became of the source's objects: made as they were, made as something close, or not made."""

    created: int
    """How many are in the target as they were in the source."""
    replaced: tuple[ObjectNote, ...]
    """Those that became something close."""
    skipped: tuple[ObjectNote, ...]
    """Those that were left out."""


@dataclass(frozen=True)
class Failure:
    """Why a run failed, or has paused by itself."""

    code: ErrorCode
    """Why, for programs."""
    message: str
    """Why and what to do, for people."""


@dataclass(frozen=True)
class RunReport:
    """What became of a run, whole or not. `error` is there if and only if it failed.

    `pause` is there if it has paused without being asked to; then it says what is to be done.
    """

    status: RunStatus
    """How it ended."""
    tables: tuple[TableReport, ...]
    """What became of each table."""
    objects: ObjectsReport
    """What became of the schema's objects."""
    seconds: float
    """How long it took, in seconds."""
    rows_per_second: float
    """Rows written per second, over the whole time."""
    consistency: Consistency
    """What the rows in the target have in common."""
    warnings: tuple[str, ...] = ()
    """What deserves a look."""
    error: Failure | None = None
    """Why it failed; null if it did not."""
    pause: Failure | None = None
    """Why it has paused by itself, and what is to be done; null if it has not."""
    snapshots: tuple[Moment, ...] = ()
    """The states of the source that were read, the first one first; more than one if it was shared out or resumed."""
