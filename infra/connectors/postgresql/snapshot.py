"""One moment of a database, held by a session of its own and shared by all readers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg

from domain.migrations.moments import Moment, MomentMark, utc_text
from infra.connectors.postgresql import session
from infra.connectors.postgresql.failures import DRIVER_ERRORS, database_error, lost, snapshot_error
from infra.connectors.postgresql.names import literal

if TYPE_CHECKING:
    from domain.connections.values import Endpoint

LOCK_ATTEMPTS_MAX = 5
"""How often the tables are listed and locked anew because one came or went in between."""

CONFIRM_TIMEOUT_S = 30
"""How long the keeper may take to say that it is there."""

_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_READABLE = """
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND has_table_privilege(c.oid, 'SELECT')
  AND (n.nspname = $1 OR $1 = '' AND n.nspname !~ '^pg_'
       AND n.nspname NOT IN ('information_schema', '_wherry', '_wherry_after') AND has_schema_privilege(n.oid, 'USAGE'))
ORDER BY c.oid
"""


_MOMENT = """
SELECT txid_current_snapshot()::text AS visible, clock_timestamp() AS taken_at, current_setting('server_version') AS
    version, pg_postmaster_start_time()::text AS started,
    (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END)::text AS position,
    (SELECT oid FROM pg_database WHERE datname = current_database())::text AS database
"""


@dataclass(frozen=True)
class Snapshot:
    """A moment of a database. While `keeper` lives, tables cannot be dropped, altered or truncated."""

    keeper: asyncpg.Connection
    id: str
    visible: str
    """Which transactions it sees, as the server spells that."""
    moment: Moment
    asking: asyncio.Lock = field(default_factory=asyncio.Lock, compare=False)

    def check(self) -> None:
        """Make sure that nothing has been heard of the keeper's end; costs nothing.

        Raises:
            SnapshotLost: it has ended.
        """
        if self.keeper.is_closed():
            raise lost("The session that held the snapshot has ended.")

    async def confirm(self) -> None:
        """Ask the keeper whether it is still there, so that its locks have been all along.

        Raises:
            SnapshotLost: it is not.
        """
        async with self.asking:
            self.check()
            try:
                await self.keeper.fetchval("SELECT 1", timeout=CONFIRM_TIMEOUT_S)
            except (TimeoutError, *DRIVER_ERRORS) as error:
                self.keeper.terminate()
                raise lost("The session that held the snapshot does not answer.") from error


async def hold(endpoint: Endpoint) -> Snapshot:
    """Lock all readable tables against change of form and export a snapshot.

    The locks come first, because TRUNCATE would empty a table even for older snapshots.

    Raises:
        ConnectFailed: no session could be opened.
        DatabaseError: a table is locked by somebody else for too long.
    """
    keeper = await session.connect(endpoint, application="wherry snapshot")
    try:
        id_ = await _locked_snapshot(keeper, endpoint.schema)
        found = await keeper.fetchrow(_MOMENT)
    except DRIVER_ERRORS as error:
        keeper.terminate()
        raise database_error(error, f"No snapshot of {endpoint.label} could be taken") from error
    except BaseException:
        keeper.terminate()
        raise
    return Snapshot(keeper, id_, found["visible"], _moment(id_, found))


def _moment(id_: str, found: asyncpg.Record) -> Moment:
    """Describe a snapshot. The same transactions seen since the same start of the server are the same state.

    But for a crash of the server that takes back what it had not been asked to make lasting.
    """
    marks = (
        MomentMark("snapshot", id_),
        MomentMark("visible transactions", found["visible"]),
        MomentMark("wal position", found["position"]),
        MomentMark("server", f"PostgreSQL {found['version']}, started {found['started']}"),
    )
    identity = f"{found['started']}/{found['database']}/{found['visible']}"
    return Moment(utc_text(found["taken_at"]), marks, identity)


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
        SnapshotLost: the snapshot is lost.
    """
    snapshot.check()
    connection = await session.connect(endpoint, application="wherry reader")
    await join(connection, endpoint, snapshot)
    return connection


async def join(connection: asyncpg.Connection, endpoint: Endpoint, snapshot: Snapshot) -> None:
    """Let a session see the snapshot, in a transaction without the locks of the one that it was in before.

    Raises:
        SnapshotLost: the snapshot is lost. The session is ended.
    """
    try:
        if connection.is_in_transaction():
            await connection.execute("ROLLBACK")
        await connection.execute(f"{_BEGIN}; SET TRANSACTION SNAPSHOT {literal(snapshot.id)}")
        visible = await connection.fetchval("SELECT txid_current_snapshot()::text")
        if visible != snapshot.visible:  # a server that was started again gives its names out anew
            connection.terminate()
            raise lost(f"Snapshot {snapshot.id} is another one by now.")
    except DRIVER_ERRORS as error:
        connection.terminate()
        raise snapshot_error(error, f"No reader could join the snapshot of {endpoint.label}") from error
