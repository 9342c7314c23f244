"""A writing session together with the server process behind it, so that process can be ended if the line breaks."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.kernel.errors import DatabaseError
from domain.kernel.failpoints import failpoint
from infra.connectors.postgresql.failures import DRIVER_ERRORS, is_disconnect, reported
from infra.connectors.postgresql.session import connect, connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    import asyncpg

    from domain.connections.values import Endpoint

GONE_CHECKS_MAX = 300
GONE_CHECK_S = 0.05

_ITSELF = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
_END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2"
_ALIVE = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2)"


@dataclass(frozen=True)
class Backend:
    """A session and its server process: number and start, since numbers are used again."""

    connection: asyncpg.Connection
    pid: int
    started: datetime


async def opened(endpoint: Endpoint) -> Backend:
    """Open a session and note its server process.

    Raises:
        ConnectFailed: no session could be opened.
    """
    connection = await connect(endpoint, application="wherry writer", sends_rows=True)
    try:
        with reported(f"{endpoint.label} did not answer"):
            row = await connection.fetchrow(_ITSELF)
    except BaseException:
        connection.terminate()
        raise
    return Backend(connection, row["pid"], row["backend_start"])


async def ended(endpoint: Endpoint, backend: Backend) -> None:
    """End a server process whose client has lost it, and wait until it is gone with all it held.

    Raises:
        ConnectFailed: the server cannot be reached to ask.
        DatabaseError: the process does not end.
    """
    async with connected(endpoint) as connection:
        with reported("The session of an interrupted write could not be ended"):
            await connection.execute(_END, backend.pid, backend.started)
            for _ in range(GONE_CHECKS_MAX):
                if not await connection.fetchval(_ALIVE, backend.pid, backend.started):
                    return
                await asyncio.sleep(GONE_CHECK_S)
    raise DatabaseError("The session of an interrupted write does not end. Try again later.", transient=True)


async def given_up(endpoint: Endpoint, backend: Backend) -> None:
    """End the server process of a session that was abandoned in the middle of its work, if the server can be reached.

    If it cannot, fencing keeps the process from doing harm.
    """
    with suppress(DatabaseError):
        await ended(endpoint, backend)


@asynccontextmanager
async def transaction(backend: Backend) -> AsyncIterator[None]:
    """Begin a transaction for a block and roll it back if the block fails; `committed` ends it otherwise."""
    connection = backend.connection
    await connection.execute("BEGIN")
    try:
        yield
    except Exception:
        await _rolled_back(connection)
        raise
    except BaseException:
        connection.terminate()  # cancelled: no time to talk to the server
        raise


async def committed(backend: Backend) -> bool:
    """Commit, and tell whether that is certain. It is not if the line broke before the answer came.

    Raises:
        asyncpg.PostgresError: the server refused; nothing was committed.
    """
    failpoint("target.commits")
    try:
        await backend.connection.execute("COMMIT")
        failpoint("target.committed")
    except DRIVER_ERRORS as error:
        backend.connection.terminate()
        if is_disconnect(error):
            return False
        raise
    return True


async def _rolled_back(connection: asyncpg.Connection) -> None:
    """Roll back; a session that cannot is dropped, which rolls back as well."""
    try:
        await connection.execute("ROLLBACK")
    except DRIVER_ERRORS:
        connection.terminate()
