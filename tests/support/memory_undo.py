"""The book of a database in memory by which runs are taken back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from domain.catalog.model import TableName
from domain.kernel.errors import NotFound
from domain.kernel.values import Rows
from domain.migrations.rollback import TableUndone, TableUse, UndoStep, UseMode
from domain.migrations.runs import RunState, Ticket
from domain.migrations.schema_plan import ObjectKind, Step

if TYPE_CHECKING:
    from tests.support.memory import MemoryDatabase, Row, _Run


@dataclass
class Kept:
    """What a run has noted for its rollback."""

    steps: dict[int, UndoStep] = field(default_factory=dict)
    uses: dict[int, TableUse] = field(default_factory=dict)
    old: dict[int, list[Row]] = field(default_factory=dict)
    added: dict[int, list[Row]] = field(default_factory=dict)
    undone: set[int] = field(default_factory=set)

    def note_step(self, step: Step) -> None:
        statements = (f"DROP {step.object.name}",) if step.object.kind is ObjectKind.TABLE else ()
        self.steps[step.number] = UndoStep(step.number, step.object, statements)


class MemoryUndo:
    """Each act, and a place to fail before and after it."""

    reason_against = ""

    def __init__(self, database: MemoryDatabase, fenced: Callable[[Ticket], _Run]) -> None:
        self._database = database
        self._fenced = fenced

    async def use(self, use: TableUse, ticket: Ticket) -> None:
        kept = self._fenced(ticket).kept
        self._database.faults.at("truncate")
        if use.table_number not in kept.uses:
            kept.uses[use.table_number] = use
            if use.mode is UseMode.REPLACED:
                kept.old[use.table_number] = self._database.rows[use.name]
                self._database.rows[use.name] = []

    async def uses(self, run_id: str) -> tuple[TableUse, ...]:
        run = self._database.runs.get(run_id)
        return tuple(sorted(run.kept.uses.values(), key=lambda use: use.place)) if run else ()

    async def steps(self, run_id: str) -> tuple[UndoStep, ...]:
        run = self._database.runs.get(run_id)
        return tuple(step for _, step in sorted(run.kept.steps.items())) if run else ()

    async def begin(self, run_id: str, seal: str) -> Ticket:
        self._database.faults.at("begin undo")
        run = self._database.runs.get(run_id)
        if run is None:
            raise NotFound("no such run")
        if run.state is not RunState.UNDOING:
            run.state, run.seal = RunState.UNDOING, seal
        run.epoch += 1
        self._database.faults.at("undo begun")
        return Ticket(run_id, run.epoch, run.plan_hash)

    async def take_back(self, step: UndoStep, ticket: Ticket) -> None:
        run = self._fenced(ticket)
        self._database.faults.at("take back")
        if run.kept.steps.pop(step.number, None) is not None and step.statements:
            name = TableName(step.object.name)
            tables = tuple(table for table in self._database.schema.tables if table.name != name)
            self._database.schema = replace(self._database.schema, tables=tables)
            self._database.rows.pop(name, None)
        self._database.faults.at("taken back")

    async def remove_rows(self, use: TableUse, ticket: Ticket) -> TableUndone:
        kept = self._fenced(ticket).kept
        self._database.faults.at("remove rows")
        there = self._database.rows[use.name]
        left = there
        if use.table_number not in kept.undone:
            added = kept.added.get(use.table_number, [])
            left = [row for row in there if row not in added] if use.mode is UseMode.EXTENDED else []
            self._database.rows[use.name] = left
            if use.mode is not UseMode.REPLACED:
                kept.undone.add(use.table_number)
        self._database.faults.at("rows removed")
        return TableUndone(str(use.name), use.rows, Rows(len(there) - len(left)), Rows(0))

    async def restore_rows(self, use: TableUse, ticket: Ticket) -> None:
        kept = self._fenced(ticket).kept
        self._database.faults.at("restore rows")
        if use.table_number not in kept.undone:
            self._database.rows[use.name] = list(kept.old[use.table_number])
            kept.undone.add(use.table_number)
        self._database.faults.at("rows restored")

    async def set_aside(self, mark: str, table: TableName, ticket: Ticket) -> str:
        self._fenced(ticket)
        name = TableName(f"after {mark} {table.name}")
        self._database.aside.setdefault(name, list(self._database.rows.get(table, [])))
        self._database.faults.at("set aside")
        return name.name
