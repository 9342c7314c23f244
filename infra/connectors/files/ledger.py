"""The ledger of a run inside a target file: its epoch, its steps, its chunks.

Every method but the readers runs inside a transaction of the caller, on the same connection as
the data, so the rows of a chunk and the note of it are committed together or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from domain.kernel.errors import Conflict, Fenced
from domain.kernel.values import Bytes, Rows
from domain.migrations.rejects import Place, RejectedRow, values_from_json, values_to_json
from domain.migrations.runs import RunRecord, RunState, shelved
from domain.migrations.schema_plan import Step
from domain.migrations.transfer import ChunkReceipt, Ticket
from infra.clock import first_epoch
from infra.connectors.files.session import FileConnection, first_row

OPEN, CLOSED = RunState.OPEN.value, RunState.CLOSED.value

_COLUMNS = "table_number, chunk_number, rows_read, rows_written, rows_rejected, size_bytes"


@dataclass(frozen=True)
class FileLedger:
    """Where an engine keeps the ledger: its tables, and how they are found, made and dropped."""

    runs: str
    steps: str
    chunks: str
    rejects: str
    uses: str
    find: str
    """A query that gives a row if the ledger is there."""
    make: tuple[str, ...]
    drop: tuple[str, ...]

    def exists(self, connection: FileConnection) -> bool:
        """Whether the file holds a ledger."""
        return first_row(connection, self.find) is not None

    def take_over(self, connection: FileConnection, run_id: str, plan_hash: str) -> Ticket:
        """Make the ledger if need be and give the run a new epoch; a closed one of this id is put away.

        Raises:
            Conflict: the run is known under another plan, or is being rolled back.
        """
        if not self.exists(connection):
            for statement in self.make:
                connection.execute(statement)
        known = self.record(connection, run_id)
        epoch = known.epoch + 1 if known else first_epoch()
        if known is not None and known.state is not RunState.CLOSED:
            if known.state is RunState.UNDOING:
                raise Conflict(f"Run {run_id} is being rolled back; finish that first.")
            if known.plan_hash != plan_hash:
                raise Conflict(f"Run {run_id} was begun here under another plan; finish or roll back that one first.")
            connection.execute(f"UPDATE {self.runs} SET epoch = ? WHERE run_id = ?", (epoch, run_id))
            return Ticket(run_id, epoch, plan_hash)
        if known is not None:
            self._shelve(connection, known)
        begun_at = datetime.now(UTC).isoformat(timespec="microseconds")
        values = (run_id, plan_hash, epoch, OPEN, begun_at, "")
        connection.execute(f"INSERT INTO {self.runs} VALUES (?, ?, ?, ?, ?, ?)", values)
        return Ticket(run_id, epoch, plan_hash)

    def _shelve(self, connection: FileConnection, known: RunRecord) -> None:
        for table in (self.rejects, self.chunks, self.steps, self.uses, self.runs):
            connection.execute(
                f"UPDATE {table} SET run_id = ? WHERE run_id = ?", (shelved(known.run_id, known.epoch), known.run_id)
            )

    def records(self, connection: FileConnection) -> tuple[RunRecord, ...]:
        """All runs, in the order in which they began."""
        if not self.exists(connection):
            return ()
        sql = f"SELECT run_id, plan_hash, epoch, state, begun_at, seal FROM {self.runs} ORDER BY begun_at, run_id"
        return tuple(_record(row) for row in connection.execute(sql).fetchall())

    def record(self, connection: FileConnection, run_id: str) -> RunRecord | None:
        """Return one run, or nothing."""
        return next((record for record in self.records(connection) if record.run_id == run_id), None)

    def hold(self, connection: FileConnection, ticket: Ticket) -> None:
        """Make sure that a ticket gives the right to write, and that it does until the transaction ends.

        The run's row is written, unchanged, so that whoever takes the run over meets this transaction.

        Raises:
            Fenced: a newer epoch has begun, or the run is over.
        """
        found = None
        if self.exists(connection):
            connection.execute(f"UPDATE {self.runs} SET epoch = epoch WHERE run_id = ?", (ticket.run_id,))
            sql = f"SELECT epoch FROM {self.runs} WHERE run_id = ? AND state <> ?"
            found = first_row(connection, sql, (ticket.run_id, CLOSED))
        if found is None or found[0] != ticket.epoch:
            raise Fenced(f"Run {ticket.run_id} has been taken over by another worker.")

    def knows(self, connection: FileConnection, run_id: str) -> bool:
        """Whether an unfinished run of this id is in the ledger."""
        known = self.record(connection, run_id)
        return known is not None and known.state is RunState.OPEN

    def steps_done(self, connection: FileConnection, run_id: str) -> frozenset[int]:
        """Numbers of the steps that are done."""
        if not self.exists(connection):
            return frozenset()
        found = connection.execute(f"SELECT number FROM {self.steps} WHERE run_id = ?", (run_id,)).fetchall()
        return frozenset(number for (number,) in found)

    def has_step(self, connection: FileConnection, run_id: str, number: int) -> bool:
        """Whether a step is done."""
        sql = f"SELECT 1 FROM {self.steps} WHERE run_id = ? AND number = ?"
        return first_row(connection, sql, (run_id, number)) is not None

    def note_step(self, connection: FileConnection, run_id: str, step: Step, undo: tuple[str, ...]) -> None:
        """Note that a step is done, and how it is taken back."""
        made = step.object
        connection.execute(
            f"INSERT INTO {self.steps} VALUES (?, ?, ?, ?, ?, ?)",
            (run_id, step.number, made.kind.value, made.name, made.table, json.dumps(undo)),
        )

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

    def note(self, connection: FileConnection, run_id: str, seal: str) -> None:
        """Note something of an unfinished run."""
        if self.exists(connection):
            sql = f"UPDATE {self.runs} SET seal = ? WHERE run_id = ? AND state = ?"
            connection.execute(sql, (seal, run_id, OPEN))

    def close(self, connection: FileConnection, run_id: str, seal: str) -> None:
        """Note that nothing is left to do for a run."""
        if self.exists(connection):
            sql = f"UPDATE {self.runs} SET state = ?, seal = ? WHERE run_id = ? AND state = ?"
            connection.execute(sql, (CLOSED, seal, run_id, OPEN))

    def note_rejected(self, connection: FileConnection, run_id: str, rows: Sequence[RejectedRow]) -> None:
        """Keep the rejected rows of a chunk."""
        for row in rows:
            values = (*row.place, row.column, row.reason, values_to_json(row.values))
            connection.execute(f"INSERT INTO {self.rejects} VALUES (?, ?, ?, ?, ?, ?, ?)", (run_id, *values))

    def rejected(
        self, connection: FileConnection, run_id: str, after: Place | None, rows_max: int
    ) -> tuple[RejectedRow, ...]:
        """Return the next rejected rows behind a place."""
        if not self.exists(connection):
            return ()
        place = "table_number, chunk_number, number"
        sql = (
            f"SELECT {place}, column_name, reason, row_values FROM {self.rejects} WHERE run_id = ? "
            f"AND ({place}) > (?, ?, ?) ORDER BY {place} LIMIT ?"
        )
        found = connection.execute(sql, (run_id, *(after or (-1, -1, -1)), rows_max)).fetchall()
        return tuple(
            RejectedRow(table, chunk, number, text_of(column), text_of(reason), values_from_json(text_of(values)))
            for table, chunk, number, column, reason, values in found
        )

    def forget(self, connection: FileConnection, run_id: str) -> None:
        """Remove a run, and the ledger with its last run."""
        if not self.exists(connection):
            return
        for table in (self.rejects, self.chunks, self.steps, self.uses, self.runs):
            connection.execute(f"DELETE FROM {table} WHERE run_id = ?", (run_id,))
        if first_row(connection, f"SELECT 1 FROM {self.runs}") is None:
            for statement in self.drop:
                connection.execute(statement)


def text_of(value: str | bytearray) -> str:
    """Return a text of the ledger; SQLite's sessions give texts as bytes."""
    return value if isinstance(value, str) else value.decode()


def _record(row: tuple[Any, ...]) -> RunRecord:
    run_id, plan_hash, epoch, state, begun_at, seal = row
    return RunRecord(
        text_of(run_id),
        text_of(plan_hash),
        epoch,
        RunState(text_of(state)),
        datetime.fromisoformat(text_of(begun_at)),
        text_of(seal),
    )


def _receipt(row: tuple[int, ...]) -> ChunkReceipt:
    table, chunk, read, written, rejected, size = row
    return ChunkReceipt(table, chunk, Rows(read), Rows(written), Rows(rejected), Bytes(size))
