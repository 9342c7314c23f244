"""Taking runs back in PostgreSQL: what is kept for it, and the single acts, each a transaction with its note."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import asyncpg

from domain.catalog.model import TableName
from domain.kernel.errors import NotFound
from domain.kernel.failpoints import failpoint
from domain.kernel.threads import in_thread
from domain.kernel.values import Rows
from domain.migrations.rollback import TableUndone, TableUse, UndoStep, UseMode
from domain.migrations.runs import RunState, Ticket
from domain.migrations.schema_plan import ObjectKind, SchemaObject, Step
from infra.connectors.postgresql import ledger, references, relation
from infra.connectors.postgresql.backend import Backend
from infra.connectors.postgresql.capabilities import LEDGER_SCHEMA
from infra.connectors.postgresql.names import identifier
from infra.connectors.sidetables import KEYS_TABLE, keys_of, matching, side_name
from infra.connectors.undoing import Made, made_by

if TYPE_CHECKING:
    import pyarrow as pa

    from domain.migrations.transfer import TableCopy

AFTER_SCHEMA = "_wherry_after"
"""Where rows are kept that others wrote after the end of a run that was taken back."""

_USES = f"SELECT * FROM {LEDGER_SCHEMA}.use WHERE run_id = $1 ORDER BY place"
_USE = f"SELECT side, is_undone FROM {LEDGER_SCHEMA}.use WHERE run_id = $1 AND table_number = $2"
_MARK = f"UPDATE {LEDGER_SCHEMA}.use SET is_undone = true WHERE run_id = $1 AND table_number = $2"
_NOTE_USE = f"""
INSERT INTO {LEDGER_SCHEMA}.use
    (run_id, table_number, schema_name, name, mode, place, row_count, key_columns, side)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_STEPS = f"SELECT number, kind, name, owner, undo FROM {LEDGER_SCHEMA}.step WHERE run_id = $1 ORDER BY number"
_BEGIN = f"UPDATE {LEDGER_SCHEMA}.run SET epoch = epoch + 1, state = 'UNDOING', seal = $2 WHERE run_id = $1"
_STORED = """
SELECT attname::text AS name FROM pg_attribute
WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""
_IS_ALWAYS = "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = $1 AND attidentity = 'a')"
_TRIGGER_STATES = """
SELECT format('ALTER TABLE %s %s TRIGGER %I', tgrelid::regclass, CASE tgenabled WHEN 'D' THEN 'DISABLE'
              WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, tgname) AS statement
FROM pg_trigger WHERE tgrelid = $1 AND NOT tgisinternal AND tgenabled <> 'O'
"""
"""What says anew when a table's triggers run, of those that do not run as usual."""

_RELATIONS = "SELECT to_regclass($1) IS NOT NULL"
_IS_THERE = {
    "SCHEMA": "SELECT to_regnamespace($1) IS NOT NULL",
    "TYPE": "SELECT to_regtype($1) IS NOT NULL",
    "DOMAIN": "SELECT to_regtype($1) IS NOT NULL",
    "COLLATION": "SELECT EXISTS (SELECT FROM pg_collation k JOIN pg_namespace n ON n.oid = k.collnamespace"
    " WHERE $1 IN (format('%I.%I', n.nspname, k.collname), quote_ident(k.collname)) AND n.nspname <> 'pg_catalog')",
    "EXTENSION": "SELECT EXISTS (SELECT FROM pg_extension WHERE quote_ident(extname) = $1 OR extname = $1)",
    "TABLE": _RELATIONS,
    "SEQUENCE": _RELATIONS,
}
_HAS_CONSTRAINT = """
SELECT EXISTS (
    SELECT FROM pg_constraint WHERE conrelid = to_regclass($1) AND $2::text IN (conname::text, format('"%s"', conname)))
"""
_IS_ASIDE = f"""
SELECT EXISTS (
    SELECT FROM {LEDGER_SCHEMA}.reference
    WHERE to_regclass(relation) = to_regclass($1) AND $2::text IN (name, format('"%s"', name)))
"""
"""A foreign key that was there, is set aside while rows arrive, and is then made anew by a step of its name."""


async def undoing(connection: asyncpg.Connection, step: Step) -> tuple[str, ...]:
    """Return the statements that take a step back which is about to run, in the order they are to run in."""
    statements = [_drop(made) for made in made_by(step) if not await _is_there(connection, made)]
    return tuple(reversed(statements))


async def _is_there(connection: asyncpg.Connection, made: Made) -> bool:
    """Whether there is something already that a statement makes only if it is missing."""
    if made.altered:
        aside = await connection.fetchval(_IS_ASIDE, made.table, made.name)
        return bool(aside or await connection.fetchval(_HAS_CONSTRAINT, made.table, made.name))
    return made.kind in _IS_THERE and bool(await connection.fetchval(_IS_THERE[made.kind], made.name))


def _drop(made: Made) -> str:
    if made.kind == "INHERIT":
        return f"ALTER TABLE {made.table} NO INHERIT {made.name}"
    if made.altered:
        return f"ALTER TABLE {made.table} DROP CONSTRAINT {made.name}"
    if made.kind == "INDEX":
        schema, dot, _ = made.table.rpartition(".")
        return f"DROP INDEX {schema}{dot}{made.name}"
    if made.kind == "SEQUENCE":
        return f"DROP SEQUENCE IF EXISTS {made.name}"  # one that belongs to a column goes with its table
    on = f" ON {made.table}" if made.table else ""
    return f"DROP {made.kind} {made.name}{made.arguments}{on}"


async def empty(connection: asyncpg.Connection, found: relation.Relation) -> None:
    """Remove all rows, inside a transaction. Foreign keys of other tables that forbid it are set aside."""
    try:
        async with connection.transaction():
            await connection.execute(f"TRUNCATE {found.rows}")
    except asyncpg.FeatureNotSupportedError:
        await ledger.ensure(connection)
        await references.set_referring_aside(connection, references.BEFORE_ANY_RUN, found)
        await connection.execute(f"TRUNCATE {found.rows}")


async def note_added(
    connection: asyncpg.Connection, copy: TableCopy, batches: list[pa.RecordBatch], run_id: str
) -> None:
    """Note the keys of the rows of a chunk that were just written, in the transaction of the rows."""
    use = await connection.fetchrow(_USE, run_id, copy.number)
    found = await relation.get(connection, copy.target)
    names = ", ".join(identifier(column) for column in copy.added_key)
    keys = ", ".join(f"t.{identifier(column)}" for column in copy.added_key)
    await connection.execute(
        f"CREATE TEMPORARY TABLE {KEYS_TABLE} ON COMMIT DROP AS SELECT {names} FROM {found.rows} LIMIT 0"
    )
    for batch in batches:
        keys_copy, rows = keys_of(copy, batch, TableName(KEYS_TABLE))
        pieces = await in_thread(_pieces, keys_copy, rows)
        await connection.copy_to_table(KEYS_TABLE, source=_each(pieces), columns=list(copy.added_key), format="text")
    await connection.execute(
        f"INSERT INTO {use['side']} SELECT {keys}, md5(t::text) FROM pg_temp.{KEYS_TABLE} AS k"
        f" JOIN {found.rows} AS t ON {matching('t', 'k', copy.added_key, identifier)}"
    )


class PostgresqlUndo:
    """The book of a target; `session` lends its sessions, one at a time."""

    reason_against = ""

    def __init__(self, session: Callable[[str], AbstractAsyncContextManager[Backend]]) -> None:
        self._session = session

    async def use(self, use: TableUse, ticket: Ticket) -> None:
        """Note how a table is used, and keep what its rollback will need."""
        async with (
            self._session(f"Table {use.name} could not be made ready") as backend,
            _act(backend, ticket) as connection,
        ):
            if await connection.fetchrow(_USE, ticket.run_id, use.table_number) is None:
                side = await _kept(connection, use, ticket)
                name, key = use.name, list(use.key)
                await connection.execute(
                    _NOTE_USE,
                    *(ticket.run_id, use.table_number, name.schema, name.name, use.mode.value),
                    *(use.place, use.rows, key, side),
                )

    async def uses(self, run_id: str) -> tuple[TableUse, ...]:
        """The tables that were there before a run."""
        async with self._session("The ledger could not be read") as backend:
            if not await ledger.exists(backend.connection):
                return ()
            return tuple(_use(row) for row in await backend.connection.fetch(_USES, run_id))

    async def steps(self, run_id: str) -> tuple[UndoStep, ...]:
        """The steps that a run has done, in the order of their numbers."""
        async with self._session("The ledger could not be read") as backend:
            if not await ledger.exists(backend.connection):
                return ()
            rows = await backend.connection.fetch(_STEPS, run_id)
        return tuple(
            UndoStep(
                row["number"], SchemaObject(ObjectKind(row["kind"]), row["name"], row["owner"]), tuple(row["undo"])
            )
            for row in rows
        )

    async def begin(self, run_id: str, seal: str) -> Ticket:
        """Begin to take a run back, or go on with it."""
        doing = f"Run {run_id} could not be taken back"
        async with self._session(doing) as backend, ledger.alone(backend.connection, run_id):
            known = await ledger.record(backend.connection, run_id)
            if known is None:
                raise NotFound(f"This database remembers no run {run_id}.")
            kept = known.seal if known.state is RunState.UNDOING else seal
            await backend.connection.execute(_BEGIN, run_id, kept)
        return Ticket(run_id, known.epoch + 1, known.plan_hash)

    async def take_back(self, step: UndoStep, ticket: Ticket) -> None:
        """Run a step's statements and forget the step."""
        async with (
            self._session(f"{step.object.name} could not be dropped") as backend,
            _act(backend, ticket) as connection,
        ):
            if await ledger.has_step(connection, ticket.run_id, step.number):
                for statement in step.statements:
                    await connection.execute(statement)
                sql = f"DELETE FROM {LEDGER_SCHEMA}.step WHERE run_id = $1 AND number = $2"
                await connection.execute(sql, ticket.run_id, step.number)

    async def remove_rows(self, use: TableUse, ticket: Ticket) -> TableUndone:
        """Remove the rows of the run from a table that was there before it."""
        nothing = TableUndone(str(use.name), Rows(0), Rows(0), Rows(0))
        async with (
            self._session(f"Table {use.name} could not be restored") as backend,
            _act(backend, ticket) as connection,
        ):
            noted = await connection.fetchrow(_USE, ticket.run_id, use.table_number)
            found = await relation.find(connection, use.name)
            if noted is None or noted["is_undone"] or found is None:
                return nothing
            if use.mode is UseMode.EXTENDED:
                undone = await _remove_added(connection, use, found, noted["side"])
            else:
                removed = Rows(await connection.fetchval(f"SELECT count(*) FROM {found.rows}"))
                undone = replace(nothing, removed=removed, restored=use.rows)
                await empty(connection, found)
            if use.mode is not UseMode.REPLACED:
                await connection.execute(_MARK, ticket.run_id, use.table_number)
            return undone

    async def restore_rows(self, use: TableUse, ticket: Ticket) -> None:
        """Bring the rows back that the run has replaced; the table's triggers sleep meanwhile."""
        async with (
            self._session(f"Table {use.name} could not be restored") as backend,
            _act(backend, ticket) as connection,
        ):
            noted = await connection.fetchrow(_USE, ticket.run_id, use.table_number)
            if noted is None or noted["is_undone"]:
                return
            found = await relation.get(connection, use.name)
            await references.set_own_aside(connection, ticket.run_id, found)
            columns = ", ".join(identifier(row["name"]) for row in await connection.fetch(_STORED, found.oid))
            always = await connection.fetchval(_IS_ALWAYS, found.oid)
            overriding = " OVERRIDING SYSTEM VALUE" if always else ""
            states = await connection.fetch(_TRIGGER_STATES, found.oid)
            await connection.execute(f"ALTER TABLE {found.spelled} DISABLE TRIGGER USER")
            await connection.execute(
                f"INSERT INTO {found.spelled} ({columns}){overriding} SELECT {columns} FROM {noted['side']}"
            )
            await connection.execute(f"ALTER TABLE {found.spelled} ENABLE TRIGGER USER")
            for state in states:
                await connection.execute(state["statement"])
            await connection.execute(_MARK, ticket.run_id, use.table_number)

    async def set_aside(self, mark: str, table: TableName, ticket: Ticket) -> str:
        """Copy a table into one that is named after it and the mark, unless that is there."""
        name = side_name("after", Ticket(mark, 0, ""), table.name)
        place = f"{AFTER_SCHEMA}.{identifier(name)}"
        async with self._session(f"Table {table} could not be kept") as backend, _act(backend, ticket) as connection:
            if not await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", place):
                found = await relation.get(connection, table)
                await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {AFTER_SCHEMA}")
                columns = await _plain_columns(connection, found)
                await connection.execute(f"CREATE TABLE {place} AS SELECT {columns} FROM {found.rows}")
        return f"{AFTER_SCHEMA}.{name}"


@asynccontextmanager
async def _act(backend: Backend, ticket: Ticket) -> AsyncIterator[asyncpg.Connection]:
    """Begin an act under a ticket; it is committed at the end, with its note."""
    connection = backend.connection
    async with connection.transaction():
        await ledger.enter(connection, ticket)
        yield connection
        failpoint("target.commits")
    failpoint("target.committed")


async def _kept(connection: asyncpg.Connection, use: TableUse, ticket: Ticket) -> str:
    """Make the side table that a use needs, remove rows that are to be replaced, and return its name."""
    found = await relation.get(connection, use.name)
    if use.mode is UseMode.REPLACED:
        side = f"{LEDGER_SCHEMA}.{identifier(side_name('old', ticket, use.name.name))}"
        await connection.execute(f"CREATE TABLE {side} AS SELECT * FROM {found.rows}")
        await empty(connection, found)
        return side
    if use.mode is UseMode.EXTENDED:
        side = f"{LEDGER_SCHEMA}.{identifier(side_name('added', ticket, use.name.name))}"
        keys = ", ".join(identifier(column) for column in use.key)
        await connection.execute(f"CREATE TABLE {side} AS SELECT {keys}, '' AS _wherry_row FROM {found.rows} LIMIT 0")
        return side
    return ""


async def _remove_added(
    connection: asyncpg.Connection, use: TableUse, found: relation.Relation, side: str
) -> TableUndone:
    """Remove the rows that are still as the run wrote them, and count those that are not."""
    match = matching("t", "a", use.key, identifier)
    there = await connection.fetchval(f"SELECT count(*) FROM {found.rows} AS t JOIN {side} AS a ON {match}")
    await references.set_referring_aside(connection, references.BEFORE_ANY_RUN, found)
    status = await connection.execute(
        f"DELETE FROM {found.rows} AS t USING {side} AS a WHERE {match} AND a._wherry_row = md5(t::text)"
    )
    removed = int(status.rpartition(" ")[2])
    return TableUndone(str(use.name), Rows(0), Rows(removed), Rows(there - removed))


async def _plain_columns(connection: asyncpg.Connection, found: relation.Relation) -> str:
    """Spell a table's columns, those of types that are not PostgreSQL's own as text, so these can be dropped."""
    sql = """
    SELECT a.attname::text AS name, t.typnamespace = 'pg_catalog'::regnamespace AS is_own
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
    """
    rows = await connection.fetch(sql, found.oid)
    return ", ".join(
        identifier(row["name"]) if row["is_own"] else f"{identifier(row['name'])}::text AS {identifier(row['name'])}"
        for row in rows
    )


def _pieces(copy: TableCopy, batch: pa.RecordBatch) -> list[memoryview]:
    from infra.connectors.postgresql.encode import encoded  # noqa: PLC0415 - few runs note keys; it needs Arrow

    return list(encoded(copy, batch))


async def _each(pieces: list[memoryview]) -> AsyncIterator[memoryview]:
    for piece in pieces:
        yield piece


def _use(row: asyncpg.Record) -> TableUse:
    return TableUse(
        row["table_number"],
        TableName(row["name"], row["schema_name"]),
        UseMode(row["mode"]),
        row["place"],
        Rows(row["row_count"]),
        tuple(row["key_columns"]),
    )
