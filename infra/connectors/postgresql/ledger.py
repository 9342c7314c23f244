"""The ledger of finished work, in the target and in the transaction of the work itself.

`run` holds the state and the newest epoch of every run, `chunk` the receipts, `step` the schema
steps that are done, `reference` the foreign keys to restore at the end. Every transaction of a
run holds a shared advisory lock named after the run, so a successor can find the sessions of its
predecessors, end them, and only then raise the epoch.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg

from domain.kernel.errors import Conflict, DatabaseError, ErrorCode, Fenced
from domain.kernel.failpoints import failpoint
from domain.kernel.values import Bytes, Rows
from domain.migrations.rejects import Place, RejectedRow
from domain.migrations.runs import RunRecord, RunState, shelved
from domain.migrations.schema_plan import Step
from domain.migrations.transfer import Chunk, ChunkReceipt, Ticket
from infra.clock import first_epoch
from infra.connectors.postgresql import references, rejects
from infra.connectors.postgresql.capabilities import LEDGER_SCHEMA

TAKEOVER_TIMEOUT_MS = 15_000
"""How long a successor waits for its predecessors' sessions to end."""

_SETUP_LOCK = 7_703_481_620_011
"""Advisory lock for making and dropping the ledger; any number will do that nobody else uses."""

_RUN_LOCK = "hashtextextended('wherry run ' || $1::text, 0)"

_TABLES = f"""
CREATE SCHEMA {LEDGER_SCHEMA};
CREATE TABLE {LEDGER_SCHEMA}.run (
    run_id text PRIMARY KEY, epoch bigint NOT NULL, plan_hash text NOT NULL,
    state text NOT NULL DEFAULT 'OPEN', begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seal text NOT NULL DEFAULT '');
CREATE TABLE {LEDGER_SCHEMA}.chunk (
    run_id text, table_number bigint, chunk_number bigint, epoch bigint NOT NULL, rows_read bigint NOT NULL,
    rows_written bigint NOT NULL, rows_rejected bigint NOT NULL, size_bytes bigint NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (run_id, table_number, chunk_number));
CREATE TABLE {LEDGER_SCHEMA}.reference (
    run_id text NOT NULL, relation text, name text, definition text NOT NULL, PRIMARY KEY (relation, name));
CREATE TABLE {LEDGER_SCHEMA}.step (
    run_id text, number bigint, state text NOT NULL, kind text NOT NULL, name text NOT NULL, owner text NOT NULL,
    undo text[] NOT NULL, PRIMARY KEY (run_id, number));
CREATE TABLE {LEDGER_SCHEMA}.use (
    run_id text, table_number bigint, schema_name text NOT NULL, name text NOT NULL, mode text NOT NULL,
    place bigint NOT NULL, row_count bigint NOT NULL, key_columns text[] NOT NULL, side text NOT NULL,
    is_undone boolean NOT NULL DEFAULT false, PRIMARY KEY (run_id, table_number));
{rejects.TABLE}
"""
_EXISTS = f"SELECT to_regclass('{LEDGER_SCHEMA}.step') IS NOT NULL"
_END_PREDECESSORS = f"""
SELECT pg_terminate_backend(l.pid) FROM pg_locks l, (SELECT {_RUN_LOCK} AS key) k
WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.pid <> pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.classid::bigint = (k.key >> 32) & 4294967295 AND l.objid::bigint = k.key & 4294967295
"""
_BEGIN = f"INSERT INTO {LEDGER_SCHEMA}.run (run_id, epoch, plan_hash) VALUES ($1, $2, $3)"
_TAKE_OVER = f"UPDATE {LEDGER_SCHEMA}.run SET epoch = epoch + 1 WHERE run_id = $1 RETURNING epoch"
_RECORDS = f"SELECT run_id, plan_hash, epoch, state, begun_at, seal FROM {LEDGER_SCHEMA}.run ORDER BY begun_at, run_id"
_NOTE_STEP = f"""
INSERT INTO {LEDGER_SCHEMA}.step (run_id, number, state, kind, name, owner, undo)
VALUES ($1, $2, 'DONE', $3, $4, $5, $6)
"""
_OF_RUNS = ("reject", "chunk", "step", "use", "reference", "run")
_RECEIPT_COLUMNS = "table_number, chunk_number, rows_read, rows_written, rows_rejected, size_bytes"
_NOTE_CHUNK = f"""
INSERT INTO {LEDGER_SCHEMA}.chunk (run_id, epoch, {_RECEIPT_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


async def exists(connection: asyncpg.Connection) -> bool:
    """Tell whether the ledger is there."""
    return bool(await connection.fetchval(_EXISTS))


async def ensure(connection: asyncpg.Connection) -> None:
    """Make the ledger, inside a transaction, if it is not there."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _SETUP_LOCK)
    if not await exists(connection):
        await connection.execute(_TABLES)


async def take_over(connection: asyncpg.Connection, run_id: str, plan_hash: str) -> Ticket:
    """Make the ledger if need be, end the sessions of earlier tickets of the run, and raise its epoch.

    Raises:
        Conflict: the ledger knows the run under another plan.
        DatabaseError: an earlier session does not end (it belongs to another user).
    """
    async with alone(connection, run_id):
        return await _taken(connection, run_id, plan_hash)


@asynccontextmanager
async def alone(connection: asyncpg.Connection, run_id: str) -> AsyncIterator[None]:
    """End the sessions of earlier tickets of a run, and begin a transaction during which there are no others.

    Raises:
        DatabaseError: an earlier session does not end (it belongs to another user).
    """
    with suppress(asyncpg.InsufficientPrivilegeError):  # another user's session: wait for its end instead
        await connection.execute(_END_PREDECESSORS, run_id)
    async with connection.transaction():
        await ensure(connection)
        await connection.execute(f"SET LOCAL lock_timeout = {TAKEOVER_TIMEOUT_MS}")
        try:
            await connection.execute(f"SELECT pg_advisory_xact_lock({_RUN_LOCK})", run_id)
        except asyncpg.LockNotAvailableError as error:
            text = f"Another worker still writes for run {run_id} and its session cannot be ended. Try again later."
            raise DatabaseError(text, code=ErrorCode.DATABASE_BUSY, transient=True) from error
        yield
        failpoint("target.commits")
    failpoint("target.committed")


async def _taken(connection: asyncpg.Connection, run_id: str, plan_hash: str) -> Ticket:
    known = await record(connection, run_id)
    if known is None or known.state is RunState.CLOSED:
        epoch = first_epoch()
        if known is not None:
            epoch = known.epoch + 1
            for table in _OF_RUNS:
                sql = f"UPDATE {LEDGER_SCHEMA}.{table} SET run_id = $2 WHERE run_id = $1"
                await connection.execute(sql, run_id, shelved(run_id, known.epoch))
        await connection.execute(_BEGIN, run_id, epoch, plan_hash)
        return Ticket(run_id, epoch, plan_hash)
    if known.state is RunState.UNDOING:
        raise Conflict(f"Run {run_id} is being rolled back. Finish that first.")
    if known.plan_hash != plan_hash:
        raise Conflict(f"Run {run_id} was begun here under another plan. Finish or roll back that one first.")
    return Ticket(run_id, await connection.fetchval(_TAKE_OVER, run_id), plan_hash)


async def enter(connection: asyncpg.Connection, ticket: Ticket) -> None:
    """Begin work inside a transaction: from now to its end nobody can take the run over.

    Raises:
        Fenced: the ticket is void.
    """
    try:
        await connection.execute(f"SELECT pg_advisory_xact_lock_shared({_RUN_LOCK})", ticket.run_id)
        epoch = await connection.fetchval(
            f"SELECT epoch FROM {LEDGER_SCHEMA}.run WHERE run_id = $1 AND state <> 'CLOSED' FOR SHARE", ticket.run_id
        )
    except asyncpg.UndefinedTableError:
        epoch = None
    if epoch != ticket.epoch:
        raise Fenced(f"Another worker has taken run {ticket.run_id} over, or the run is closed.")


async def claim(connection: asyncpg.Connection, run_id: str, chunk: Chunk) -> ChunkReceipt | None:
    """Wait until nobody else is writing the chunk, and return its receipt if its rows are in the target.

    An earlier attempt whose line broke may still be about to commit; it holds this lock till then.
    """
    key = f"{run_id} {chunk.table_number} {chunk.number}"
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('wherry chunk ' || $1::text, 0))", key)
    return await receipt(connection, run_id, chunk)


async def receipt(connection: asyncpg.Connection, run_id: str, chunk: Chunk) -> ChunkReceipt | None:
    """Return the receipt of a chunk, if its rows are in the target."""
    row = await connection.fetchrow(
        f"SELECT {_RECEIPT_COLUMNS} FROM {LEDGER_SCHEMA}.chunk "
        "WHERE run_id = $1 AND table_number = $2 AND chunk_number = $3",
        run_id,
        chunk.table_number,
        chunk.number,
    )
    return None if row is None else _as_receipt(row)


async def receipts(connection: asyncpg.Connection, run_id: str) -> tuple[ChunkReceipt, ...]:
    """Return all receipts of a run, in the order of tables and chunks."""
    if not await exists(connection):
        return ()
    rows = await connection.fetch(
        f"SELECT {_RECEIPT_COLUMNS} FROM {LEDGER_SCHEMA}.chunk WHERE run_id = $1 ORDER BY table_number, chunk_number",
        run_id,
    )
    return tuple(_as_receipt(row) for row in rows)


async def note_chunk(connection: asyncpg.Connection, ticket: Ticket, done: ChunkReceipt) -> None:
    """Write a chunk's receipt."""
    await connection.execute(
        _NOTE_CHUNK,
        ticket.run_id,
        ticket.epoch,
        done.table_number,
        done.chunk_number,
        done.rows_read,
        done.rows_written,
        done.rows_rejected,
        done.size_bytes,
    )


async def steps_done(connection: asyncpg.Connection, run_id: str) -> frozenset[int]:
    """Return the numbers of the schema steps that are done."""
    if not await exists(connection):
        return frozenset()
    rows = await connection.fetch(f"SELECT number FROM {LEDGER_SCHEMA}.step WHERE run_id = $1", run_id)
    return frozenset(row["number"] for row in rows)


async def has_step(connection: asyncpg.Connection, run_id: str, number: int) -> bool:
    """Tell whether a schema step is done; the ledger must be there."""
    sql = f"SELECT EXISTS (SELECT FROM {LEDGER_SCHEMA}.step WHERE run_id = $1 AND number = $2)"
    return bool(await connection.fetchval(sql, run_id, number))


async def note_step(connection: asyncpg.Connection, ticket: Ticket, step: Step, undo: tuple[str, ...]) -> None:
    """Note a schema step as done, and how it is taken back."""
    made = step.object
    await connection.execute(_NOTE_STEP, ticket.run_id, step.number, made.kind.value, made.name, made.table, list(undo))


async def rejected(
    connection: asyncpg.Connection, run_id: str, after: Place | None, rows_max: int
) -> tuple[RejectedRow, ...]:
    """Return the next rejected rows of a run behind a place."""
    return await rejects.page(connection, run_id, after, rows_max) if await exists(connection) else ()


async def knows(connection: asyncpg.Connection, run_id: str) -> bool:
    """Tell whether a run is begun and not closed."""
    known = await record(connection, run_id)
    return known is not None and known.state is RunState.OPEN


async def records(connection: asyncpg.Connection) -> tuple[RunRecord, ...]:
    """Return all runs, in the order in which they began."""
    if not await exists(connection):
        return ()
    return tuple(
        RunRecord(row["run_id"], row["plan_hash"], row["epoch"], RunState(row["state"]), row["begun_at"], row["seal"])
        for row in await connection.fetch(_RECORDS)
    )


async def record(connection: asyncpg.Connection, run_id: str) -> RunRecord | None:
    """Return one run, or nothing."""
    return next((found for found in await records(connection) if found.run_id == run_id), None)


async def note(connection: asyncpg.Connection, run_id: str, seal: str) -> None:
    """Note something of an unfinished run."""
    if await exists(connection):
        await connection.execute(
            f"UPDATE {LEDGER_SCHEMA}.run SET seal = $2 WHERE run_id = $1 AND state = 'OPEN'", run_id, seal
        )


async def close(connection: asyncpg.Connection, run_id: str, seal: str) -> None:
    """Restore the foreign keys set aside for a run, and note that nothing is left to do for it."""
    if not await exists(connection):
        return
    await references.restore(connection, run_id)
    await connection.execute(
        f"UPDATE {LEDGER_SCHEMA}.run SET state = 'CLOSED', seal = $2 WHERE run_id = $1 AND state = 'OPEN'", run_id, seal
    )


async def forget(connection: asyncpg.Connection, run_id: str) -> None:
    """Restore the foreign keys set aside for a run and remove it; with the last run the ledger itself goes."""
    if await exists(connection):
        await references.restore(connection, run_id)
        failpoint("undo.staged")
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _SETUP_LOCK)
        if not await exists(connection):
            return
        for side in await connection.fetch(f"SELECT side FROM {LEDGER_SCHEMA}.use WHERE run_id = $1", run_id):
            if side["side"]:
                await connection.execute(f"DROP TABLE IF EXISTS {side['side']}")
        for table in ("reject", "chunk", "step", "use", "run"):
            await connection.execute(f"DELETE FROM {LEDGER_SCHEMA}.{table} WHERE run_id = $1", run_id)
        if not await connection.fetchval(f"SELECT EXISTS (SELECT FROM {LEDGER_SCHEMA}.run)"):
            await connection.execute(f"DROP SCHEMA {LEDGER_SCHEMA} CASCADE")
        failpoint("target.commits")


def _as_receipt(row: asyncpg.Record) -> ChunkReceipt:
    return ChunkReceipt(
        row["table_number"],
        row["chunk_number"],
        Rows(row["rows_read"]),
        Rows(row["rows_written"]),
        Rows(row["rows_rejected"]),
        Bytes(row["size_bytes"]),
    )
