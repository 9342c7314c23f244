"""Sessions on a PostgreSQL server, all set up the same way, whatever the environment says."""

from __future__ import annotations

import os
import ssl
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import asyncpg

from domain.connections.values import Endpoint, TlsMode
from domain.kernel.errors import ConnectFailed, ErrorCode
from infra import keepalive
from infra.connectors.postgresql.capabilities import VERSION_MIN
from infra.connectors.postgresql.failures import DRIVER_ERRORS, connect_failed
from infra.connectors.postgresql.names import identifier, literal, schema_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CONNECT_TIMEOUT_S = 15.0
CLOSE_TIMEOUT_S = 5.0
LOCK_TIMEOUT_MS = 30_000
"""How long a statement waits for a lock before it fails as busy."""

CLIENT_CHECK_MS = 500
"""How soon a server ends a statement whose client is gone; without that it would notice at the end of the statement."""

WATCHED_SINCE = 140_000
"""First server version that ends idle sessions, and those of clients that are gone, as `server_version_num`."""

_SETTINGS = {
    "client_encoding": "UTF8",
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "iso_8601",
    "bytea_output": "hex",
    "xmloption": "content",
    "extra_float_digits": "3",
    "standard_conforming_strings": "on",
    "row_security": "off",  # rows hidden by a policy are an error, never a smaller table
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "lock_timeout": str(LOCK_TIMEOUT_MS),
    "tcp_keepalives_idle": "60",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "6",
    "jit": "off",
    "check_function_bodies": "off",
    "maintenance_work_mem": "256MB",
}


async def connect(endpoint: Endpoint, *, application: str = "wherry", sends_rows: bool = False) -> asyncpg.Connection:
    """Open a session: UTC, UTF-8, ISO texts, exact floats, no time limits, no help from PG* variables.

    Raises:
        ConnectFailed: no session could be opened; `code` says why.
    """
    try:
        connection = await asyncpg.connect(
            host=endpoint.host or "localhost",
            port=endpoint.port or 5432,
            user=endpoint.username,
            password=endpoint.password.reveal(),
            database=endpoint.database,
            passfile=os.devnull,
            ssl=_tls(endpoint),
            direct_tls=False,
            target_session_attrs="any",
            krbsrvname="postgres",
            gsslib="gssapi",
            timeout=CONNECT_TIMEOUT_S,
            statement_cache_size=0,
        )
    except (TimeoutError, *DRIVER_ERRORS, ValueError) as error:
        raise connect_failed(error, endpoint.label) from error
    line = connection._transport.get_extra_info("socket")  # noqa: SLF001 - asyncpg gives no other way to it
    try:
        keepalive.watch_peer(line, keepalive.OF_DATABASES, sends_rows=sends_rows)
        await _set_up(connection, endpoint, application)
    except BaseException as error:
        connection.terminate()
        if isinstance(error, DRIVER_ERRORS):
            raise connect_failed(error, endpoint.label) from error
        raise
    return connection


@asynccontextmanager
async def connected(endpoint: Endpoint) -> AsyncIterator[asyncpg.Connection]:
    """Open a session for the length of a block."""
    connection = await connect(endpoint)
    try:
        yield connection
    finally:
        await close(connection)


async def close(connection: asyncpg.Connection) -> None:
    """End a session; if the server does not answer in time, leave it."""
    try:
        await connection.close(timeout=CLOSE_TIMEOUT_S)
    except (TimeoutError, *DRIVER_ERRORS):
        connection.terminate()


def version_number(connection: asyncpg.Connection) -> int:
    """Return the server's version as PostgreSQL numbers it: 150018 is 15.18."""
    version = connection.get_server_version()
    return int(version.major) * 10_000 + int(version.minor)


def writes_utf8(connection: asyncpg.Connection) -> bool:
    """Tell whether the database keeps its text as UTF-8."""
    return str(connection.get_settings().server_encoding) == "UTF8"


def keeps_any_bytes(connection: asyncpg.Connection) -> bool:
    """Tell whether the database takes any bytes for text, so that its texts may be no UTF-8."""
    return str(connection.get_settings().server_encoding) == "SQL_ASCII"


async def _set_up(connection: asyncpg.Connection, endpoint: Endpoint, application: str) -> None:
    if version_number(connection) < VERSION_MIN:
        text = f"{endpoint.label} is PostgreSQL {version_number(connection) // 10_000}; version 12 or later is needed."
        raise ConnectFailed(text, code=ErrorCode.NOT_A_DATABASE)
    settings = {**_SETTINGS, "application_name": application}
    is_watched = version_number(connection) >= WATCHED_SINCE
    if is_watched:
        settings["idle_session_timeout"] = "0"
    statements = [f"SET {name} TO {literal(value)}" for name, value in settings.items()]
    statements.append(f"SET search_path TO {identifier(schema_of(endpoint))}, public")
    await connection.execute(";".join(statements))
    if is_watched:
        with suppress(asyncpg.InvalidParameterValueError):  # which it is where the server's system cannot tell
            await connection.execute(f"SET client_connection_check_interval TO {CLIENT_CHECK_MS}")


def _tls(endpoint: Endpoint) -> ssl.SSLContext | bool:
    """Return what asyncpg is told about TLS; it never falls back to clear text. Unix sockets have none."""
    if endpoint.tls is TlsMode.DISABLE or endpoint.host.startswith("/"):
        return False
    context = ssl.create_default_context()
    if endpoint.tls is TlsMode.REQUIRE:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
