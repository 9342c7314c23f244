"""The rows of one query, taken off the wire as bytes, column by column.

PyMySQL makes an object per packet and per value; at a million rows that is seconds. Here a row costs
one header and, for each result column, one length: the values stay slices of what the socket gave.
The text protocol: a packet is a 3-byte length, a sequence number and a payload; a row's payload is its
values one after the other, each with a length in front; the result ends with an EOF or error packet.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from pymysql import err
from pymysql.constants import CR
from pymysql.protocol import MysqlPacket

if TYPE_CHECKING:
    from infra.connectors.mysql.wire import BulkConnection

Value = bytes | None
Append = Callable[[Value], None]

_RECEIVE_BYTES = 256 * 1024
_HEADER = 4
_PACKET_FULL = 0xFFFFFF
_NULL = 0xFB
_TWO_BYTES, _THREE_BYTES, _EIGHT_BYTES = 0xFC, 0xFD, 0xFE
_ERROR = 0xFF
_EOF_BYTES_MAX = 9

_u16 = struct.Struct("<H").unpack_from
_u32 = struct.Struct("<I").unpack_from
_u64 = struct.Struct("<Q").unpack_from


class Taker(Protocol):
    """Takes the values of rows out of packets."""

    @property
    def rows(self) -> int:
        """The number of rows taken."""
        ...

    def take(self, buffer: bytes, at: int, rows_max: int) -> tuple[int, bool]:
        """Take whole packets from place `at` on; return where the next begins, and whether it ends the result."""
        ...

    def add(self, payload: bytearray) -> None:
        """Take a row that was put together from several packets."""
        ...


class ValueLists:
    """Takes rows as one list of values per column."""

    def __init__(self, columns: int) -> None:
        self.columns: list[list[Value]] = [[] for _ in range(columns)]
        self._appends = [column.append for column in self.columns]

    @property
    def rows(self) -> int:
        """The number of rows taken."""
        return len(self.columns[0])

    def take(self, buffer: bytes, at: int, rows_max: int) -> tuple[int, bool]:
        """Take whole packets from place `at` on; return where the next begins, and whether it ends the result."""
        return _split_rows(buffer, at, self._appends, rows_max)

    def add(self, payload: bytearray) -> None:
        """Take a row that was put together from several packets."""
        _split_values(bytes(payload), 0, self._appends)


class RowStream:
    """The result of one query on one session, which must be read or drained to its end."""

    def __init__(self, connection: BulkConnection, columns: int) -> None:
        self._connection = connection
        self._columns = columns
        self._buffer = b""
        self._at = 0
        self.is_over = True

    def start(self, sql: str) -> None:
        """Send the query."""
        self._connection.begin_rows(sql)
        self.is_over = False

    def take(self, taker: Taker, bytes_max: int, rows_max: int) -> None:
        """Give the taker the next rows; none at the end.

        Raises:
            MySQLError: the server ended the result with an error, or the session was lost.
        """
        taken = 0
        while not self.is_over and taken < bytes_max and taker.rows < rows_max:
            before = self._at
            self._at, is_final = taker.take(self._buffer, before, rows_max - taker.rows)
            taken += self._at - before
            if is_final:
                self._finish()
            elif taker.rows < rows_max and taken < bytes_max:
                taken += self._receive(taker)

    def drain(self) -> None:
        """Read the rest of the result away. A result that ends with an error is over as well."""
        try:
            while not self.is_over:
                self.take(ValueLists(self._columns), _RECEIVE_BYTES, _RECEIVE_BYTES)
        except err.MySQLError:
            if not self.is_over:
                raise

    def _finish(self) -> None:
        """Take the packet that ends the result: EOF, or the error that cut it short."""
        length = _u32(self._buffer, self._at)[0] & _PACKET_FULL
        payload = self._buffer[self._at + _HEADER : self._at + _HEADER + length]
        self.is_over = True
        self._buffer, self._at = b"", 0
        if payload[0] == _ERROR:
            MysqlPacket(payload, "utf8").raise_for_error()

    def _receive(self, taker: Taker) -> int:
        """Get more bytes; return how many of them were used up at once, by a row too long for one packet."""
        rest = self._buffer[self._at :]
        self._at = 0
        length = _u32(rest, 0)[0] & _PACKET_FULL if len(rest) >= _HEADER else 0
        missing = _HEADER + length - len(rest)
        if length == _PACKET_FULL:
            return self._long_row(rest + self._exactly(max(missing, 0)), taker)
        if missing > _RECEIVE_BYTES:
            self._buffer = rest + self._exactly(missing)
        else:
            self._buffer = rest + self._some()
        return 0

    def _long_row(self, held: bytes, taker: Taker) -> int:
        """Put a row of several packets together. `held` begins with the whole first packet."""
        payload = bytearray(memoryview(held)[_HEADER : _HEADER + _PACKET_FULL])
        rest = held[_HEADER + _PACKET_FULL :]
        length = _PACKET_FULL
        while length == _PACKET_FULL:
            while len(rest) < _HEADER:
                rest += self._some()
            length = _u32(rest, 0)[0] & _PACKET_FULL
            if len(rest) < _HEADER + length:
                rest += self._exactly(_HEADER + length - len(rest))
            payload += memoryview(rest)[_HEADER : _HEADER + length]
            rest = rest[_HEADER + length :]
        taker.add(payload)
        self._buffer = rest
        return len(payload)

    def _some(self) -> bytes:
        data: bytes = self._connection.wire.read1(_RECEIVE_BYTES)
        if not data:
            raise err.OperationalError(CR.CR_SERVER_LOST, "the server ended the session in the middle of a result")
        return data

    def _exactly(self, size: int) -> bytes:
        data: bytes = self._connection.wire.read(size)
        if len(data) < size:
            raise err.OperationalError(CR.CR_SERVER_LOST, "the server ended the session in the middle of a result")
        return data


def _split_rows(buffer: bytes, at: int, appends: Sequence[Append], rows_max: int) -> tuple[int, bool]:
    """Take whole packets from a buffer; return where the next begins, and whether it ends the result."""
    size = len(buffer)
    rows = 0
    while rows < rows_max and at + _HEADER < size:
        length = _u32(buffer, at)[0] & _PACKET_FULL
        begin = at + _HEADER
        if begin + length > size or length == _PACKET_FULL:
            break
        first = buffer[begin]
        if first >= _EIGHT_BYTES and (first == _ERROR or length < _EOF_BYTES_MAX):
            return at, True
        _split_values(buffer, begin, appends)
        at = begin + length
        rows += 1
    return at, False


def _split_values(buffer: bytes, at: int, appends: Sequence[Append]) -> None:
    """Append each value of the row that begins at `at` to its column."""
    for append in appends:
        size = buffer[at]
        at += 1
        if size < _NULL:
            append(buffer[at : at + size])
            at += size
            continue
        if size == _NULL:
            append(None)
            continue
        if size == _TWO_BYTES:
            size = _u16(buffer, at)[0]
            at += 2
        elif size == _THREE_BYTES:
            size = _u16(buffer, at)[0] | buffer[at + 2] << 16
            at += 3
        else:
            size = _u64(buffer, at)[0]
            at += 8
        append(buffer[at : at + size])
        at += size
