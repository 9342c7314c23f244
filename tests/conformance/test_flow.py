"""A whole migration as a foreign client drives it: every step through the API, every event of it seen."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import asyncpg
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from domain.connections.values import Endpoint
    from tests.conformance.conftest import NodeClients
    from tests.support.api import LiveApi

ROWS = {"customer": 500, "purchase": 5_000}

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def shop(live_api: LiveApi) -> Path:
    """A small SQLite database where users of the API may name one."""
    folder = live_api.container.settings.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    file: Path = folder / "shop.db"
    file.unlink(missing_ok=True)
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE customer (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL)")
        database.execute(
            "CREATE TABLE purchase (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer, cents INTEGER)"
        )
        customers = ((number, f"customer {number}") for number in range(ROWS["customer"]))
        database.executemany("INSERT INTO customer VALUES (?, ?)", customers)
        purchases = ((number, number % ROWS["customer"], number * 7) for number in range(ROWS["purchase"]))
        database.executemany("INSERT INTO purchase VALUES (?, ?, ?)", purchases)
    return file


@pytest.mark.parametrize("transport", ["ws", "sse"])
async def test_a_client_moves_a_database_and_misses_no_event(
    clients: NodeClients, live_api: LiveApi, shop: Path, postgresql_database: Endpoint, transport: str
) -> None:
    target = postgresql_database
    options = {
        "url": f"{live_api.url}/graphql",
        "transport": transport,
        "source": {"type": "SQLITE", "config": {"path": str(shop)}},
        "target": {
            "type": "POSTGRESQL",
            "config": {
                "host": target.host,
                "port": target.port,
                "database": target.database,
                "username": target.username,
            },
            "credentials": {"password": target.password.reveal()},
        },
    }
    outcome = await clients.run("flow.mjs", json.dumps(options))
    assert outcome.exit_code == 0, outcome.stderr
    assert json.loads(outcome.stdout)["terminal"]["status"] == "COMPLETED"
    assert await counted(target) == ROWS


async def counted(database: Endpoint) -> dict[str, int]:
    """Count the rows that arrived."""
    connection = await asyncpg.connect(
        host=database.host,
        port=database.port,
        database=database.database,
        user=database.username,
        password=database.password.reveal(),
    )
    try:
        return {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in ROWS}
    finally:
        await connection.close()
