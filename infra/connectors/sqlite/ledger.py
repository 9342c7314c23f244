"""The ledger of a run inside the target file: its epoch, its steps, its chunks.

Every function runs inside a transaction of the caller, on the same connection as the data, so
the rows of a chunk and the note of it are committed together or not at all.
"""

from __future__ import annotations

import sqlite3

from domain.kernel.errors import Conflict, Fenced
from domain.kernel.values import Bytes, Rows
from domain.migrations.transfer import ChunkReceipt, Ticket

_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS _wherry_run (
        run_id TEXT NOT NULL PRIMARY KEY, plan_hash TEXT NOT NULL, epoch INTEGER NOT NULL)
    """,
    """
    CREATE TABLE IF NOT EXISTS _wherry_step (
        run_id TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (run_id, number))
    """,
    """
    CREATE TABLE IF NOT EXISTS _wherry_chunk (
        run_id TEXT NOT NULL, table_number INTEGER NOT NULL, chunk_number INTEGER NOT NULL,
        rows_read INTEGER NOT NULL, rows_written INTEGER NOT NULL, rows_rejected INTEGER NOT NULL,
        size_bytes INTEGER NOT NULL, PRIMARY KEY (run_id, table_number, chunk_number))
    """,
)


def exists(connection: sqlite3.Connection) -> bool:
    """Whether the file holds a ledger."""
    found = connection.execute("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_wherry_run'").fetchone()
    return found is not None


def take_over(connection: sqlite3.Connection, run_id: str, plan_hash: str) -> Ticket:
    """Make the ledger if need be and give the run a new epoch.

    Raises:
        Conflict: the run is known under another plan.
    """
    for statement in _TABLES:
        connection.execute(statement)
    known = connection.execute("SELECT plan_hash, epoch FROM _wherry_run WHERE run_id = ?", (run_id,)).fetchone()
    if known is not None and known[0].decode() != plan_hash:
        raise Conflict(f"Run {run_id} was begun here under another plan; finish or roll back that one first.")
    epoch = known[1] + 1 if known else 1
    connection.execute("INSERT OR REPLACE INTO _wherry_run VALUES (?, ?, ?)", (run_id, plan_hash, epoch))
    return Ticket(run_id, epoch, plan_hash)


def check(connection: sqlite3.Connection, ticket: Ticket) -> None:
    """Make sure that a ticket still gives the right to write.

    Raises:
        Fenced: a newer epoch has begun, or the run is over.
    """
    found = None
    if exists(connection):
        found = connection.execute("SELECT epoch FROM _wherry_run WHERE run_id = ?", (ticket.run_id,)).fetchone()
    if found is None or found[0] != ticket.epoch:
        raise Fenced(f"Run {ticket.run_id} has been taken over by another worker.")


def knows(connection: sqlite3.Connection, run_id: str) -> bool:
    """Whether an unfinished run of this id is in the ledger."""
    return (
        exists(connection)
        and connection.execute("SELECT 1 FROM _wherry_run WHERE run_id = ?", (run_id,)).fetchone() is not None
    )


def steps(connection: sqlite3.Connection, run_id: str) -> frozenset[int]:
    """Numbers of the steps that are done."""
    if not exists(connection):
        return frozenset()
    return frozenset(
        number for (number,) in connection.execute("SELECT number FROM _wherry_step WHERE run_id = ?", (run_id,))
    )


def note_step(connection: sqlite3.Connection, run_id: str, number: int) -> None:
    """Note that a step is done."""
    connection.execute("INSERT INTO _wherry_step VALUES (?, ?)", (run_id, number))


def receipts(connection: sqlite3.Connection, run_id: str) -> tuple[ChunkReceipt, ...]:
    """Receipts of the chunks whose rows are in the file."""
    if not exists(connection):
        return ()
    found = connection.execute(
        "SELECT table_number, chunk_number, rows_read, rows_written, rows_rejected, size_bytes"
        " FROM _wherry_chunk WHERE run_id = ? ORDER BY 1, 2",
        (run_id,),
    )
    return tuple(
        ChunkReceipt(table, chunk, Rows(read), Rows(written), Rows(rejected), Bytes(size))
        for table, chunk, read, written, rejected, size in found
    )


def receipt(connection: sqlite3.Connection, run_id: str, table: int, chunk: int) -> ChunkReceipt | None:
    """Return the receipt of one chunk, or nothing."""
    found = connection.execute(
        "SELECT rows_read, rows_written, rows_rejected, size_bytes FROM _wherry_chunk"
        " WHERE run_id = ? AND table_number = ? AND chunk_number = ?",
        (run_id, table, chunk),
    ).fetchone()
    if found is None:
        return None
    read, written, rejected, size = found
    return ChunkReceipt(table, chunk, Rows(read), Rows(written), Rows(rejected), Bytes(size))


def note_chunk(connection: sqlite3.Connection, run_id: str, done: ChunkReceipt) -> None:
    """Store a chunk's receipt."""
    connection.execute(
        "INSERT INTO _wherry_chunk VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            run_id,
            done.table_number,
            done.chunk_number,
            done.rows_read,
            done.rows_written,
            done.rows_rejected,
            done.size_bytes,
        ),
    )


def forget(connection: sqlite3.Connection, run_id: str) -> None:
    """Remove a run, and the ledger with its last run."""
    if not exists(connection):
        return
    for table in ("_wherry_chunk", "_wherry_step", "_wherry_run"):
        connection.execute(f"DELETE FROM {table} WHERE run_id = ?", (run_id,))
    if connection.execute("SELECT 1 FROM _wherry_run").fetchone() is None:
        for table in ("_wherry_chunk", "_wherry_step", "_wherry_run"):
            connection.execute(f"DROP TABLE {table}")
