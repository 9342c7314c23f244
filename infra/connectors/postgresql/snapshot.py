"""One moment of a database, held by a session of its own and shared by all readers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from infra.connectors.postgresql import session
from infra.connectors.postgresql.failures import DRIVER_ERRORS, database_error, snapshot_error
from infra.connectors.postgresql.names import literal

if TYPE_CHECKING:
    from domain.connections.values import Endpoint

LOCK_ATTEMPTS_MAX = 5
"""How often the tables are listed and locked anew because one came or went in between."""

_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_READABLE = """
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND has_table_privilege(c.oid, 'SELECT')
  AND (n.nspname = $1 OR $1 = '' AND n.nspname !~ '^pg_'
       AND n.nspname NOT IN ('information_schema', '_wherry', '_wherry_after') AND has_schema_privilege(n.oid, 'USAGE'))
ORDER BY c.oid
"""


@dataclass(frozen=True)
class Snapshot:
    """A moment of a database. While `keeper` lives, tables cannot be dropped, altered or truncated."""

    keeper: asyncpg.Connection
    id: str


async def hold(endpoint: Endpoint) -> Snapshot:
    """Lock all readable tables against change of form and export a snapshot.

    The locks come first, because TRUNCATE would empty a table even for older snapshots.

    Raises:
        ConnectFailed: no session could be opened.
        DatabaseError: a table is locked by somebody else for too long.
    """
    keeper = await session.connect(endpoint, application="wherry snapshot")
    try:
        return Snapshot(keeper, await _locked_snapshot(keeper, endpoint.schema))
    except DRIVER_ERRORS as error:
        keeper.terminate()
        raise database_error(error, f"No snapshot of {endpoint.label} could be taken") from error
    except BaseException:
        keeper.terminate()
        raise


async def _locked_snapshot(keeper: asyncpg.Connection, schema: str) -> str:
    for attempt in range(1, LOCK_ATTEMPTS_MAX + 1):
        tables = await _tables(keeper, schema)
        await keeper.execute(_BEGIN)
        try:
            if tables:
                await keeper.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS SHARE MODE")
        except asyncpg.UndefinedTableError:
            if attempt == LOCK_ATTEMPTS_MAX:
                raise
        else:
            snapshot = await keeper.fetchval("SELECT pg_export_snapshot()")
            if attempt == LOCK_ATTEMPTS_MAX or set(await _tables(keeper, schema)) <= set(tables):
                return str(snapshot)
        await keeper.execute("ROLLBACK")
    raise AssertionError  # the last attempt returns or raises


async def _tables(connection: asyncpg.Connection, schema: str) -> list[str]:
    return [row[0] for row in await connection.fetch(_READABLE, schema)]


async def open_reader(endpoint: Endpoint, snapshot: Snapshot) -> asyncpg.Connection:
    """Open a session that sees the snapshot.

    Raises:
        ConnectFailed: no session could be opened.
        DatabaseError: the snapshot is lost.
    """
    connection = await session.connect(endpoint, application="wherry reader")
    try:
        await connection.execute(f"{_BEGIN}; SET TRANSACTION SNAPSHOT {literal(snapshot.id)}")
    except DRIVER_ERRORS as error:
        connection.terminate()
        raise snapshot_error(error, f"No reader could join the snapshot of {endpoint.label}") from error
    return connection
