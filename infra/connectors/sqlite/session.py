"""Sessions on SQLite files: how they are opened, and what their failures mean."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from urllib.parse import quote

from domain.kernel.errors import ConnectFailed, DatabaseError, ErrorCode, ObjectMissing, ValueRejected
from infra.connectors.files.session import FileSession
from infra.connectors.sqlite.capabilities import BUSY_TIMEOUT_S, READER_CACHE_KIB, WRITER_CACHE_KIB
from infra.connectors.sqlite.driver import Connection
from infra.connectors.sqlite.mixed import add_functions

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


Session = FileSession[sqlite3.Connection]
"""One connection on a thread of its own. Text comes out as `bytearray`, blobs as `bytes`."""


async def open_session(path: str, *, writable: bool) -> Session:
    """Open a file, which must be a database unless it is made by writing to it.

    Raises:
        ConnectFailed: no session could be opened; `code` says why.
        DatabaseError: there is too little memory for another thread, which may pass.
    """
    return await FileSession.open(partial(_connect, path, writable=writable), partial(_explained, path))


def _explained(path: str, error: Exception) -> DatabaseError | None:
    return failure(error, path) if isinstance(error, sqlite3.Error) else None


def _connect(path: str, *, writable: bool) -> sqlite3.Connection:
    file = Path(path).absolute()
    _check_file(file, writable=writable)
    mode = "rwc" if writable else "ro"
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(file))}?mode={mode}",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
            factory=Connection,
        )
    except sqlite3.Error as error:
        raise _connect_failure(error, path) from error
    try:
        _configure(connection, writable=writable)
    except sqlite3.Error as error:
        connection.close()
        raise _connect_failure(error, path) from error
    return connection


def _configure(connection: sqlite3.Connection, *, writable: bool) -> None:
    """Set a session up for a file that may be hostile.

    Functions named in its schema run only if they are harmless, cells are checked, other files cannot be
    attached. A writer commits durably (`synchronous=FULL`): chunks are large, so commits are rare and the
    ledger must never know of a chunk that a power failure takes back.
    """
    connection.text_factory = bytearray
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    if _knows_its_harmless_functions():
        connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB if writable else READER_CACHE_KIB}")
    connection.execute("PRAGMA synchronous = FULL" if writable else "PRAGMA query_only = ON")
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    add_functions(connection)


@cache
def _knows_its_harmless_functions() -> bool:
    """Tell whether this SQLite lets a schema that it does not trust use JSON.

    3.40 does not: no column, check or index may then say `json_valid`. What can do harm, such as
    `load_extension`, it refuses in any schema.
    """
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript("CREATE TABLE t (a CHECK (json_valid(a))); PRAGMA trusted_schema = OFF;")
        try:
            connection.execute("INSERT INTO t VALUES ('{}')")
        except sqlite3.OperationalError:
            return False
    return True


def _check_file(file: Path, *, writable: bool) -> None:
    if file.is_dir():
        raise ConnectFailed(f"{file} is a folder, not a database file.", code=ErrorCode.NOT_A_DATABASE)
    if file.exists():
        return
    if not writable:
        raise ConnectFailed(f"There is no file {file}.", code=ErrorCode.DATABASE_NOT_FOUND)
    if not file.parent.is_dir():
        raise ConnectFailed(
            f"The folder {file.parent} does not exist; create it first.", code=ErrorCode.DATABASE_NOT_FOUND
        )


def failure(error: sqlite3.Error, path: str) -> DatabaseError:
    """Say in the domain's words what SQLite said."""
    code = _primary_code(error)
    message = str(error)
    if code in _BUSY:
        return DatabaseError(
            f"{path} is locked by another session; let it finish.", code=ErrorCode.DATABASE_BUSY, transient=True
        )
    if code == sqlite3.SQLITE_NOTADB:
        return ConnectFailed(f"{path} is not a SQLite database.", code=ErrorCode.NOT_A_DATABASE)
    if message.startswith("no such table"):
        return ObjectMissing(f"{path}: {message}.", code=ErrorCode.TABLE_NOT_FOUND)
    if message.startswith("no such column"):
        return ObjectMissing(f"{path}: {message}.", code=ErrorCode.COLUMN_NOT_FOUND)
    if code in (sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG) or isinstance(error, sqlite3.IntegrityError):
        return ValueRejected(f"{path}: {message}.")
    if code == sqlite3.SQLITE_FULL:
        return DatabaseError(f"{path}: {message}.", code=ErrorCode.TARGET_DISK_FULL)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return DatabaseError(
            f"{path} cannot be written: {message}. Check the rights on the file and its folder.",
            code=ErrorCode.PRIVILEGE_MISSING,
        )
    return DatabaseError(f"{path}: {message}.")


def _connect_failure(error: sqlite3.Error, path: str) -> ConnectFailed:
    if _primary_code(error) == sqlite3.SQLITE_CANTOPEN:
        return ConnectFailed(
            f"{path} cannot be opened; check the rights on the file and its folder.", code=ErrorCode.PRIVILEGE_MISSING
        )
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY_ROLLBACK:
        return ConnectFailed(
            f"{path} was left in the middle of a transaction, which a reader may not undo; open it once to be written"
            " (`sqlite3 FILE .tables` will do).",
            code=ErrorCode.DATABASE_FAILED,
        )
    known = failure(error, path)
    return ConnectFailed(known.message, code=known.code, transient=known.transient)


def _primary_code(error: sqlite3.Error) -> int:
    """Return SQLite's result code without its extension; -1 if the driver failed by itself."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return -1 if code is None else code & 0xFF
