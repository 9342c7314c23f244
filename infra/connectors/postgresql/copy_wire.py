"""COPY ... TO STDOUT past the driver: its socket is lent to the C helper for the length of one statement."""

from __future__ import annotations

import asyncio
import socket
import struct
from asyncio.trsock import TransportSocket
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncpg

from infra.connectors.native import has_native
from infra.connectors.postgresql.blocks import BLOCK_BYTES_MAX, Block, rows_of
from infra.connectors.threads import DriverThread

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


def can_lend(connection: asyncpg.Connection) -> bool:
    """Tell whether the bytes on a session's socket are the protocol's own, and somebody is there to take them."""
    transport = _transport(connection)
    is_plain = transport.get_extra_info("sslcontext") is None
    return is_plain and isinstance(transport.get_extra_info("socket"), TransportSocket) and has_native()


async def taken(connection: asyncpg.Connection, query: str, form: str) -> AsyncGenerator[Block, None]:
    """Run COPY of a query in a format and yield what comes in blocks; one is taken ahead.

    If the taker leaves early, or the server fails, the session is ended.

    Raises:
        asyncpg.PostgresError: the server refused or failed.
        OSError: the line has failed.
    """
    from infra.connectors.native._native import CopyWire  # noqa: PLC0415 - only after `has_native`

    transport, thread = _transport(connection), DriverThread("copy out")
    line = transport.get_extra_info("socket")
    wire = CopyWire(line.fileno())
    statement = f"COPY ({query}) TO STDOUT (FORMAT {form})"
    is_idle = False
    transport.pause_reading()
    transport.write(_query_message(statement))
    upcoming = thread.submit(wire.take, BLOCK_BYTES_MAX)
    try:
        data = await upcoming
        while data is not None and not wire.ended:
            upcoming = thread.submit(wire.take, BLOCK_BYTES_MAX)
            handed = [Block(data)]
            del data
            yield handed.pop()  # and hold it no longer: it may be one huge value
            data = await upcoming
        if data is None or wire.error:
            raise asyncpg.PostgresError.new(_fields(wire.error), query=statement)
        transport.resume_reading()
        is_idle = True
        yield Block(data, rows_of(wire.tag.rstrip(b"\0").decode()))
    finally:
        if not is_idle:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)  # which ends the waiting for it
            await thread.run(lambda: None)  # whatever was being taken has come to its end
            await asyncio.gather(upcoming, return_exceptions=True)
            connection.terminate()
        thread.close()


def _transport(connection: asyncpg.Connection) -> asyncio.Transport:
    transport: asyncio.Transport = connection._transport  # noqa: SLF001 - asyncpg gives no other way to it
    return transport


def _query_message(statement: str) -> bytes:
    text = statement.encode() + b"\0"
    return struct.pack("!cI", b"Q", len(text) + 4) + text


def _fields(error: bytes) -> dict[str, str]:
    """Take a server's error message apart: each field is a letter and a text."""
    parts = [part.decode(errors="replace") for part in error.split(b"\0")]
    return {part[0]: part[1:] for part in parts if part}
