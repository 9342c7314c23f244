"""COPY past the driver gives what COPY by the driver gives, and leaves no session in the middle of one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import asyncpg
import pytest

from domain.connections.values import Endpoint
from infra.connectors.native import has_native
from infra.connectors.postgresql.copy_out import copied_by_driver
from infra.connectors.postgresql.copy_wire import can_lend, taken
from infra.connectors.postgresql.session import connect

if not has_native():
    pytest.skip("the C helper was not built here", allow_module_level=True)

ROWS = "SELECT i, repeat('äx', i % 700) FROM generate_series(1, 20000) i"


@pytest.fixture
async def session(postgresql_database: Endpoint) -> AsyncIterator[asyncpg.Connection]:
    """A session on an empty database."""
    connection = await connect(postgresql_database)
    yield connection
    connection.terminate()


@pytest.mark.parametrize("form", ["binary", "csv"])
async def test_both_ways_bring_the_same_bytes(session: asyncpg.Connection, form: str) -> None:
    assert can_lend(session)

    blocks = [block async for block in taken(session, ROWS, form)]

    driven = [block async for block in copied_by_driver(session, ROWS, form)]
    assert b"".join(block.data for block in blocks) == b"".join(block.data for block in driven)
    assert [block.rows for block in blocks if block.rows is not None] == [20_000] == [blocks[-1].rows]
    assert len(blocks) > 2
    assert await session.fetchval("SELECT 1") == 1


async def test_no_rows_are_one_block(session: asyncpg.Connection) -> None:
    [block] = [block async for block in taken(session, "SELECT 1 WHERE false", "csv")]

    assert (block.data, block.rows) == (b"", 0)


async def test_an_error_amid_the_rows_is_the_servers_own(session: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError, match="division by zero"):
        async for _ in taken(session, "SELECT 1 / (i - 300000) FROM generate_series(1, 400000) i", "binary"):
            pass

    assert session.is_closed()


async def test_who_leaves_early_ends_the_session(session: asyncpg.Connection) -> None:
    async with aclosing(taken(session, ROWS, "binary")) as blocks:
        await anext(blocks)

    assert session.is_closed()


async def test_waiting_for_rows_that_do_not_come_can_be_given_up(session: asyncpg.Connection) -> None:
    async def waiting() -> None:
        async for _ in taken(session, "SELECT pg_sleep(1000)", "binary"):
            pass

    task = asyncio.create_task(waiting())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert session.is_closed()


async def test_a_server_process_that_is_ended_says_so(
    session: asyncpg.Connection, postgresql_database: Endpoint
) -> None:
    other = await connect(postgresql_database)
    blocks = taken(session, "SELECT repeat('x', 1000) FROM generate_series(1, 1000000)", "csv")
    pid = session.get_server_pid()
    await anext(blocks)

    await other.execute("SELECT pg_terminate_backend($1)", pid)

    with pytest.raises((asyncpg.AdminShutdownError, ConnectionError)):
        async for _ in blocks:
            pass
    await other.close()
