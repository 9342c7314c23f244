"""The book of finished steps and chunks, kept in the target database itself.

A chunk's receipt is stored in the transaction of its rows, so the one is there exactly when the other is.
MySQL commits before and after every schema statement, so a step is noted twice: as intended before it runs,
as done afterwards; a step intended and not done may or may not have run, and is run again with
"already exists" taken for an answer.
"""

from __future__ import annotations

from datetime import UTC
from hashlib import sha256
from typing import Any

from domain.kernel.values import Bytes, Rows
from domain.migrations.runs import RunRecord, RunState
from domain.migrations.transfer import ChunkReceipt

RUNS = "_wherry_run"
CHUNKS = "_wherry_chunk"
STEPS = "_wherry_step"
REJECTS = "_wherry_reject"
USES = "_wherry_use"
LEDGER_TABLES = (REJECTS, STEPS, CHUNKS, USES, RUNS)

WRITER_SLOTS = 64
"""How many sessions may write for one ticket at once, over all workers."""

_ID = "VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL"

_NAME = "TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL"

_CREATE_RUNS = (
    f"CREATE TABLE IF NOT EXISTS {RUNS} (run_id {_ID} PRIMARY KEY, "
    "plan_hash VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, epoch BIGINT NOT NULL, "
    "state VARCHAR(16) CHARACTER SET ascii NOT NULL, begun_at DATETIME(6) NOT NULL, "
    "seal LONGTEXT CHARACTER SET utf8mb4 NOT NULL) ENGINE=InnoDB"
)
_CREATE_CHUNKS = (
    f"CREATE TABLE IF NOT EXISTS {CHUNKS} (run_id {_ID}, table_number INT NOT NULL, chunk_number INT NOT NULL, "
    "epoch BIGINT NOT NULL, rows_read BIGINT NOT NULL, rows_written BIGINT NOT NULL, rows_rejected BIGINT NOT NULL, "
    "size_bytes BIGINT NOT NULL, PRIMARY KEY (run_id, table_number, chunk_number)) ENGINE=InnoDB"
)
_CREATE_STEPS = (
    f"CREATE TABLE IF NOT EXISTS {STEPS} (run_id {_ID}, step_number INT NOT NULL, is_done TINYINT NOT NULL, "
    f"kind {_NAME}, name {_NAME}, owner {_NAME}, undoing LONGTEXT CHARACTER SET utf8mb4 NOT NULL, "
    "PRIMARY KEY (run_id, step_number)) ENGINE=InnoDB"
)
_CREATE_REJECTS = (
    f"CREATE TABLE IF NOT EXISTS {REJECTS} (run_id {_ID}, table_number INT NOT NULL, chunk_number INT NOT NULL, "
    "number INT NOT NULL, column_name VARCHAR(64) CHARACTER SET utf8mb4 NOT NULL, "
    "reason TEXT CHARACTER SET utf8mb4 NOT NULL, row_values LONGTEXT CHARACTER SET ascii NOT NULL, "
    "PRIMARY KEY (run_id, table_number, chunk_number, number)) ENGINE=InnoDB"
)
_CREATE_USES = (
    f"CREATE TABLE IF NOT EXISTS {USES} (run_id {_ID}, table_number INT NOT NULL, schema_name {_NAME}, name {_NAME}, "
    f"mode {_NAME}, place INT NOT NULL, row_count BIGINT NOT NULL, key_columns {_NAME}, side {_NAME}, "
    "progress TINYINT NOT NULL, is_undone TINYINT NOT NULL, PRIMARY KEY (run_id, table_number)) ENGINE=InnoDB"
)
CREATE_LEDGER = (_CREATE_RUNS, _CREATE_CHUNKS, _CREATE_STEPS, _CREATE_REJECTS, _CREATE_USES)

TAKE_RUN = (
    f"INSERT INTO {RUNS} (run_id, plan_hash, epoch, state, begun_at, seal) "
    "VALUES (%s, %s, LAST_INSERT_ID(%s), 'OPEN', UTC_TIMESTAMP(6), '') "
    "ON DUPLICATE KEY UPDATE epoch = IF(plan_hash = VALUES(plan_hash) AND state = 'OPEN', "
    "LAST_INSERT_ID(epoch + 1), epoch)"
)
"""Opens a run or takes it over; `TAKEN_EPOCH`, asked next in the same session, tells which epoch is ours."""

TAKEN_EPOCH = "SELECT LAST_INSERT_ID()"
RECORDS = f"SELECT run_id, plan_hash, epoch, state, begun_at, seal FROM {RUNS} ORDER BY begun_at, run_id"
NOTE_RUN = f"UPDATE {RUNS} SET seal = %s WHERE run_id = %s AND state = 'OPEN'"
CLOSE_RUN = f"UPDATE {RUNS} SET state = 'CLOSED', seal = %s WHERE run_id = %s AND state = 'OPEN'"
RUN_EPOCH = f"SELECT epoch FROM {RUNS} WHERE run_id = %s AND state <> 'CLOSED'"
RUN_EPOCH_HELD = f"{RUN_EPOCH} LOCK IN SHARE MODE"
"""Keeps the run's epoch as it is until the transaction ends."""

_RECEIPT_COLUMNS = "table_number, chunk_number, rows_read, rows_written, rows_rejected, size_bytes"
RECEIPTS = f"SELECT {_RECEIPT_COLUMNS} FROM {CHUNKS} WHERE run_id = %s"
RECEIPT = f"{RECEIPTS} AND table_number = %s AND chunk_number = %s"
ADD_RECEIPT = f"INSERT INTO {CHUNKS} (run_id, epoch, {_RECEIPT_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"

_REJECT_PLACE = "table_number, chunk_number, number"
_REJECT_COLUMNS = f"{_REJECT_PLACE}, column_name, reason, row_values"
REJECTED = (
    f"SELECT {_REJECT_COLUMNS} FROM {REJECTS} WHERE run_id = %s AND ({_REJECT_PLACE}) > (%s, %s, %s) "
    f"ORDER BY {_REJECT_PLACE} LIMIT %s"
)
ADD_REJECTS = f"INSERT INTO {REJECTS} (run_id, {_REJECT_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s)"

STEP = f"SELECT is_done FROM {STEPS} WHERE run_id = %s AND step_number = %s"
STEPS_DONE = f"SELECT step_number FROM {STEPS} WHERE run_id = %s AND is_done = 1"
INTEND_STEP = (
    f"INSERT INTO {STEPS} (run_id, step_number, is_done, kind, name, owner, undoing) VALUES (%s, %s, 0, %s, %s, %s, %s)"
)
FINISH_STEP = f"UPDATE {STEPS} SET is_done = 1 WHERE run_id = %s AND step_number = %s"
STEPS_NOTED = f"SELECT step_number, kind, name, owner, undoing FROM {STEPS} WHERE run_id = %s ORDER BY step_number"
FORGET_STEP = f"DELETE FROM {STEPS} WHERE run_id = %s AND step_number = %s"

BEGIN_UNDO = f"UPDATE {RUNS} SET epoch = epoch + 1, state = 'UNDOING', seal = %s WHERE run_id = %s AND epoch = %s"
SIDES = f"SELECT side FROM {USES} WHERE run_id = %s AND side <> ''"
SHELVE_RUN = tuple(f"UPDATE {table} SET run_id = %s WHERE run_id = %s" for table in LEDGER_TABLES)
FORGET_RUN = tuple(f"DELETE FROM {table} WHERE run_id = %s" for table in LEDGER_TABLES)
HOLD_LEDGER = "LOCK TABLES " + ", ".join(f"{table} WRITE" for table in LEDGER_TABLES)
RUNS_LEFT = f"SELECT COUNT(*) FROM {RUNS}"
DROP_LEDGER = "DROP TABLE " + ", ".join(LEDGER_TABLES)


def record(row: tuple[Any, ...]) -> RunRecord:
    """Make a record of a row of `RECORDS`; sessions tell times in UTC."""
    run_id, plan_hash, epoch, state, begun_at, seal = row
    return RunRecord(run_id, plan_hash, int(epoch), RunState(state), begun_at.replace(tzinfo=UTC), seal)


def receipt(row: tuple[int, ...]) -> ChunkReceipt:
    """Make a receipt of a row of the ledger."""
    table, chunk, read, written, rejected, size = row
    return ChunkReceipt(table, chunk, Rows(read), Rows(written), Rows(rejected), Bytes(size))


def receipt_args(run_id: str, epoch: int, noted: ChunkReceipt) -> tuple[object, ...]:
    """Return what `ADD_RECEIPT` binds."""
    return (
        run_id,
        epoch,
        noted.table_number,
        noted.chunk_number,
        noted.rows_read,
        noted.rows_written,
        noted.rows_rejected,
        noted.size_bytes,
    )


def writer_lock(database: str, run_id: str, epoch: int, slot: int) -> str:
    """Name the server-wide lock that a session holds while it writes for a ticket.

    Whoever takes the run over finds the sessions of the epoch before by the locks they hold.
    """
    run = sha256(f"{database}\0{run_id}".encode()).hexdigest()[:32]
    return f"wherry:{run}:{epoch}:{slot}"
