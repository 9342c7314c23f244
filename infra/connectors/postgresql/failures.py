"""What PostgreSQL and asyncpg report, in the words of our error tree."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING

import asyncpg

from domain.kernel.errors import (
    ConnectFailed,
    DatabaseError,
    ErrorCode,
    ObjectMissing,
    SchemaDrift,
    SnapshotLost,
    ValueRejected,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_TRANSIENT_CLASSES = ("08", "40")
_TRANSIENT_STATES = frozenset(
    {
        "25P03",  # idle in transaction for too long
        "53000",  # insufficient resources
        "53200",  # out of memory
        "53300",  # too many connections
        "55006",  # object in use
        "55P03",  # lock not available
        "57014",  # query cancelled
        "57P01",  # the administrator ended the session
        "57P02",  # crash of another backend
        "57P03",  # starting up or shutting down
    }
)
_BUSY_STATES = frozenset({"53000", "53200", "53300", "55006", "55P03", "57P03"})
_CONNECT_CODES: dict[str, ErrorCode] = {
    "28000": ErrorCode.AUTHENTICATION_FAILED,
    "28P01": ErrorCode.AUTHENTICATION_FAILED,
    "3D000": ErrorCode.DATABASE_NOT_FOUND,
    "42501": ErrorCode.PRIVILEGE_MISSING,
    "53300": ErrorCode.DATABASE_BUSY,
    "57P03": ErrorCode.DATABASE_BUSY,
}
_READ_ONLY = "25006"
_DISK_FULL = "53100"
_MISSING: dict[str, ErrorCode] = {
    "3F000": ErrorCode.TABLE_NOT_FOUND,
    "42P01": ErrorCode.TABLE_NOT_FOUND,
    "42703": ErrorCode.COLUMN_NOT_FOUND,
}
_DRIFT_STATES = frozenset({*_MISSING, "42804", "42883", "0A000"})
_LOST_SNAPSHOT_STATES = frozenset({"22023", "42704"})
"""What servers up to 17 and from 18 on say of a snapshot whose exporter has ended."""

_NO_PARENT = "23503"
_REFUSING_CLASSES = ("09", "22", "23", "27", "38", "39", "44", "54", "P0")
"""Values, constraints, what triggers and functions raise, views with check option, and rows too large for an index."""

_SERVER_CLASSES = ("53", "55", "57", "58", "72", "P0", "XX")

DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, EOFError)
"""Everything that a database call can raise by the database's or the network's fault."""


def is_disconnect(error: BaseException) -> bool:
    """Tell whether the session ended, so that nobody knows what became of the last statement."""
    state = _state(error)
    return not isinstance(error, asyncpg.PostgresError) or state.startswith(("08", "57P0"))


def connect_failed(error: BaseException, label: str) -> ConnectFailed:
    """Say why no session could be opened. `label` names the database without its password."""
    if isinstance(error, asyncpg.PostgresError) and (error.sqlstate or "").startswith(("08", "57P01", "57P02")):
        text = f"{label} ended the session before it had begun: {error}. Check that the server runs."
        return ConnectFailed(text, code=ErrorCode.HOST_UNREACHABLE, transient=True)
    if isinstance(error, asyncpg.PostgresError):
        code = _CONNECT_CODES.get(error.sqlstate or "", ErrorCode.DATABASE_FAILED)
        text = f"{label} refused the session: {error}. Check user, password, database and the server's pg_hba.conf."
        return ConnectFailed(text, code=code, transient=code is ErrorCode.DATABASE_BUSY)
    if isinstance(error, ssl.SSLError) or "SSL" in str(error):
        text = f"{label} gave no session under TLS: {error}. Enable TLS on the server, or choose another TLS mode."
        return ConnectFailed(text, code=ErrorCode.TLS_UNAVAILABLE)
    if isinstance(error, asyncpg.InterfaceError):
        return ConnectFailed(f"{label} gave no session: {error}.", code=ErrorCode.AUTHENTICATION_FAILED)
    reason = str(error) or "no answer in time"
    text = f"{label} cannot be reached: {reason}. Check host, port and firewall, and that the server runs."
    return ConnectFailed(text, code=ErrorCode.HOST_UNREACHABLE, transient=True)


def database_error(error: BaseException, doing: str) -> DatabaseError:
    """Say what failed while `doing` something, and whether trying again may help."""
    state = _state(error)
    text = f"{doing}: {_reason(error)}"
    if state in _BUSY_STATES:
        return DatabaseError(text, code=ErrorCode.DATABASE_BUSY, transient=True)
    if is_disconnect(error):
        return DatabaseError(text, code=ErrorCode.HOST_UNREACHABLE, transient=True)
    if state == "42501":
        return DatabaseError(f"{text}. Grant the right and try again.", code=ErrorCode.PRIVILEGE_MISSING)
    if state == _DISK_FULL:
        return DatabaseError(text, code=ErrorCode.TARGET_DISK_FULL)
    if state == _READ_ONLY:
        return DatabaseError(text, code=ErrorCode.TARGET_READ_ONLY)
    if state in _MISSING:
        return ObjectMissing(text, code=_MISSING[state])
    return DatabaseError(text, transient=state in _TRANSIENT_STATES or state.startswith(_TRANSIENT_CLASSES))


def read_error(error: BaseException, doing: str) -> DatabaseError:
    """As `database_error`, for reads by a plan made earlier: what is missing has changed since."""
    state = _state(error)
    if state in _DRIFT_STATES:
        return SchemaDrift(f"{doing}: {_reason(error)}. The table has changed since the plan was made.")
    return database_error(error, doing)


def lost(reason: str) -> SnapshotLost:
    """Say that the snapshot is lost, and why."""
    return SnapshotLost(f"{reason} The source's snapshot is lost.")


def snapshot_error(error: BaseException, doing: str) -> DatabaseError:
    """As `database_error`, for joining a snapshot."""
    if _state(error) in _LOST_SNAPSHOT_STATES:
        return lost(f"{doing}: the session that held it has ended.")
    return database_error(error, doing)


def write_error(error: BaseException, doing: str) -> DatabaseError:
    """As `database_error`, for writes of rows: many states mean a row that cannot be stored.

    A reference that finds no row is none of them: the row it wants may be still to come.
    """
    state = _state(error)
    if state == _NO_PARENT:
        return DatabaseError(f"{doing}: {_reason(error)}", code=ErrorCode.VALUE_REJECTED)
    if state.startswith(_REFUSING_CLASSES) or (state and _is_own(state)):
        return ValueRejected(f"{doing}: {_reason(error)}")
    return database_error(error, doing)


def _is_own(state: str) -> bool:
    """Tell whether a state is one that a trigger of the user's makes up.

    The standard leaves classes that begin with 5 to 9 and I to Z to others, some of which PostgreSQL uses.
    """
    return state[0] in "56789IJKLMNOPQRSTUVWXYZ" and not state.startswith(_SERVER_CLASSES)


def _state(error: BaseException) -> str:
    """Return the server's code of an error, empty if it is none of the server's."""
    return getattr(error, "sqlstate", None) or ""


def _reason(error: BaseException) -> str:
    """Return the server's message with its detail and the place in the COPY stream it speaks of.

    And, where it has run out of something, with its hint, which names the setting.
    """
    parts = [str(error) or type(error).__name__]
    has_run_out = _state(error).startswith("53")
    for name in ("detail", "context", *(("hint",) if has_run_out else ())):
        extra = getattr(error, name, None)
        if extra and extra not in parts[0]:
            parts.append(str(extra).splitlines()[0][:200])
    return " - ".join(parts)


@contextmanager
def reported(doing: str) -> Iterator[None]:
    """Turn the driver's exceptions inside the block into `DatabaseError`; `doing` says what was tried."""
    try:
        yield
    except DRIVER_ERRORS as error:
        raise database_error(error, doing) from error
