"""The PyMySQL session behind a bulk session.

PyMySQL is used for its protocol; rows are taken off the wire by `rowstream`, and input of
LOAD DATA is given to the server from memory, here.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pymysql.connections import Connection, MySQLResult
from pymysql.constants import COMMAND
from pymysql.protocol import MysqlPacket, OKPacketWrapper

from infra import keepalive
from infra.connectors.mysql.capabilities import PACKET_BYTES
from infra.connectors.mysql.security import (
    check_greeting,
    check_plugin,
    file_request,
    is_local,
    password_latin1,
    tls_context,
)
from infra.connectors.mysql.session import CONNECT_TIMEOUT_S, SETTINGS, Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from pymysql.cursors import Cursor

    from domain.connections.values import Endpoint

    _Driver = Connection[Cursor]
else:
    _Driver = Connection  # only its stubs know the parameter

_LOCAL_INFILE_REQUEST = 0xFB


@dataclass(frozen=True)
class Loaded:
    """What a statement stored: rows, and how many values or rows the server complained about."""

    rows: int
    warnings: int


class BulkConnection(_Driver):
    """A PyMySQL session. It opens no file for any server: LOAD DATA input comes from memory alone."""

    _sock: Any
    _rfile: Any
    _result: MySQLResult
    _next_seq_id: int
    _auth_plugin_name: str
    server_capabilities: int
    _force_close: Callable[[], None]
    _execute_command: Callable[[int, str], None]
    _write_bytes: Callable[[bytes], None]

    def __init__(self, endpoint: Endpoint, *, loads: bool, sends_rows: bool) -> None:
        self._endpoint = endpoint
        self._sends_rows = sends_rows
        local = is_local(endpoint)
        tls = tls_context(endpoint)
        super().__init__(
            host=None if local else endpoint.host,
            port=endpoint.port,
            unix_socket=endpoint.host if local else None,
            user=endpoint.username,
            password=password_latin1(endpoint),
            database=endpoint.database or None,
            charset="utf8mb4",
            ssl=tls,
            ssl_disabled=tls is None,
            local_infile=loads,
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=CONNECT_TIMEOUT_S,
            init_command=SETTINGS,
            autocommit=True,
            defer_connect=True,
        )
        self._local_infile = False

    def open_session(self) -> None:
        """Connect, check the server, sign in."""
        self.connect()
        self._read_timeout = None
        keepalive.watch_peer(self._sock, keepalive.OF_DATABASES, sends_rows=self._sends_rows)

    def _request_authentication(self) -> None:
        check_greeting(self._endpoint, self.server_capabilities, self._auth_plugin_name)
        super()._request_authentication()  # type: ignore[misc]  # not in the stubs

    def _process_auth(self, plugin_name: bytes, auth_packet: MysqlPacket, handler: object = None) -> object:
        check_plugin(self._endpoint, plugin_name.decode("latin-1"))
        return super()._process_auth(plugin_name, auth_packet, handler)  # type: ignore[misc]  # not in the stubs

    def _read_query_result(self, unbuffered: bool = False) -> int:  # noqa: FBT001, FBT002 - PyMySQL's signature
        try:
            rows: int = super()._read_query_result(unbuffered)  # type: ignore[misc]  # not in the stubs
        except RuntimeError as error:
            self._force_close()
            raise file_request(self._endpoint) from error
        return rows

    def fetch(self, sql: str, args: tuple[object, ...] = ()) -> list[Row]:
        """Run a statement with bound parameters and return its rows."""
        with self.cursor() as cursor:
            cursor.execute(sql, args or None)
            return list(cursor.fetchall())

    def store(self, statement: bytes) -> Loaded:
        """Run a statement that stores rows."""
        rows = self.query(statement)
        return Loaded(rows, self._result.warning_count)

    def begin_rows(self, sql: str) -> None:
        """Send a query and pass over the description of its columns.

        The caller then takes the rows from `wire`, to the very end.
        """
        self._execute_command(COMMAND.COM_QUERY, sql)
        columns = self._packet().read_length_encoded_integer()
        if columns is None:  # 0xFB: a file is asked for
            self._force_close()
            raise file_request(self._endpoint)
        for _ in range(columns + 1):  # one packet per column, and the end of the list
            self._packet()

    @property
    def wire(self) -> Any:  # noqa: ANN401 - a private part of the driver
        """The buffered reader of the socket."""
        return self._rfile

    def _packet(self) -> MysqlPacket:
        packet: MysqlPacket = self._read_packet()  # type: ignore[no-untyped-call]  # so the stubs have it
        return packet

    def begin_load(self, sql: str, token: str) -> None:
        """Send a LOAD DATA LOCAL statement; the server must ask for exactly the file called `token`.

        Raises:
            DatabaseError: it asked for another one; the session is closed, for the server is not to be trusted.
        """
        self._execute_command(COMMAND.COM_QUERY, sql)
        packet = self._packet()
        content: bytes = packet.get_all_data()  # type: ignore[no-untyped-call]  # so the stubs have it
        if content[0] != _LOCAL_INFILE_REQUEST or content[1:] != token.encode():
            self._force_close()
            raise file_request(self._endpoint)

    def send_load(self, data: memoryview) -> None:
        """Send a part of the input."""
        for start in range(0, len(data), PACKET_BYTES):
            piece = data[start : start + PACKET_BYTES]
            header = struct.pack("<I", len(piece) | self._next_seq_id << 24)
            self._write_bytes(header + bytes(piece))
            self._next_seq_id = (self._next_seq_id + 1) % 256

    def end_load(self) -> Loaded:
        """End the input and wait for what the server made of it."""
        self.write_packet(b"")
        answer = OKPacketWrapper(self._packet())
        return Loaded(answer.affected_rows, answer.warning_count)

    def cut(self) -> None:
        """Cut the connection from another thread; a call that waits on it fails at once."""
        if self._sock is not None:
            self._sock.shutdown(socket.SHUT_RDWR)
