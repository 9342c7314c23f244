"""Taking a run back: what is promised before it starts, what is kept for it, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from domain.catalog.model import TableName
from domain.kernel.values import Rows
from domain.migrations.runs import Ticket
from domain.migrations.schema_plan import SchemaObject


class RollbackLevel(Enum):
    """How a run can be taken back."""

    UNTOUCHED = "UNTOUCHED"
    """What was there keeps its rows; everything the run makes is new, and a rollback drops it."""
    KEPT_ROWS = "KEPT_ROWS"
    """Rows that the run replaces are copied aside first, and a rollback brings them back."""
    ADDED_ROWS = "ADDED_ROWS"
    """The keys of added rows are noted, and a rollback removes just these."""
    NONE = "NONE"
    """The run cannot be taken back."""


@dataclass(frozen=True)
class TableGuarantee:
    """What a rollback will do to one table of the target."""

    table: str
    """The table's name in the target."""
    level: RollbackLevel
    """How what the run does to it is taken back."""
    rows_before: Rows
    """Rows that it held before the run."""


@dataclass(frozen=True)
class RollbackGuarantee:
    """What a rollback of a run will do: that of the table with the least."""

    level: RollbackLevel
    """How the run can be taken back."""
    reason: str
    """Why so, and what it costs."""
    tables: tuple[TableGuarantee, ...] = ()
    """Table by table, once the target was looked at."""


@dataclass(frozen=True, kw_only=True)
class RollbackOptions:
    """How a run is to be taken back."""

    acknowledge_writes_since_cutover: bool = False
    """Whether rows that others have written since the end of the run may leave their tables. They are kept in
    tables named `_wherry_after_...`."""
    drop_created: bool = True
    """Whether tables and other objects that the run has made are dropped. If not they stay as they are, and belong
    to whoever finds them; tables that were there before are put back all the same."""


class UseMode(Enum):
    """What a run does with the rows of a table that was there before."""

    EMPTY = "EMPTY"
    """It had none."""
    REPLACED = "REPLACED"
    """They are copied aside and removed."""
    EXTENDED = "EXTENDED"
    """They stay; the keys of those that are added are noted."""
    UNKNOWN = "UNKNOWN"
    """They stay, and nothing tells them from those that are added."""


@dataclass(frozen=True)
class TableUse:
    """A table that was there before a run, and how the run uses it.

    Tables of lower `place` refer to those of higher ones. `rows` is how many it held, `key` what
    added rows are noted by.
    """

    table_number: int
    name: TableName
    mode: UseMode
    place: int
    rows: Rows = Rows(0)
    key: tuple[str, ...] = ()


@dataclass(frozen=True)
class UndoStep:
    """A schema step that a run has done, and the statements that take it back, in order; none if it made nothing."""

    number: int
    object: SchemaObject
    statements: tuple[str, ...]


@dataclass(frozen=True)
class TableUndone:
    """What became of a table that was there before: rows brought back or removed, and those that others changed."""

    table: str
    """The table's name in the target."""
    restored: Rows
    """Rows brought back."""
    removed: Rows
    """Rows of the run removed."""
    changed: Rows
    """Rows of the run that others have changed since; they were left alone."""


@dataclass(frozen=True)
class RollbackReport:
    """What a rollback did, or would do."""

    run_id: str
    """The run that was taken back."""
    dropped: tuple[str, ...]
    """Objects that the run had made: kind and name."""
    tables: tuple[TableUndone, ...]
    """Tables that were there before the run."""
    kept_aside: tuple[str, ...]
    """Tables whose rows were written to since, and of which a copy was kept."""


@dataclass(frozen=True)
class RollbackState:
    """How far a rollback has come: acts done of all acts, and what they have done so far.

    Begun is the first act. All acts are done just before the target forgets the run. `undropped` are the
    objects that were there to be dropped when the rollback began, or was gone on with.
    """

    acts_done: int
    acts_total: int
    report: RollbackReport
    undropped: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do but to forget the run."""
        return self.acts_done == self.acts_total


class RollbackSink(Protocol):
    """Whoever wants to know how far a rollback has come, or must know it before it goes on."""

    async def report(self, state: RollbackState) -> None:
        """Take note: before anything is changed, after each act, and before the target forgets the run."""
        ...


def gone_on(earlier: RollbackState | None, later: RollbackState) -> RollbackState:
    """Return the state of a rollback that was interrupted at `earlier` and has come to `later` since it goes on.

    Acts that were done before the interruption are none of the later ones: what was there to be dropped then and
    is not now was dropped in between, whoever has noted it. Counts of rows of acts that nobody could note are lost.
    """
    if earlier is None:
        return later
    total = max(earlier.acts_total, later.acts_total)
    one, other = earlier.report, later.report
    tables = {table.table: table for table in one.tables}
    for table in other.tables:
        known = tables.get(table.table, TableUndone(table.table, Rows(0), Rows(0), Rows(0)))
        tables[table.table] = TableUndone(
            table.table,
            Rows(max(known.restored, table.restored)),
            Rows(known.removed + table.removed),
            Rows(max(known.changed, table.changed)),
        )
    there = frozenset(later.undropped)
    before = tuple(name for name in earlier.undropped if name not in there)
    report = RollbackReport(
        other.run_id,
        _in_order((*before, *other.dropped)),
        tuple(tables.values()),
        _in_order((*one.kept_aside, *other.kept_aside)),
    )
    return RollbackState(total - later.acts_total + later.acts_done, total, report, earlier.undropped)


def _in_order(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


class UndoBook(Protocol):
    """What a target keeps so that runs can be taken back, and the single acts of doing so.

    Each act runs under a ticket and is noted with its effect, so done twice it has the effect of once.
    """

    @property
    def reason_against(self) -> str:
        """Why no run into this target can be taken back; empty if they can."""
        ...

    async def use(self, use: TableUse, ticket: Ticket) -> None:
        """Note how a table is used, and keep what its rollback will need. Replaced rows are removed."""
        ...

    async def uses(self, run_id: str) -> tuple[TableUse, ...]:
        """The tables that were there before a run."""
        ...

    async def steps(self, run_id: str) -> tuple[UndoStep, ...]:
        """The steps that a run has done, in the order of their numbers."""
        ...

    async def begin(self, run_id: str, seal: str) -> Ticket:
        """Begin to take a run back, or go on with it: void all its tickets and store `seal`, if it is the beginning.

        Raises:
            NotFound: the ledger does not know the run.
        """
        ...

    async def take_back(self, step: UndoStep, ticket: Ticket) -> None:
        """Run a step's statements and forget the step.

        Raises:
            DatabaseError: an object cannot be dropped, for instance because another needs it.
        """
        ...

    async def remove_rows(self, use: TableUse, ticket: Ticket) -> TableUndone:
        """Remove the rows of the run from a table that was there before it."""
        ...

    async def restore_rows(self, use: TableUse, ticket: Ticket) -> None:
        """Bring the rows back that the run has replaced."""
        ...

    async def set_aside(self, mark: str, table: TableName, ticket: Ticket) -> str:
        """Copy a table into one that is named after it and the mark, unless that is there; return its name."""
        ...
