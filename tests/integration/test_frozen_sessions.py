"""Sessions in the control store whose process is frozen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from domain.connections.values import Endpoint
from infra.db.database import NAME, Database, control_store_url
from infra.db.frozen import end_frozen
from tests.support.postgresql import PostgresqlServer

LOCKED = "BEGIN; LOCK TABLE work"
AFTER_S = 0.1


@pytest.fixture
async def store(postgresql_server: PostgresqlServer, postgresql_database: Endpoint) -> AsyncIterator[Database]:
    """A database as the control store is used."""
    postgresql_server.run(
        f'SET ROLE "{postgresql_database.username}"; CREATE TABLE work (id INTEGER)', postgresql_database.database
    )
    database = Database(control_store_url(_address(postgresql_database)))
    yield database
    await database.close()


@asynccontextmanager
async def session(endpoint: Endpoint, application: str) -> AsyncIterator[asyncpg.Connection]:
    """A session of this name."""
    connection = await asyncpg.connect(_address(endpoint), server_settings={"application_name": application})
    try:
        yield connection
    finally:
        connection.terminate()


def _address(endpoint: Endpoint) -> str:
    server = f"{endpoint.username}:{endpoint.password.reveal()}@{endpoint.host}:{endpoint.port}"
    return f"postgresql://{server}/{endpoint.database}"


async def locked(endpoint: Endpoint) -> None:
    """Wait for the lock, and give it back."""
    async with session(endpoint, "") as connection:
        await connection.execute(LOCKED)


async def looked(store: Database, waiting: asyncio.Task[None]) -> bool:
    """Look for frozen sessions until the lock is there, for a second at most, and tell whether it is."""
    for _ in range(20):
        await end_frozen(store, AFTER_S)
        await asyncio.wait([waiting], timeout=0.05)
    return waiting.done()


@pytest.mark.parametrize(
    ("application", "is_ended"), [(NAME, True), ("somebody else", False)], ids=["its own", "somebody else's"]
)
async def test_a_session_frozen_between_two_halves_of_an_exchange_gives_its_locks_up(
    store: Database, postgresql_database: Endpoint, application: str, *, is_ended: bool
) -> None:
    async with session(postgresql_database, application) as frozen:
        await frozen.execute(LOCKED)
        await frozen.prepare("SELECT 1")  # nothing says that the exchange has ended, before it is executed
        waiting = asyncio.create_task(locked(postgresql_database))

        assert await looked(store, waiting) is is_ended
    await waiting


async def test_a_session_that_is_busy_or_lies_idle_is_left_alone(
    store: Database, postgresql_database: Endpoint
) -> None:
    async with session(postgresql_database, NAME) as idle, session(postgresql_database, NAME) as busy:
        await idle.execute(LOCKED)
        working = asyncio.create_task(busy.fetchval("SELECT 2 FROM pg_sleep(2)"))
        waiting = asyncio.create_task(locked(postgresql_database))

        assert not await looked(store, waiting)
        assert await idle.fetchval("SELECT 1") == 1
        assert await working == 2
    await waiting
