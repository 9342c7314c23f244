"""Connections of Python's sqlite3 on which the C helper can work too.

The helper opens no file itself. It is told by SQLite which connection was opened, and works on that
very one: in its transaction, with its settings, stopped by its `interrupt`. Where `sqlite3` has
SQLite built in, so that nobody else can call it, there is no handle and Python does the work.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from infra.connectors.native import has_native

if TYPE_CHECKING:
    from infra.connectors.native._native import SqliteHandle

_PRIMARY = 0xFF


class Connection(sqlite3.Connection):
    """A connection with a handle on it for the C helper, where there is one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - they are sqlite3's own
        take = _opened if has_native() and _is_found() else lambda: None
        take()
        super().__init__(*args, **kwargs)
        self.native: SqliteHandle | None = take()
        self.roots: tuple[int, Mapping[str, int]] = (-1, {})
        """The first pages of all tables, by their names, and the version of the schema in which they are that."""

    def close(self) -> None:
        """Close the connection; a query of the helper that is still open fails from now on."""
        if self.native is not None:
            self.native.close()
            self.native = None
        super().close()


def handle_of(connection: sqlite3.Connection) -> SqliteHandle | None:
    """Return the helper's handle on a connection, or nothing."""
    return connection.native if isinstance(connection, Connection) else None


@cache
def _is_found() -> bool:
    """Find the functions of the SQLite that `sqlite3` uses."""
    from infra.connectors.native import _native  # noqa: PLC0415 - only where it could be built

    spec = find_spec("_sqlite3")
    path = spec.origin if spec is not None and spec.has_location else None
    return _native.sqlite_find(path) == sqlite3.sqlite_version


def _opened() -> SqliteHandle | None:
    from infra.connectors.native import _native  # noqa: PLC0415 - only where it could be built

    return _native.sqlite_opened()


@contextmanager
def driver_errors() -> Iterator[None]:
    """Turn the helper's failures into those that `sqlite3` itself would raise."""
    from infra.connectors.native import _native  # noqa: PLC0415 - only where it could be built

    try:
        yield
    except _native.SqliteFailed as failed:
        code, message = failed.args
        error = _KINDS.get(code & _PRIMARY, sqlite3.OperationalError)(message)
        error.sqlite_errorcode = code
        raise error from None


_KINDS: dict[int, type[sqlite3.Error]] = {
    sqlite3.SQLITE_CONSTRAINT: sqlite3.IntegrityError,
    sqlite3.SQLITE_MISMATCH: sqlite3.IntegrityError,
    sqlite3.SQLITE_TOOBIG: sqlite3.DataError,
    sqlite3.SQLITE_CORRUPT: sqlite3.DatabaseError,
    sqlite3.SQLITE_NOTADB: sqlite3.DatabaseError,
}
