"""Values that reach the source between a migration's look at it and its copy."""

from __future__ import annotations

import secrets
import sqlite3
from typing import Any

import pytest

from domain.connections.values import Endpoint
from infra import stored_run as stored_runs
from tests.support.api import LiveApi
from tests.support.connections import data_file
from tests.support.migrations import ended, route_from_file
from tests.support.postgresql import PostgresqlServer

SHOP = (
    "CREATE TABLE film (id INTEGER PRIMARY KEY, title VARCHAR(40))",
    "INSERT INTO film VALUES (1, 'Alien'), (2, 'Brazil')",
)
SPOILT = "UPDATE film SET title = 'Brazil' || char(0) WHERE id = 2"
"""PostgreSQL has no place for this value."""


@pytest.mark.usefixtures("worker")
async def test_a_value_that_came_after_the_look_ends_the_migration_with_its_place_and_reason(
    live_api: LiveApi,
    postgresql_database: Endpoint,
    postgresql_server: PostgresqlServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = data_file(live_api, f"{secrets.token_hex(4)}.db", *SHOP)
    route = await route_from_file(live_api, file, postgresql_database)

    def spoiling(*plan: Any) -> Any:
        with sqlite3.connect(file) as source:
            source.execute(SPOILT)
        return stored_runs.stored_run(*plan)

    monkeypatch.setattr("workers.jobs.prepare.stored_run", spoiling)

    status = await ended(route.client, await route.start())

    assert (status["status"], status["error"]["code"]) == ("FAILED", "VALUE_REJECTED")
    assert "film has values in title by now that hold the character NUL" in status["error"]["message"]
    assert postgresql_server.run("SELECT count(*) FROM film", postgresql_database.database) == "0"
