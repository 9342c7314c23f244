"""Sessions on DuckDB files: how they are opened, and what their failures mean."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import duckdb

from domain.catalog.model import TableName
from domain.kernel.errors import ConnectFailed, DatabaseError, ErrorCode, ObjectMissing, ValueRejected
from infra.connectors.duckdb.capabilities import DEFAULT_SCHEMA, SETTINGS
from infra.connectors.files.session import FileSession
from infra.connectors.sql.text import quoted

_MAGIC = b"DUCK"
_MAGIC_OFFSET = 8
_NO_ROOM = "No space left on device"
_NO_MEMORY = ("Out of Memory Error", "Failed to commit: failed to pin", "Failed to commit: failed to allocate")
_NO_COLUMN = ("not found in FROM clause", "does not have a column")


def qualified(table: TableName) -> str:
    """Quote a table's name with its schema."""
    return f"{quoted(table.schema or DEFAULT_SCHEMA)}.{quoted(table.name)}"


Session = FileSession[duckdb.DuckDBPyConnection]
"""One connection on a thread of its own."""


async def open_sessions(path: str, count: int, *, writable: bool) -> list[Session]:
    """Open a file with several sessions; a missing file is made if it is to be written.

    DuckDB locks a file for one process that writes, or for any that read.

    Raises:
        ConnectFailed: no session could be opened; `code` says why.
        DatabaseError: there is too little memory for another thread, which may pass.
    """
    explain = partial(_explained, path)
    sessions = [await FileSession.open(partial(_connect, path, writable=writable), explain)]
    try:
        first = await sessions[0].run(lambda connection: connection)
        while len(sessions) < count:
            sessions.append(await FileSession.open(first.cursor, explain))
    except BaseException:
        for session in sessions:
            await session.close()
        raise
    return sessions


def _explained(path: str, error: Exception) -> DatabaseError | None:
    return failure(error, path) if isinstance(error, duckdb.Error) else None


def _connect(path: str, *, writable: bool) -> duckdb.DuckDBPyConnection:
    file = Path(path).absolute()
    _check_file(file, writable=writable)
    try:
        connection = duckdb.connect(str(file), read_only=not writable, config=dict(SETTINGS))
    except duckdb.Error as error:
        raise _connect_failure(error, path) from error
    try:
        _lock_down(connection)
    except duckdb.Error as error:
        connection.close()
        raise _connect_failure(error, path) from error
    return connection


def _lock_down(connection: duckdb.DuckDBPyConnection) -> None:
    """Put all sessions on the file into UTC and let no statement change a setting any more.

    Sessions of one process on one file share their settings, so a second source finds it done.
    """
    [(locked,)] = connection.execute("SELECT current_setting('lock_configuration')").fetchall()
    if not locked:
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        connection.execute("SET GLOBAL lock_configuration = true")


def _check_file(file: Path, *, writable: bool) -> None:
    """Look at the file ourselves: DuckDB opens a CSV file as a database of views, and guesses other kinds."""
    if "?" in str(file):
        # DuckDB would keep its log in another file than it looks for: it takes what follows for options.
        raise ConnectFailed(
            f"DuckDB cannot work with a question mark in a path; rename {file}.", code=ErrorCode.DATABASE_FAILED
        )
    if file.is_dir():
        raise ConnectFailed(f"{file} is a folder, not a database file.", code=ErrorCode.NOT_A_DATABASE)
    if not file.exists():
        if not writable:
            raise ConnectFailed(f"There is no file {file}.", code=ErrorCode.DATABASE_NOT_FOUND)
        if not file.parent.is_dir():
            raise ConnectFailed(
                f"The folder {file.parent} does not exist; create it first.", code=ErrorCode.DATABASE_NOT_FOUND
            )
        return
    try:
        with file.open("rb") as opened:
            start = opened.read(_MAGIC_OFFSET + len(_MAGIC))
    except OSError as error:
        raise ConnectFailed(
            f"{file} cannot be read; check the rights on it.", code=ErrorCode.PRIVILEGE_MISSING
        ) from error
    if start[_MAGIC_OFFSET:] != _MAGIC:
        raise ConnectFailed(f"{file} is not a DuckDB database.", code=ErrorCode.NOT_A_DATABASE)


def failure(error: duckdb.Error, path: str) -> DatabaseError:
    """Say in the domain's words what DuckDB said."""
    message = str(error).splitlines()[0] if str(error) else type(error).__name__
    text = f"{path}: {message}"
    if isinstance(error, duckdb.CatalogException) and "does not exist" in message:
        return ObjectMissing(text, code=ErrorCode.TABLE_NOT_FOUND)
    if isinstance(error, duckdb.BinderException) and any(part in message for part in _NO_COLUMN):
        return ObjectMissing(text, code=ErrorCode.COLUMN_NOT_FOUND)
    if isinstance(error, duckdb.IntegrityError | duckdb.DataError):
        return ValueRejected(text)
    if isinstance(error, duckdb.TransactionException) and "onflict" in message:
        return DatabaseError(text, code=ErrorCode.DATABASE_BUSY, transient=True)
    if isinstance(error, duckdb.PermissionException):
        return DatabaseError(text, code=ErrorCode.PRIVILEGE_MISSING)
    return DatabaseError(text, code=ErrorCode.TARGET_DISK_FULL if _NO_ROOM in message else None)


def ran_out_of_memory(error: DatabaseError) -> bool:
    """Whether DuckDB was not allowed the memory that it wanted; through Arrow and from a commit it only says so."""
    return isinstance(error.__cause__, duckdb.OutOfMemoryException) or any(part in error.message for part in _NO_MEMORY)


def _connect_failure(error: duckdb.Error, path: str) -> ConnectFailed:
    message = str(error)
    if "different configuration" in message:
        return ConnectFailed(
            f"{path} is open here already, to be read or to be written; one file cannot be both at once.",
            code=ErrorCode.DATABASE_BUSY,
        )
    if "Could not set lock" in message:
        return ConnectFailed(
            f"{path} is open in another process; DuckDB lets one process write, or several read.",
            code=ErrorCode.DATABASE_BUSY,
            transient=True,
        )
    if "not a valid DuckDB database" in message:
        return ConnectFailed(f"{path} is not a DuckDB database.", code=ErrorCode.NOT_A_DATABASE)
    if "Permission denied" in message:
        return ConnectFailed(
            f"{path} cannot be opened; check the rights on the file and its folder.", code=ErrorCode.PRIVILEGE_MISSING
        )
    known = failure(error, path)
    code = known.code if known.code is not ErrorCode.TABLE_NOT_FOUND else ErrorCode.DATABASE_FAILED
    return ConnectFailed(known.message, code=code, transient=known.transient)
