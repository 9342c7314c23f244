"""Control sessions, through aiomysql: catalogue, schema statements, ledger questions, KILL.

Rows in bulk do not go through here (`bulk`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiomysql
from pymysql import err
from pymysql.constants import CLIENT

from infra import keepalive
from infra.connectors.mysql.errors import connect_failure, is_lost, translated
from infra.connectors.mysql.security import (
    check_greeting,
    check_plugin,
    file_request,
    is_local,
    password_latin1,
    tls_context,
)

if TYPE_CHECKING:
    from domain.connections.values import Endpoint

CONNECT_TIMEOUT_S = 15

SQL_MODE = (
    "STRICT_ALL_TABLES,STRICT_TRANS_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
)
"""Errors instead of silent changes; 0 is a value; zero dates and 31 February pass, since sources hold them."""

USUAL_MODE = f"SET NAMES utf8mb4 COLLATE utf8mb4_bin, SESSION sql_mode = '{SQL_MODE}', time_zone = '+00:00'"
"""Back to it, after a statement in another one, in other words or at another place."""

SETTINGS = (
    f"{USUAL_MODE}, sql_notes = 1, max_error_count = 64, sql_select_limit = DEFAULT, sql_safe_updates = 0"
    ", lock_wait_timeout = 600, wait_timeout = 86400, net_read_timeout = 86400, net_write_timeout = 86400"
    " /*M! , max_statement_time = 0, idle_transaction_timeout = 0, idle_readonly_transaction_timeout = 0"
    ", innodb_strict_mode = 0 */"
    " /*M!100802 , explicit_defaults_for_timestamp = 1 */"
    " /*!80000 , max_execution_time = 0, information_schema_stats_expiry = 0 */"
)
"""Long network timeouts: a paused peer at the other end of a copy must not end the session. Ten minutes for
a table that somebody else has locked. Tables whose rows might not fit into a page are made all the same.

`/*M!` is read by MariaDB only and `/*!80000` by MySQL 8 only.
"""

Row = tuple[Any, ...]


class _Connection(aiomysql.Connection):  # type: ignore[misc]  # aiomysql has no types
    """An aiomysql session that refuses to be talked out of TLS or into showing its password."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        local = is_local(endpoint)
        super().__init__(
            host=endpoint.host,
            port=endpoint.port,
            unix_socket=endpoint.host if local else None,
            user=endpoint.username,
            password=password_latin1(endpoint),
            db=endpoint.database or None,
            charset="utf8mb4",
            ssl=tls_context(endpoint),
            connect_timeout=CONNECT_TIMEOUT_S,
            init_command=SETTINGS,
            autocommit=True,
            cursorclass=_QuietCursor,
        )
        self.client_flag &= ~CLIENT.MULTI_STATEMENTS

    async def open(self) -> None:
        """Connect, check the server, sign in."""
        await self._connect()
        keepalive.watch_peer(self._writer.transport.get_extra_info("socket"), keepalive.OF_DATABASES)

    async def _request_authentication(self) -> None:
        check_greeting(self._endpoint, self.server_capabilities, self._server_auth_plugin)
        await super()._request_authentication()

    async def _process_auth(self, plugin_name: bytes, auth_packet: object) -> object:
        check_plugin(self._endpoint, plugin_name.decode("latin-1"))
        return await super()._process_auth(plugin_name, auth_packet)


class _QuietCursor(aiomysql.Cursor):  # type: ignore[misc]  # aiomysql has no types
    """A cursor that leaves the server's notes at the server; whoever wants them asks for them."""

    async def _show_warnings(self, conn: object) -> None:
        del conn


class Control:
    """A session for single statements, one at a time; opened at the first use and again after a loss."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._connection: _Connection | None = None
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        """Open the session now.

        Raises:
            ConnectFailed: no session could be opened; `code` says why.
        """
        async with self._turn:
            await self._opened()

    async def rows(self, sql: str, args: tuple[object, ...] = (), *, doing: str = "asking the server") -> list[Row]:
        """Run a statement with bound parameters and return its rows.

        Raises:
            DatabaseError: the server refused or failed; `doing` begins the message.
        """
        async with self._turn:
            connection = await self._opened()
            try:
                async with connection.cursor() as cursor:
                    await cursor.execute(sql, args or None)
                    return list(await cursor.fetchall() or ())
            except (err.MySQLError, OSError) as error:
                if is_lost(error):
                    self._drop()
                raise translated(error, doing) from error
            except RuntimeError as error:  # aiomysql's answer to a request for a file
                self._drop()
                raise file_request(self._endpoint) from error
            except BaseException:
                self._drop()
                raise

    async def value(self, sql: str, args: tuple[object, ...] = (), *, doing: str = "asking the server") -> Any:  # noqa: ANN401 - the driver's types
        """Run a statement and return the first value of its first row, or None without rows."""
        found = await self.rows(sql, args, doing=doing)
        return found[0][0] if found else None

    async def close(self) -> None:
        """End the session."""
        async with self._turn:
            if self._connection is not None:
                connection, self._connection = self._connection, None
                try:
                    await connection.ensure_closed()
                except OSError:
                    connection.close()  # the line is broken, so the session is over anyway

    async def _opened(self) -> _Connection:
        if self._connection is not None and not self._connection.closed:
            return self._connection
        connection = _Connection(self._endpoint)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await connection.open()
        except TimeoutError as error:
            connection.close()
            silence = OSError(0, f"the server did not answer within {CONNECT_TIMEOUT_S} seconds")
            raise connect_failure(silence, self._endpoint.label) from error
        except Exception as error:
            connection.close()
            raise connect_failure(error, self._endpoint.label) from error
        self._connection = connection
        return connection

    def _drop(self) -> None:
        """Forget a session whose state is not known."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
