"""Writing SQLite files: what is SQLite's own about it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import pyarrow as pa

from domain.catalog.mixed import MIXED
from domain.catalog.model import DatabaseSchema, TableName
from domain.kernel.errors import DatabaseError, ValueRejected
from domain.migrations.digests import Digest, DigestColumn, RowHash
from domain.migrations.transfer import TableCopy
from infra.connectors.broken_texts import is_sound
from infra.connectors.files.ledger import FileLedger, text_of
from infra.connectors.files.target import FileTarget
from infra.connectors.sidetables import KEYS_TABLE
from infra.connectors.sql.text import quoted
from infra.connectors.sqlite.digest import digest_table
from infra.connectors.sqlite.driver import driver_errors, handle_of
from infra.connectors.sqlite.introspect import introspect
from infra.connectors.sqlite.mixed import parted
from infra.connectors.sqlite.places import to_stored
from infra.connectors.sqlite.session import open_session
from infra.connectors.undoing import Made

LEDGER = FileLedger(
    runs="_wherry_run",
    steps="_wherry_step",
    chunks="_wherry_chunk",
    rejects="_wherry_reject",
    uses="_wherry_use",
    find="SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_wherry_run'",
    make=(
        """
        CREATE TABLE _wherry_run (
            run_id TEXT NOT NULL PRIMARY KEY, plan_hash TEXT NOT NULL, epoch INTEGER NOT NULL, state TEXT NOT NULL,
            begun_at TEXT NOT NULL, seal TEXT NOT NULL)
        """,
        """
        CREATE TABLE _wherry_step (
            run_id TEXT NOT NULL, number INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, owner TEXT NOT NULL,
            undo TEXT NOT NULL, PRIMARY KEY (run_id, number))
        """,
        """
        CREATE TABLE _wherry_chunk (
            run_id TEXT NOT NULL, table_number INTEGER NOT NULL, chunk_number INTEGER NOT NULL,
            rows_read INTEGER NOT NULL, rows_written INTEGER NOT NULL, rows_rejected INTEGER NOT NULL,
            size_bytes INTEGER NOT NULL, PRIMARY KEY (run_id, table_number, chunk_number))
        """,
        """
        CREATE TABLE _wherry_reject (
            run_id TEXT NOT NULL, table_number INTEGER NOT NULL, chunk_number INTEGER NOT NULL,
            number INTEGER NOT NULL, column_name TEXT NOT NULL, reason TEXT NOT NULL, row_values TEXT NOT NULL,
            PRIMARY KEY (run_id, table_number, chunk_number, number))
        """,
        """
        CREATE TABLE _wherry_use (
            run_id TEXT NOT NULL, table_number INTEGER NOT NULL, schema_name TEXT NOT NULL, name TEXT NOT NULL,
            mode TEXT NOT NULL, place INTEGER NOT NULL, row_count INTEGER NOT NULL, key_columns TEXT NOT NULL,
            side TEXT NOT NULL, is_undone INTEGER NOT NULL, PRIMARY KEY (run_id, table_number))
        """,
    ),
    drop=(
        "DROP TABLE _wherry_reject",
        "DROP TABLE _wherry_chunk",
        "DROP TABLE _wherry_step",
        "DROP TABLE _wherry_use",
        "DROP TABLE _wherry_run",
    ),
)


class SqliteWriting:
    """SQLite's words for what every file target does."""

    ledger = LEDGER
    begin = "BEGIN IMMEDIATE"
    keys_place = TableName(KEYS_TABLE)

    def roll_back(self, connection: sqlite3.Connection) -> None:
        """End the transaction, if one is open, and undo it."""
        if connection.in_transaction:
            connection.execute("ROLLBACK")

    def introspect(self, connection: sqlite3.Connection) -> DatabaseSchema:
        """Describe the file by its declarations alone; values are not looked at."""
        return introspect(connection, with_values=False)

    def has(self, connection: sqlite3.Connection, table: TableName) -> bool:
        """Whether there is such a table; names ignore case."""
        sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE"
        return connection.execute(sql, (table.name,)).fetchone() is not None

    def named(self, table: TableName) -> str:
        """Quote a table's name."""
        return quoted(table.name)

    def insert(self, connection: sqlite3.Connection, copy: TableCopy, batch: pa.RecordBatch) -> None:
        """Insert the rows of a batch, each value bound."""
        columns = ", ".join(quoted(column.target) for column in copy.columns)
        stored: list[pa.Array] = []
        values = []
        for column, array in zip(copy.columns, batch.columns, strict=True):
            parts = parted(array) if column.type == MIXED else [to_stored(column, array)]
            sound = [handle_of(connection) is not None or is_sound(part) for part in parts]
            marks = ["?" if each else "CAST(? AS TEXT)" for each in sound]
            values.append(f"coalesce({', '.join(marks)})" if column.type == MIXED else marks[0])
            stored += [part if each else part.cast(pa.large_binary()) for part, each in zip(parts, sound, strict=True)]
        sql = f"INSERT INTO {quoted(copy.target.name)} ({columns}) VALUES ({', '.join(values)})"
        _insert(connection, sql, stored)

    def store(self, connection: sqlite3.Connection, copy: TableCopy, batch: pa.RecordBatch) -> None:
        """Insert the rows of a batch; if one of them is refused, go back to where they began.

        Raises:
            DatabaseError: a trigger has undone the whole transaction.
        """
        connection.execute("SAVEPOINT piece")
        try:
            self.insert(connection, copy, batch)
        except (sqlite3.Error, ValueRejected) as error:
            if not connection.in_transaction:
                raise DatabaseError(f"{copy.target} refused a row and undid what was before it: {error}") from error
            connection.execute("ROLLBACK TO piece")
            raise
        finally:
            if connection.in_transaction:
                connection.execute("RELEASE piece")

    def side(self, name: str) -> str:
        """Spell a side table; its name alone keeps it apart."""
        return quoted(name)

    def stored_columns(self, connection: sqlite3.Connection, table: TableName) -> tuple[str, ...]:
        """Return a table's columns but those that SQLite computes."""
        sql = "SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0 ORDER BY cid"
        return tuple(text_of(name) for (name,) in connection.execute(sql, (table.name,)).fetchall())

    def row_text(self, alias: str, columns: tuple[str, ...]) -> str:
        """Spell a row as the literals of its values."""
        return " || ',' || ".join(f"quote({alias}.{quoted(column)})" for column in columns)

    def is_there(self, connection: sqlite3.Connection, made: Made) -> bool:
        """Tell nothing is: every statement of ours fails if its object is there."""
        del connection, made
        return False

    def drop(self, made: Made) -> str | None:
        """Spell the statement that drops what was made."""
        return f"DROP {made.kind} {made.name}"

    def digest(
        self, connection: sqlite3.Connection, table: TableName, columns: tuple[DigestColumn, ...], by: RowHash
    ) -> Digest:
        """Compute a table's digest from the stored values."""
        return digest_table(connection, table, columns, (), by)


def _insert(connection: sqlite3.Connection, sql: str, stored: Sequence[pa.Array]) -> None:
    """Run an INSERT for every row of some columns, in the transaction that is open."""
    handle = handle_of(connection)
    if handle is None:
        connection.executemany(sql, zip(*(array.to_pylist() for array in stored), strict=True))
        return
    from infra.connectors.native import _native  # noqa: PLC0415 - only where it could be built

    batch = pa.RecordBatch.from_arrays(stored, names=[str(place) for place in range(len(stored))])
    with driver_errors():
        _native.sqlite_insert(handle, sql, batch)


async def open_target(path: str) -> FileTarget[sqlite3.Connection]:
    """Open a file for writing; a missing one is made by the first write.

    Raises:
        ConnectFailed: no session could be opened.
    """
    return FileTarget(await open_session(path, writable=True), SqliteWriting())
