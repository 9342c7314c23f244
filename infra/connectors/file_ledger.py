"""The ledger of a run inside a target file: its epoch, its steps, its chunks.

Every method but the readers runs inside a transaction of the caller, on the same connection as
the data, so the rows of a chunk and the note of it are committed together or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.kernel.errors import Conflict, Fenced
from domain.kernel.values import Bytes, Rows
from domain.migrations.transfer import ChunkReceipt, Ticket
from infra.connectors.file_session import FileConnection, first_row

_COLUMNS = "table_number, chunk_number, rows_read, rows_written, rows_rejected, size_bytes"


@dataclass(frozen=True)
class FileLedger:
    """Where an engine keeps the ledger: its three tables, and how they are found, made and dropped."""

    runs: str
    steps: str
    chunks: str
    find: str
    """A query that gives a row if the ledger is there."""
    make: tuple[str, ...]
    drop: tuple[str, ...]

    def exists(self, connection: FileConnection) -> bool:
        """Whether the file holds a ledger."""
        return first_row(connection, self.find) is not None

    def take_over(self, connection: FileConnection, run_id: str, plan_hash: str) -> Ticket:
        """Make the ledger if need be and give the run a new epoch.

        Raises:
            Conflict: the run is known under another plan.
        """
        if not self.exists(connection):
            for statement in self.make:
                connection.execute(statement)
        sql = f"SELECT epoch, plan_hash = ? FROM {self.runs} WHERE run_id = ?"
        known = first_row(connection, sql, (plan_hash, run_id))
        if known is None:
            connection.execute(f"INSERT INTO {self.runs} VALUES (?, ?, 1)", (run_id, plan_hash))
            return Ticket(run_id, 1, plan_hash)
        epoch, is_same_plan = known
        if not is_same_plan:
            raise Conflict(f"Run {run_id} was begun here under another plan; finish or roll back that one first.")
        connection.execute(f"UPDATE {self.runs} SET epoch = ? WHERE run_id = ?", (epoch + 1, run_id))
        return Ticket(run_id, epoch + 1, plan_hash)

    def hold(self, connection: FileConnection, ticket: Ticket) -> None:
        """Make sure that a ticket gives the right to write, and that it does until the transaction ends.

        The run's row is written, unchanged, so that whoever takes the run over meets this transaction.

        Raises:
            Fenced: a newer epoch has begun, or the run is over.
        """
        found = None
        if self.exists(connection):
            connection.execute(f"UPDATE {self.runs} SET epoch = epoch WHERE run_id = ?", (ticket.run_id,))
            found = first_row(connection, f"SELECT epoch FROM {self.runs} WHERE run_id = ?", (ticket.run_id,))
        if found is None or found[0] != ticket.epoch:
            raise Fenced(f"Run {ticket.run_id} has been taken over by another worker.")

    def knows(self, connection: FileConnection, run_id: str) -> bool:
        """Whether an unfinished run of this id is in the ledger."""
        if not self.exists(connection):
            return False
        return first_row(connection, f"SELECT 1 FROM {self.runs} WHERE run_id = ?", (run_id,)) is not None

    def steps_done(self, connection: FileConnection, run_id: str) -> frozenset[int]:
        """Numbers of the steps that are done."""
        if not self.exists(connection):
            return frozenset()
        found = connection.execute(f"SELECT number FROM {self.steps} WHERE run_id = ?", (run_id,)).fetchall()
        return frozenset(number for (number,) in found)

    def note_step(self, connection: FileConnection, run_id: str, number: int) -> None:
        """Note that a step is done."""
        connection.execute(f"INSERT INTO {self.steps} VALUES (?, ?)", (run_id, number))

    def receipts(self, connection: FileConnection, run_id: str) -> tuple[ChunkReceipt, ...]:
        """Receipts of the chunks whose rows are in the file."""
        if not self.exists(connection):
            return ()
        sql = f"SELECT {_COLUMNS} FROM {self.chunks} WHERE run_id = ? ORDER BY 1, 2"
        return tuple(_receipt(row) for row in connection.execute(sql, (run_id,)).fetchall())

    def receipt(self, connection: FileConnection, run_id: str, table: int, chunk: int) -> ChunkReceipt | None:
        """Return the receipt of one chunk, or nothing."""
        sql = f"SELECT {_COLUMNS} FROM {self.chunks} WHERE run_id = ? AND table_number = ? AND chunk_number = ?"
        found = first_row(connection, sql, (run_id, table, chunk))
        return None if found is None else _receipt(found)

    def note_chunk(self, connection: FileConnection, run_id: str, done: ChunkReceipt) -> None:
        """Store a chunk's receipt."""
        counts = (done.rows_read, done.rows_written, done.rows_rejected, done.size_bytes)
        connection.execute(
            f"INSERT INTO {self.chunks} VALUES (?, ?, ?, ?, ?, ?, ?)",
            (run_id, done.table_number, done.chunk_number, *counts),
        )

    def forget(self, connection: FileConnection, run_id: str) -> None:
        """Remove a run, and the ledger with its last run."""
        if not self.exists(connection):
            return
        for table in (self.chunks, self.steps, self.runs):
            connection.execute(f"DELETE FROM {table} WHERE run_id = ?", (run_id,))
        if first_row(connection, f"SELECT 1 FROM {self.runs}") is None:
            for statement in self.drop:
                connection.execute(statement)


def _receipt(row: tuple[int, ...]) -> ChunkReceipt:
    table, chunk, read, written, rejected, size = row
    return ChunkReceipt(table, chunk, Rows(read), Rows(written), Rows(rejected), Bytes(size))
