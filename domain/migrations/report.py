"""What became of a run: every table and every object accounted for."""

from __future__ import annotations

from dataclasses import dataclass

from domain.kernel.errors import ErrorCode
from domain.kernel.values import Rows
from domain.migrations.progress import RunStatus
from domain.migrations.transfer import Consistency


@dataclass(frozen=True)
class TableReport:
    """What became of one table: read = written + rejected. `name` is the source's.

    `verified` is missing if the table was not compared.
    """

    name: str
    rows_read: Rows
    rows_written: Rows
    rows_rejected: Rows
    verified: bool | None


@dataclass(frozen=True)
class ObjectNote:
    """An object that did not arrive as it was, and why. `name` says kind and name: `index film.idx_title`."""

    name: str
    reason: str


@dataclass(frozen=True)
class ObjectsReport:
    """What became of the source's objects: made as they were, made as something close, or not made."""

    created: int
    replaced: tuple[ObjectNote, ...]
    skipped: tuple[ObjectNote, ...]


@dataclass(frozen=True)
class Failure:
    """Why a run failed."""

    code: ErrorCode
    message: str


@dataclass(frozen=True)
class RunReport:
    """What became of a run, whole or not. `error` is there if and only if it failed."""

    status: RunStatus
    tables: tuple[TableReport, ...]
    objects: ObjectsReport
    seconds: float
    rows_per_second: float
    consistency: Consistency
    warnings: tuple[str, ...] = ()
    error: Failure | None = None
