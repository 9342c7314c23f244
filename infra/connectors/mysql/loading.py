"""One chunk's transaction on a writing session, step by step; every call runs on the session's thread."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Protocol

from pymysql import err

from domain.kernel.errors import DatabaseError, Fenced, ValueRejected
from domain.kernel.failpoints import failpoint
from domain.kernel.values import Bytes, Rows
from domain.migrations.transfer import ChunkReceipt
from infra.connectors.mysql import ledger
from infra.connectors.mysql.encode import encode, load_sql
from infra.connectors.mysql.errors import number_of
from infra.connectors.mysql.inserting import InsertValues, insert_values
from infra.connectors.mysql.rejects import note_rejected

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from domain.migrations.rejects import RejectedRow
    from domain.migrations.transfer import Batch, Chunk, TableCopy, Ticket
    from infra.connectors.mysql.wire import BulkConnection, Loaded

_DUPLICATE_KEY = 1062
_NO_SUCH_TABLE = 1146


class Input(Protocol):
    """A way to give the server rows."""

    def prepare(self, batch: pa.RecordBatch) -> memoryview | InsertValues:
        """Spell a batch; may run on any thread."""
        ...

    def begin(self, connection: BulkConnection) -> None:
        """Start."""
        ...

    def send(self, connection: BulkConnection, prepared: memoryview | InsertValues) -> None:
        """Send a prepared batch."""
        ...

    def end(self, connection: BulkConnection) -> int:
        """Wait for the server to finish and return how many rows it stored."""
        ...


class InfileInput:
    """Rows by LOAD DATA LOCAL."""

    def __init__(self, copy: TableCopy) -> None:
        self._copy = copy
        self._is_open = False

    def prepare(self, batch: pa.RecordBatch) -> memoryview:
        """Spell a batch as text."""
        return encode(self._copy, batch)

    def begin(self, connection: BulkConnection) -> None:
        """Send the statement; the server asks for our token."""
        token = secrets.token_hex(16)
        connection.begin_load(load_sql(self._copy, token), token)
        self._is_open = True

    def send(self, connection: BulkConnection, prepared: memoryview | InsertValues) -> None:
        """Send a part of the text."""
        if isinstance(prepared, memoryview):
            connection.send_load(prepared)

    def end(self, connection: BulkConnection) -> int:
        """End the text.

        With LOCAL the server turns errors into warnings and goes on; any warning is an error to us.

        Raises:
            ValueRejected: the server changed or left out a value or a row.
        """
        if not self._is_open:
            return 0
        self._is_open = False
        loaded = connection.end_load()
        if loaded.warnings:
            told = connection.fetch("SHOW WARNINGS LIMIT 1")
            reason = (
                f"{told[0][2]} (MySQL {told[0][0].lower()} {told[0][1]})" if told else "the server does not say why"
            )
            raise ValueRejected(f"{self._copy.target} refused rows: {reason}", path=(str(self._copy.target),))
        return loaded.rows


class InsertInput:
    """Rows by INSERT, for servers that forbid LOAD DATA LOCAL."""

    def __init__(self, copy: TableCopy, packet_bytes_max: int) -> None:
        self._copy = copy
        self._packet_bytes_max = packet_bytes_max
        self._stored = 0

    def prepare(self, batch: pa.RecordBatch) -> InsertValues:
        """Turn a batch into bound values."""
        return insert_values(self._copy, batch)

    def begin(self, connection: BulkConnection) -> None:
        """Nothing is to be announced."""
        del connection

    def send(self, connection: BulkConnection, prepared: memoryview | InsertValues) -> None:
        """Insert the rows of a batch, as many at a time as fit into a packet."""
        if isinstance(prepared, InsertValues):
            for statement in prepared.statements(connection, self._packet_bytes_max):
                self._stored += _stored(connection, self._copy, connection.store(statement))

    def end(self, connection: BulkConnection) -> int:
        """Return how many rows were stored."""
        del connection
        return self._stored


def _stored(connection: BulkConnection, copy: TableCopy, loaded: Loaded) -> int:
    """Return how many rows were stored, if the server changed and left out nothing.

    Raises:
        ValueRejected: it did, or says at least something about a value.
    """
    if loaded.warnings:
        told = connection.fetch("SHOW WARNINGS LIMIT 1")
        reason = f"{told[0][2]} (MySQL {told[0][0].lower()} {told[0][1]})" if told else "the server does not say why"
        raise ValueRejected(f"{copy.target} refused rows: {reason}", path=(str(copy.target),))
    return loaded.rows


class ChunkLoad:
    """Writes a chunk's rows and receipt in one transaction, unless the receipt is already there."""

    def __init__(
        self,
        copy: TableCopy,
        chunk: Chunk,
        ticket: Ticket,
        rows_by: Input,
        afterwards: Callable[[BulkConnection], None] | None = None,
    ) -> None:
        self._afterwards = afterwards
        self.copy = copy
        self._chunk = chunk
        self._ticket = ticket
        self.input = rows_by
        self._rows_sent = 0
        self._rejected: list[RejectedRow] = []
        self._size_bytes = 0

    def begin(self, connection: BulkConnection) -> ChunkReceipt | None:
        """Begin the transaction; return the chunk's receipt if it has one, with nothing left open.

        Raises:
            Fenced: the ticket is void.
        """
        connection.fetch("SET SESSION foreign_key_checks = 0")
        connection.fetch("START TRANSACTION")
        check_ticket(connection, self._ticket)
        found = self.receipt(connection)
        if found is not None:
            connection.rollback()
        return found

    def count(self, batch: Batch) -> None:
        """Count a batch that is about to be sent, and keep its rejected rows."""
        self._rows_sent += batch.rows
        self._rejected += batch.rejected
        self._size_bytes += batch.size_bytes

    def send(self, connection: BulkConnection, prepared: memoryview | InsertValues) -> None:
        """Send a prepared batch."""
        self.input.send(connection, prepared)

    def finish_pieces(self, connection: BulkConnection) -> ChunkReceipt:
        """Write the receipt once all pieces are stored and counted; the commit is left to do."""
        return self._noted(connection, self._rows_sent)

    def finish(self, connection: BulkConnection) -> ChunkReceipt:
        """End the input, check that every row arrived, and write the receipt; the commit is left to do.

        Raises:
            ValueRejected: a row or value did not arrive as it was sent.
        """
        stored = self.input.end(connection)
        check_all_stored(self.copy, stored, self._rows_sent)
        return self._noted(connection, stored)

    def _noted(self, connection: BulkConnection, stored: int) -> ChunkReceipt:
        if self._afterwards is not None:
            self._afterwards(connection)
        noted = ChunkReceipt(
            self._chunk.table_number,
            self._chunk.number,
            rows_read=Rows(self._rows_sent + len(self._rejected)),
            rows_written=Rows(stored),
            rows_rejected=Rows(len(self._rejected)),
            size_bytes=Bytes(self._size_bytes),
        )
        if self._rejected:
            note_rejected(connection, self._ticket.run_id, self._rejected)
        connection.fetch(ledger.ADD_RECEIPT, ledger.receipt_args(self._ticket.run_id, self._ticket.epoch, noted))
        return noted

    def cancel(self, connection: BulkConnection) -> None:
        """Undo everything. What the server says of an input that ends early does not matter any more."""
        try:
            self.input.end(connection)
        except (err.MySQLError, ValueRejected):
            if not connection.open:
                return
        connection.rollback()

    def receipt(self, connection: BulkConnection) -> ChunkReceipt | None:
        """Return the chunk's receipt, if it has one."""
        args = (self._ticket.run_id, self._chunk.table_number, self._chunk.number)
        found = connection.fetch(ledger.RECEIPT, args)
        return ledger.receipt(found[0]) if found else None


def check_all_stored(copy: TableCopy, stored: int, sent: int) -> None:
    """Hold the server to account.

    Raises:
        ValueRejected: it has not stored every row that it was sent.
    """
    if stored != sent:
        raise ValueRejected(f"{copy.target} stored {stored} of {sent} rows", path=(str(copy.target),))


def check_ticket(connection: BulkConnection, ticket: Ticket) -> None:
    """Check that a ticket is valid, and keep it so until the transaction ends.

    Raises:
        Fenced: a newer ticket of the run exists, or the run is closed; nothing is left open.
    """
    try:
        found = connection.fetch(ledger.RUN_EPOCH_HELD, (ticket.run_id,))
    except err.ProgrammingError as error:
        if number_of(error) != _NO_SUCH_TABLE:
            raise
        found = []  # the ledger went with its last run
    if not found or found[0][0] != ticket.epoch:
        connection.rollback()
        raise Fenced(f"run {ticket.run_id} has been taken over by another worker, or is closed")


def commit(connection: BulkConnection) -> None:
    """Commit the transaction."""
    failpoint("target.commits")
    connection.commit()
    failpoint("target.committed")


def is_duplicate(error: DatabaseError) -> bool:
    """Whether a failure says that a key is there already (as when two workers write one chunk)."""
    cause = error.__cause__
    return cause is not None and number_of(cause) == _DUPLICATE_KEY
