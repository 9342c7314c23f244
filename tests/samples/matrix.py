"""The table of the matrix: what became of every sample database in every engine."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from domain.connections.values import Engine
from domain.migrations.progress import RunStatus
from domain.migrations.report import ObjectNote, RunReport

_QUOTED = re.compile(r"""["'`][^"'`]*["'`]|\d+""")
_REASON_MAX = 150


@dataclass(frozen=True)
class Cell:
    """One database in one engine. `note` says why there was no run, or why it failed."""

    database: str
    target: Engine
    report: RunReport | None = None
    note: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether everything arrived and was compared, or was refused with a reason before anything was made."""
        return self.report is not None and self.report.status is RunStatus.SUCCEEDED

    @property
    def line(self) -> str:
        """The cell as a row of the table."""
        if self.report is None:
            return f"| {self.database} | {self.target.value} | - | | | | | | | {self.note} |"
        objects = self.report.objects
        rows = sum(table.rows_written for table in self.report.tables)
        verified = all(table.verified for table in self.report.tables)
        error = self.report.error.message if self.report.error else ""
        return (
            f"| {self.database} | {self.target.value} | {self.report.status.value} | {len(self.report.tables)} "
            f"| {rows:,} | {'yes' if verified else 'NO'} | {objects.created} | {len(objects.replaced)} "
            f"| {len(objects.skipped)} | {_one_line(error)} |"
        )


HEADING = """\
| database | target | status | tables | rows | verified | created | replaced | skipped | note |
|---|---|---|---:|---:|---|---:|---:|---:|---|"""


def as_text(cells: Iterable[Cell]) -> str:
    """Return the table, and below it why objects were replaced or skipped, counted."""
    ordered = sorted(cells, key=lambda cell: (cell.database, cell.target.value))
    lines = [HEADING, *(cell.line for cell in ordered)]
    for outcome in ("replaced", "skipped"):
        lines += ["", f"Why objects were {outcome}", "", "| target | kind | reason | objects |", "|---|---|---|---:|"]
        counts = Counter(key for cell in ordered if cell.report for key in _reasons(cell, outcome))
        lines += [
            f"| {target} | {kind} | {reason} | {number} |" for (target, kind, reason), number in sorted(counts.items())
        ]
    return "\n".join(lines)


def _reasons(cell: Cell, outcome: str) -> list[tuple[str, str, str]]:
    if cell.report is None:
        return []
    notes: tuple[ObjectNote, ...] = getattr(cell.report.objects, outcome)
    return [(cell.target.value, _kind(note.name), _alike(note.reason)) for note in notes]


def _kind(name: str) -> str:
    words = name.split(" ")
    two = " ".join(words[:2])
    return two if two in ("foreign key", "primary key") else words[0]


def _alike(reason: str) -> str:
    """Return a reason without the names and numbers in it, so that like ones are counted together."""
    return _one_line(_QUOTED.sub("…", reason))


def _one_line(text: str) -> str:
    flat = " ".join(text.split()).replace("|", "/")
    return flat if len(flat) <= _REASON_MAX else flat[:_REASON_MAX] + " …"
