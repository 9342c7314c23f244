"""The error tree: every expected failure, each with a code a client can switch on.

WherryError
├── Refused                the caller must change something
│   ├── ValidationFailed   a value is out of its bounds
│   │   └── PathNotAllowed a file lies where this instance opens none
│   ├── Unauthenticated    nobody is signed in
│   ├── Forbidden          the caller may not do this
│   ├── NotFound           no such object within the caller's reach
│   ├── Conflict           the state of the object forbids it
│   └── RateLimited        too much, too fast
└── DatabaseError          a source or target database said no
    ├── ConnectFailed      no session could be opened
    ├── ObjectMissing      a table or column is not there
    ├── TargetNotEmpty     a target table already holds rows
    ├── SchemaDrift        a table changed while it was being copied
    ├── SnapshotLost       the state of the source that was read is no longer to be had
    ├── ValueRejected      a value has no exact place in the target
    ├── VerificationFailed source and target differ
    └── Fenced             another worker has taken this work over

`transient` decides retry: a transient failure may pass by itself, any other will not. Whether what is left
ends a migration or lets it rest until somebody helps is decided by its code: `domain.migrations.pausing`.
"""

from __future__ import annotations

from enum import Enum


class ErrorCode(Enum):
    """What went wrong, as a closed list that clients may switch on."""

    VALIDATION_FAILED = "VALIDATION_FAILED"
    """An input is out of its bounds."""
    UNAUTHENTICATED = "UNAUTHENTICATED"
    """Nobody is signed in, or the session has ended."""
    FORBIDDEN = "FORBIDDEN"
    """Your role does not allow this."""
    NOT_FOUND = "NOT_FOUND"
    """No such object within your reach."""
    CONFLICT = "CONFLICT"
    """The present state of the object forbids this."""
    RATE_LIMITED = "RATE_LIMITED"
    """Too many requests in too short a time; `retryAfterMs` says when to come back."""
    INTERNAL = "INTERNAL"
    """A fault of ours; quote the requestId."""
    HOST_UNREACHABLE = "HOST_UNREACHABLE"
    """No server answers at this host and port, or the line to it breaks."""
    AUTHENTICATION_FAILED = "AUTHENTICATION_FAILED"
    """The database does not accept this user name and password."""
    DATABASE_NOT_FOUND = "DATABASE_NOT_FOUND"
    """The server has no database of this name, or there is no such file."""
    PRIVILEGE_MISSING = "PRIVILEGE_MISSING"
    """The database user lacks a right that is needed."""
    TLS_UNAVAILABLE = "TLS_UNAVAILABLE"
    """The server offers no encrypted connection, or one that cannot be trusted."""
    NOT_A_DATABASE = "NOT_A_DATABASE"
    """The file is not a database of this kind."""
    PATH_NOT_ALLOWED = "PATH_NOT_ALLOWED"
    """The file lies outside the folder for file databases."""
    DATABASE_BUSY = "DATABASE_BUSY"
    """The database is locked by somebody else, or held up by something that may pass."""
    DATABASE_FAILED = "DATABASE_FAILED"
    """The database failed in a way that has no code of its own."""
    TABLE_NOT_FOUND = "TABLE_NOT_FOUND"
    """A named table is not there."""
    COLUMN_NOT_FOUND = "COLUMN_NOT_FOUND"
    """A named column is not there."""
    TARGET_DISK_FULL = "TARGET_DISK_FULL"
    """No room is left on the disk of the target (or of a source, for what it sorts)."""
    TARGET_READ_ONLY = "TARGET_READ_ONLY"
    """The target may only be read now."""
    TARGET_NOT_EMPTY = "TARGET_NOT_EMPTY"
    """A target table already holds rows."""
    SCHEMA_DRIFT = "SCHEMA_DRIFT"
    """A table changed while it was being copied."""
    SNAPSHOT_LOST = "SNAPSHOT_LOST"
    """The source's consistent snapshot was lost; resume with RESTART or CONTINUE."""
    VALUE_REJECTED = "VALUE_REJECTED"
    """A value has no exact place in the target."""
    VERIFICATION_FAILED = "VERIFICATION_FAILED"
    """Source and target differ after the copy."""
    FENCED = "FENCED"
    """Another worker has taken this work over."""


class WherryError(Exception):
    """An expected failure with a code, a message that says what to do, and the path of its cause."""

    code: ErrorCode = ErrorCode.INTERNAL
    transient: bool = False

    def __init__(self, message: str, *, path: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


class Refused(WherryError):
    """The caller must change something before this can succeed."""


class ValidationFailed(Refused):
    """A value is out of its bounds."""

    code = ErrorCode.VALIDATION_FAILED


class PathNotAllowed(ValidationFailed):
    """A file lies outside the folder in which this instance opens databases."""

    code = ErrorCode.PATH_NOT_ALLOWED


class Unauthenticated(Refused):
    """Nobody is signed in, or the session has ended."""

    code = ErrorCode.UNAUTHENTICATED


class Forbidden(Refused):
    """The caller is known but may not do this."""

    code = ErrorCode.FORBIDDEN


class NotFound(Refused):
    """No such object within the caller's reach."""

    code = ErrorCode.NOT_FOUND


class Conflict(Refused):
    """The present state of the object forbids this."""

    code = ErrorCode.CONFLICT


class ConcurrencyConflict(Conflict):
    """Somebody else changed the object first; load it again and retry."""

    transient = True


class RateLimited(Refused):
    """Too many requests in too short a time."""

    code = ErrorCode.RATE_LIMITED

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class DatabaseError(WherryError):
    """A source or target database refused or failed; `code` tells how. What may pass by itself never is without one."""

    code = ErrorCode.DATABASE_FAILED

    def __init__(
        self,
        message: str,
        *,
        code: ErrorCode | None = None,
        transient: bool = False,
        path: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, path=path)
        if code is not None:
            self.code = code
        elif transient and self.code is ErrorCode.DATABASE_FAILED:
            self.code = ErrorCode.DATABASE_BUSY
        self.transient = transient


class ConnectFailed(DatabaseError):
    """No session could be opened on a database."""

    code = ErrorCode.HOST_UNREACHABLE


class ObjectMissing(DatabaseError):
    """A table or column that the plan names is not there."""

    code = ErrorCode.TABLE_NOT_FOUND


class TargetNotEmpty(DatabaseError):
    """A target table already holds rows and the policy is to leave them alone."""

    code = ErrorCode.TARGET_NOT_EMPTY


class SchemaDrift(DatabaseError):
    """A table changed while it was being copied."""

    code = ErrorCode.SCHEMA_DRIFT


class SnapshotLost(DatabaseError):
    """The state of the source that was read is no longer to be had; a new snapshot would show another one."""

    code = ErrorCode.SNAPSHOT_LOST


class ValueRejected(DatabaseError):
    """A value has no exact place in the target."""

    code = ErrorCode.VALUE_REJECTED


class VerificationFailed(DatabaseError):
    """Source and target differ after the copy."""

    code = ErrorCode.VERIFICATION_FAILED


class Fenced(DatabaseError):
    """A worker with a newer epoch has taken this work over."""

    code = ErrorCode.FENCED
