"""Taking runs back in MySQL: what is kept for it, and the single acts.

MySQL commits around schema statements, so an act that has one is noted in stages, and goes on from
the last.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from domain.catalog.model import TableName
from domain.kernel.failpoints import failpoint
from domain.kernel.values import Rows
from domain.migrations.rollback import TableUndone, TableUse, UndoStep, UseMode
from domain.migrations.runs import Ticket
from domain.migrations.schema_plan import ObjectKind, SchemaObject
from infra.connectors.mysql import ledger
from infra.connectors.mysql.journal import take_back
from infra.connectors.mysql.loading import Input, check_ticket, commit
from infra.connectors.mysql.names import quoted, quoted_list, table_sql
from infra.connectors.sidetables import KEYS_TABLE, keys_of, matching, side_name

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from domain.migrations.transfer import TableCopy
    from infra.connectors.mysql.runs import RunBook
    from infra.connectors.mysql.wire import BulkConnection

T = TypeVar("T")

_USE_COLUMNS = "table_number, schema_name, name, mode, place, row_count, key_columns"
_USES = f"SELECT {_USE_COLUMNS} FROM {ledger.USES} WHERE run_id = %s ORDER BY place"
_NOTED = f"SELECT side, progress, is_undone FROM {ledger.USES} WHERE run_id = %s AND table_number = %s"
_INTEND = (
    f"INSERT INTO {ledger.USES} (run_id, {_USE_COLUMNS}, side, progress, is_undone) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 0, 0)"
)
_ADVANCE = f"UPDATE {ledger.USES} SET progress = %s WHERE run_id = %s AND table_number = %s"
_MARK = f"UPDATE {ledger.USES} SET is_undone = 1 WHERE run_id = %s AND table_number = %s"
_STORED = (
    "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = %s "
    "AND extra NOT LIKE '%%GENERATED%%' ORDER BY ordinal_position"
)
_HAS = "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s"

_KEPT, _READY = 1, 2
"""The old rows are copied; and they are removed."""


class Session(Protocol):
    """Lends a writing session that takes part in a run."""

    async def __call__(self, ticket: Ticket, work: Callable[[BulkConnection], T], doing: str) -> T:
        """Run some work on it."""
        ...


class MysqlUndo:
    """The book of a target."""

    reason_against = ""

    def __init__(self, runs: RunBook, session: Session) -> None:
        self._runs = runs
        self._session = session

    async def use(self, use: TableUse, ticket: Ticket) -> None:
        """Note how a table is used, and keep what its rollback will need."""
        await self._session(ticket, lambda connection: _use(connection, use, ticket), f"making {use.name} ready")

    async def uses(self, run_id: str) -> tuple[TableUse, ...]:
        """The tables that were there before a run."""
        return tuple(_as_use(row) for row in await self._runs.rows_if_any(_USES, (run_id,)))

    async def steps(self, run_id: str) -> tuple[UndoStep, ...]:
        """The steps that a run has done or begun, in the order of their numbers."""
        return tuple(
            UndoStep(int(number), SchemaObject(ObjectKind(kind), name, owner), tuple(json.loads(undo)))
            for number, kind, name, owner, undo in await self._runs.rows_if_any(ledger.STEPS_NOTED, (run_id,))
        )

    async def begin(self, run_id: str, seal: str) -> Ticket:
        """Begin to take a run back, or go on with it."""
        return await self._runs.begin_undo(run_id, seal)

    async def take_back(self, step: UndoStep, ticket: Ticket) -> None:
        """Run a step's statements and forget the step."""
        doing = f"dropping {step.object.name}"
        await self._session(ticket, lambda connection: take_back(connection, step, ticket), doing)

    async def remove_rows(self, use: TableUse, ticket: Ticket) -> TableUndone:
        """Remove the rows of the run from a table that was there before it."""
        doing = f"restoring {use.name}"
        return await self._session(ticket, lambda connection: _remove(connection, use, ticket), doing)

    async def restore_rows(self, use: TableUse, ticket: Ticket) -> None:
        """Bring the rows back that the run has replaced."""
        await self._session(ticket, lambda connection: _restore(connection, use, ticket), f"restoring {use.name}")

    async def set_aside(self, mark: str, table: TableName, ticket: Ticket) -> str:
        """Copy a table into one that is named after it and the mark, unless that is there."""
        name = side_name("after", Ticket(mark, 0, ""), table.name)

        def work(connection: BulkConnection) -> str:
            _check(connection, ticket)
            if not connection.fetch(_HAS, (name,)):
                connection.fetch(f"CREATE TABLE {quoted(name)} ENGINE=InnoDB AS SELECT * FROM {table_sql(table)}")
                failpoint("undo.staged")
            return name

        return await self._session(ticket, work, f"keeping {table}")


def note_added(
    connection: BulkConnection,
    copy: TableCopy,
    batches: list[pa.RecordBatch],
    rows_by: Callable[[TableCopy], Input],
    run_id: str,
) -> None:
    """Note the keys of the rows of a chunk that were just written, in the transaction of the rows."""
    [(side, _, _)] = connection.fetch(_NOTED, (run_id, copy.number))
    table, key = table_sql(copy.target), copy.added_key
    connection.fetch(
        f"CREATE TEMPORARY TABLE {KEYS_TABLE} ENGINE=InnoDB AS SELECT {quoted_list(key)} FROM {table} LIMIT 0"
    )
    for batch in batches:
        keys_copy, keys = keys_of(copy, batch, TableName(KEYS_TABLE))
        given = rows_by(keys_copy)
        prepared = given.prepare(keys)
        given.begin(connection)
        given.send(connection, prepared)
        given.end(connection)
    chosen = ", ".join(f"t.{quoted(column)}" for column in key)
    connection.fetch(
        f"INSERT INTO {side} SELECT STRAIGHT_JOIN {chosen}, {_row_text(connection, copy.target)} "
        f"FROM {KEYS_TABLE} AS k JOIN {table} AS t ON {matching('t', 'k', key, quoted)}"
    )
    connection.fetch(f"DROP TEMPORARY TABLE {KEYS_TABLE}")


def _use(connection: BulkConnection, use: TableUse, ticket: Ticket) -> None:
    _check(connection, ticket)
    of = (ticket.run_id, use.table_number)
    noted = connection.fetch(_NOTED, of)
    table = table_sql(use.name)
    side = _side(use, ticket)
    if not noted:
        values = (use.name.schema, use.name.name, use.mode.value, use.place, use.rows, json.dumps(use.key), side)
        connection.fetch(_INTEND, (*of, *values))
        failpoint("undo.staged")
    side, progress = (noted[0][0], noted[0][1]) if noted else (side, 0)
    if progress == _READY or use.mode not in (UseMode.REPLACED, UseMode.EXTENDED):
        return
    if progress < _KEPT:
        connection.fetch(f"DROP TABLE IF EXISTS {side}")
        what = "*" if use.mode is UseMode.REPLACED else f"{quoted_list(use.key)}, CAST('' AS CHAR(32)) AS _wherry_row"
        limit = "" if use.mode is UseMode.REPLACED else " LIMIT 0"
        connection.fetch(f"CREATE TABLE {side} ENGINE=InnoDB AS SELECT {what} FROM {table}{limit}")
        failpoint("undo.staged")
        connection.fetch(_ADVANCE, (_KEPT, *of))
        failpoint("undo.staged")
    if use.mode is UseMode.REPLACED:
        _empty(connection, table)
    connection.fetch(_ADVANCE, (_READY, *of))


def _side(use: TableUse, ticket: Ticket) -> str:
    kinds = {UseMode.REPLACED: "old", UseMode.EXTENDED: "added"}
    return quoted(side_name(kinds[use.mode], ticket, use.name.name)) if use.mode in kinds else ""


def _remove(connection: BulkConnection, use: TableUse, ticket: Ticket) -> TableUndone:
    _check(connection, ticket)
    of = (ticket.run_id, use.table_number)
    noted = connection.fetch(_NOTED, of)
    table = table_sql(use.name)
    nothing = TableUndone(str(use.name), Rows(0), Rows(0), Rows(0))
    if not noted or noted[0][2] or not connection.fetch(_HAS, (use.name.name,)):
        return nothing
    side, progress, _ = noted[0]
    if use.mode is UseMode.EXTENDED:
        return _remove_added(connection, use, side, ticket) if progress == _READY else nothing
    if use.mode is UseMode.REPLACED and progress < _KEPT:
        connection.fetch(_MARK, of)  # the run was ended before it removed anything
        return nothing
    removed = _count(connection, f"SELECT COUNT(*) FROM {table}")
    _empty(connection, table)
    if use.mode is UseMode.EMPTY:
        connection.fetch(_MARK, of)
    return TableUndone(str(use.name), use.rows, removed, Rows(0))


def _remove_added(connection: BulkConnection, use: TableUse, side: str, ticket: Ticket) -> TableUndone:
    """Remove the rows that are still as the run wrote them, and count those that are not."""
    join = f"{table_sql(use.name)} AS t JOIN {side} AS a ON {matching('t', 'a', use.key, quoted)}"
    same = f"{join} WHERE a._wherry_row <=> {_row_text(connection, use.name)}"
    connection.fetch("SET SESSION foreign_key_checks = 0")
    connection.fetch("START TRANSACTION")
    there = _count(connection, f"SELECT COUNT(*) FROM {join}")
    removed = _count(connection, f"SELECT COUNT(*) FROM {same}")
    connection.fetch(f"DELETE t FROM {same}")
    connection.fetch(_MARK, (ticket.run_id, use.table_number))
    commit(connection)
    return TableUndone(str(use.name), Rows(0), removed, Rows(there - removed))


def _restore(connection: BulkConnection, use: TableUse, ticket: Ticket) -> None:
    _check(connection, ticket)
    noted = connection.fetch(_NOTED, (ticket.run_id, use.table_number))
    if not noted or noted[0][2]:
        return
    columns = quoted_list(_stored_columns(connection, use.name))
    connection.fetch("SET SESSION foreign_key_checks = 0")
    connection.fetch("START TRANSACTION")
    connection.fetch(f"INSERT INTO {table_sql(use.name)} ({columns}) SELECT {columns} FROM {noted[0][0]}")
    connection.fetch(_MARK, (ticket.run_id, use.table_number))
    commit(connection)


def _check(connection: BulkConnection, ticket: Ticket) -> None:
    connection.fetch("START TRANSACTION")
    check_ticket(connection, ticket)
    connection.commit()


def _empty(connection: BulkConnection, table: str) -> None:
    connection.fetch("SET SESSION foreign_key_checks = 0")
    connection.fetch(f"TRUNCATE TABLE {table}")
    failpoint("undo.staged")


def _stored_columns(connection: BulkConnection, table: TableName) -> tuple[str, ...]:
    """Return a table's columns but those that the server computes."""
    return tuple(str(name) for (name,) in connection.fetch(_STORED, (table.name,)))


def _row_text(connection: BulkConnection, table: TableName) -> str:
    """Spell the fingerprint of a row's bytes, which knows no character sets."""
    columns = (
        f"COALESCE(HEX(CAST(t.{quoted(column)} AS BINARY)), '-')" for column in _stored_columns(connection, table)
    )
    return f"MD5(CONCAT_WS(',', {', '.join(columns)}))"


def _count(connection: BulkConnection, sql: str) -> Rows:
    return Rows(int(connection.fetch(sql)[0][0]))


def _as_use(row: tuple[Any, ...]) -> TableUse:
    number, schema, name, mode, place, rows, key = row
    return TableUse(
        int(number), TableName(name, schema), UseMode(mode), int(place), Rows(int(rows)), tuple(json.loads(key))
    )
