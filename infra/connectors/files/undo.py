"""Taking runs back in a target file: what is kept for it, and the single acts, each a transaction with its note."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Generic, Protocol, TypeVar

import pyarrow as pa

from domain.catalog.model import TableName
from domain.kernel.errors import NotFound
from domain.kernel.values import Rows
from domain.migrations.rollback import TableUndone, TableUse, UndoStep, UseMode
from domain.migrations.runs import RunState, Ticket
from domain.migrations.schema_plan import ObjectKind, SchemaObject, Step
from domain.migrations.transfer import TableCopy
from infra.connectors.files.ledger import FileLedger, text_of
from infra.connectors.files.session import FileConnection, first_row
from infra.connectors.sidetables import KEYS_TABLE, keys_of, matching, side_name
from infra.connectors.sql.text import quoted
from infra.connectors.undoing import Made, made_by

T = TypeVar("T")
C = TypeVar("C", bound=FileConnection)
C_contra = TypeVar("C_contra", bound=FileConnection, contravariant=True)

_USE_COLUMNS = "table_number, schema_name, name, mode, place, row_count, key_columns"


class FileUndoing(Protocol[C_contra]):
    """What taking back needs of an engine's words."""

    @property
    def ledger(self) -> FileLedger:
        """Where the ledger is."""
        ...

    @property
    def begin(self) -> str:
        """The statement that begins a transaction which will write."""
        ...

    @property
    def keys_place(self) -> TableName:
        """Where the temporary table of keys is."""
        ...

    def side(self, name: str) -> str:
        """Spell a side table: a table of our own that outlives its transaction."""
        ...

    def has(self, connection: C_contra, table: TableName) -> bool:
        """Whether there is such a table."""
        ...

    def named(self, table: TableName) -> str:
        """Return a table's name as it stands in a statement."""
        ...

    def insert(self, connection: C_contra, copy: TableCopy, batch: pa.RecordBatch) -> None:
        """Insert the rows of a batch."""
        ...

    def stored_columns(self, connection: C_contra, table: TableName) -> tuple[str, ...]:
        """Return a table's columns but those that the database computes."""
        ...

    def row_text(self, alias: str, columns: tuple[str, ...]) -> str:
        """Spell an expression that differs if a row does."""
        ...

    def is_there(self, connection: C_contra, made: Made) -> bool:
        """Whether there is something already that a statement makes only if it is missing."""
        ...

    def drop(self, made: Made) -> str | None:
        """Spell the statement that drops what was made; nothing if the engine has none."""
        ...


class FileUndo(Generic[C]):
    """The book of one open file. `transaction` and `read` lend its connection."""

    reason_against = ""

    def __init__(self, words: FileUndoing[C], transaction: Callable[..., Any], read: Callable[..., Any]) -> None:
        self._words = words
        self._ledger = words.ledger
        self._transaction = transaction
        self._read = read

    async def use(self, use: TableUse, ticket: Ticket) -> None:
        """Note how a table is used, and keep what its rollback will need."""

        def work(connection: C) -> None:
            self._ledger.hold(connection, ticket)
            if any(known.table_number == use.table_number for known in self._uses(connection, ticket.run_id)):
                return
            side = self._kept(connection, use, ticket)
            connection.execute(
                f"INSERT INTO {self._ledger.uses} (run_id, {_USE_COLUMNS}, side, is_undone)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
                (
                    ticket.run_id,
                    use.table_number,
                    use.name.schema,
                    use.name.name,
                    use.mode.value,
                    use.place,
                    use.rows,
                    json.dumps(use.key),
                    side,
                ),
            )

        await self._transaction(work)

    def _kept(self, connection: C, use: TableUse, ticket: Ticket) -> str:
        """Make the side table that a use needs, remove rows that are to be replaced, and return its name."""
        table = self._words.named(use.name)
        if use.mode is UseMode.REPLACED:
            side = self._words.side(side_name("old", ticket, use.name.name))
            connection.execute(f"CREATE TABLE {side} AS SELECT * FROM {table}")
            connection.execute(f"DELETE FROM {table}")
            return side
        if use.mode is UseMode.EXTENDED:
            side = self._words.side(side_name("added", ticket, use.name.name))
            keys = ", ".join(quoted(column) for column in use.key)
            row = self._words.row_text("t", self._words.stored_columns(connection, use.name))
            connection.execute(f"CREATE TABLE {side} AS SELECT {keys}, {row} AS _wherry_row FROM {table} AS t LIMIT 0")
            return side
        return ""

    def note_added(self, connection: C, copy: TableCopy, batch: pa.RecordBatch, ticket: Ticket) -> None:
        """Note the keys of rows that were just inserted, in the transaction of the rows."""
        side = self._side(connection, ticket.run_id, copy.number)
        keys_copy, keys = keys_of(copy, batch, self._words.keys_place)
        place, table = self._words.named(self._words.keys_place), self._words.named(copy.target)
        names = ", ".join(quoted(column) for column in copy.added_key)
        spelled = ", ".join(f"t.{quoted(column)}" for column in copy.added_key)
        row = self._words.row_text("t", self._words.stored_columns(connection, copy.target))
        connection.execute(f"CREATE TEMPORARY TABLE {KEYS_TABLE} AS SELECT {names} FROM {table} LIMIT 0")
        self._words.insert(connection, keys_copy, keys)
        connection.execute(
            f"INSERT INTO {side} SELECT {spelled}, {row} FROM {place} AS k"
            f" JOIN {table} AS t ON {matching('t', 'k', copy.added_key, quoted)}"
        )
        connection.execute(f"DROP TABLE {place}")

    async def uses(self, run_id: str) -> tuple[TableUse, ...]:
        """The tables that were there before a run."""
        uses: tuple[TableUse, ...] = await self._read(lambda connection: self._uses(connection, run_id))
        return uses

    def _uses(self, connection: C, run_id: str) -> tuple[TableUse, ...]:
        if not self._ledger.exists(connection):
            return ()
        sql = f"SELECT {_USE_COLUMNS} FROM {self._ledger.uses} WHERE run_id = ? ORDER BY place"
        return tuple(_use(row) for row in connection.execute(sql, (run_id,)).fetchall())

    def undoing(self, connection: C, step: Step) -> tuple[str, ...]:
        """Return the statements that take a step back which is about to run, in the order they are to run in."""
        made = [item for item in made_by(step) if not self._words.is_there(connection, item)]
        dropped = (self._words.drop(item) for item in reversed(made))
        return tuple(statement for statement in dropped if statement)

    async def steps(self, run_id: str) -> tuple[UndoStep, ...]:
        """The steps that a run has done, in the order of their numbers."""

        def read(connection: C) -> tuple[UndoStep, ...]:
            if not self._ledger.exists(connection):
                return ()
            sql = f"SELECT number, kind, name, owner, undo FROM {self._ledger.steps} WHERE run_id = ? ORDER BY number"
            return tuple(_step(row) for row in connection.execute(sql, (run_id,)).fetchall())

        steps: tuple[UndoStep, ...] = await self._read(read)
        return steps

    async def begin(self, run_id: str, seal: str) -> Ticket:
        """Begin to take a run back, or go on with it."""

        def work(connection: C) -> Ticket:
            known = self._ledger.record(connection, run_id)
            if known is None:
                raise NotFound(f"This database remembers no run {run_id}.")
            kept = known.seal if known.state is RunState.UNDOING else seal
            connection.execute(
                f"UPDATE {self._ledger.runs} SET epoch = ?, state = ?, seal = ? WHERE run_id = ?",
                (known.epoch + 1, RunState.UNDOING.value, kept, run_id),
            )
            return Ticket(run_id, known.epoch + 1, known.plan_hash)

        ticket: Ticket = await self._transaction(work)
        return ticket

    async def take_back(self, step: UndoStep, ticket: Ticket) -> None:
        """Run a step's statements and forget the step."""

        def work(connection: C) -> None:
            self._ledger.hold(connection, ticket)
            if self._ledger.has_step(connection, ticket.run_id, step.number):
                for statement in step.statements:
                    connection.execute(statement)
                connection.execute(
                    f"DELETE FROM {self._ledger.steps} WHERE run_id = ? AND number = ?", (ticket.run_id, step.number)
                )

        await self._transaction(work)

    async def remove_rows(self, use: TableUse, ticket: Ticket) -> TableUndone:
        """Remove the rows of the run from a table that was there before it."""

        def work(connection: C) -> TableUndone:
            self._ledger.hold(connection, ticket)
            nothing = TableUndone(str(use.name), Rows(0), Rows(0), Rows(0))
            if self._is_undone(connection, ticket.run_id, use) or not self._words.has(connection, use.name):
                return nothing
            table = self._words.named(use.name)
            if use.mode is not UseMode.EXTENDED:
                removed = _count(connection, f"SELECT count(*) FROM {table}")
                connection.execute(f"DELETE FROM {table}")
                if use.mode is UseMode.EMPTY:
                    self._mark(connection, ticket.run_id, use)
                return replace(nothing, removed=removed, restored=use.rows)
            undone = self._remove_added(connection, use, ticket)
            self._mark(connection, ticket.run_id, use)
            return undone

        undone: TableUndone = await self._transaction(work)
        return undone

    def _remove_added(self, connection: C, use: TableUse, ticket: Ticket) -> TableUndone:
        """Remove the rows that are still as the run wrote them, and count those that are not."""
        side, table = self._side(connection, ticket.run_id, use.table_number), self._words.named(use.name)
        match = matching("t", "a", use.key, quoted)
        row = self._words.row_text("t", self._words.stored_columns(connection, use.name))
        same = f"EXISTS (SELECT 1 FROM {side} AS a WHERE {match} AND a._wherry_row = {row})"
        there = _count(connection, f"SELECT count(*) FROM {table} AS t JOIN {side} AS a ON {match}")
        removed = _count(connection, f"SELECT count(*) FROM {table} AS t WHERE {same}")
        connection.execute(f"DELETE FROM {table} AS t WHERE {same}")
        return TableUndone(str(use.name), Rows(0), removed, Rows(there - removed))

    async def restore_rows(self, use: TableUse, ticket: Ticket) -> None:
        """Bring the rows back that the run has replaced."""

        def work(connection: C) -> None:
            self._ledger.hold(connection, ticket)
            if self._is_undone(connection, ticket.run_id, use):
                return
            side, table = self._side(connection, ticket.run_id, use.table_number), self._words.named(use.name)
            columns = ", ".join(quoted(column) for column in self._words.stored_columns(connection, use.name))
            connection.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {side}")
            self._mark(connection, ticket.run_id, use)

        await self._transaction(work)

    async def set_aside(self, mark: str, table: TableName, ticket: Ticket) -> str:
        """Copy a table into one that is named after it and the mark, unless that is there."""

        def work(connection: C) -> str:
            self._ledger.hold(connection, ticket)
            name = TableName(side_name("after", Ticket(mark, 0, ""), table.name))
            if not self._words.has(connection, name):
                connection.execute(
                    f"CREATE TABLE {self._words.named(name)} AS SELECT * FROM {self._words.named(table)}"
                )
            return name.name

        name: str = await self._transaction(work)
        return name

    def drop_sides(self, connection: C, run_id: str) -> None:
        """Drop what was kept for a run."""
        sides = connection.execute(f"SELECT side FROM {self._ledger.uses} WHERE run_id = ?", (run_id,)).fetchall()
        for (side,) in sides:
            if text_of(side):
                connection.execute(f"DROP TABLE IF EXISTS {text_of(side)}")

    def _side(self, connection: C, run_id: str, table_number: int) -> str:
        sql = f"SELECT side FROM {self._ledger.uses} WHERE run_id = ? AND table_number = ?"
        found = first_row(connection, sql, (run_id, table_number))
        return text_of(found[0]) if found else ""

    def _is_undone(self, connection: C, run_id: str, use: TableUse) -> bool:
        sql = f"SELECT is_undone FROM {self._ledger.uses} WHERE run_id = ? AND table_number = ?"
        found = first_row(connection, sql, (run_id, use.table_number))
        return found is None or bool(found[0])

    def _mark(self, connection: C, run_id: str, use: TableUse) -> None:
        sql = f"UPDATE {self._ledger.uses} SET is_undone = 1 WHERE run_id = ? AND table_number = ?"
        connection.execute(sql, (run_id, use.table_number))


def _use(row: tuple[Any, ...]) -> TableUse:
    number, schema, name, mode, place, rows, key = row
    return TableUse(
        number,
        TableName(text_of(name), text_of(schema)),
        UseMode(text_of(mode)),
        place,
        Rows(rows),
        tuple(json.loads(text_of(key))),
    )


def _step(row: tuple[Any, ...]) -> UndoStep:
    number, kind, name, owner, undo = row
    made = SchemaObject(ObjectKind(text_of(kind)), text_of(name), text_of(owner))
    return UndoStep(number, made, tuple(json.loads(text_of(undo))))


def _count(connection: FileConnection, sql: str) -> Rows:
    found = first_row(connection, sql)
    return Rows(found[0] if found else 0)
