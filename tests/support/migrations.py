"""Migrations through the API."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.connections.values import Endpoint
from tests.support.api import ApiClient, LiveApi, create_project
from tests.support.connections import create_connection, data_file, file_input, server_input

Json = dict[str, Any]

MIGRATION = "... on MigrationSuccess { migration { id status error { code message } } }"

TABLE = "name phase rowsRead rowsWritten rowsRejected rowsTotal rowsPerSecond"

EVENTS = f"""subscription($id: ID!, $after: Int) {{ migrationEvents(id: $id, after: $after) {{
    sequence kind status occurredAt
    progress {{ phase processedRecords totalRecords percentage etaS rowsRead rowsWritten tables {{ {TABLE} }} }}
    table {{ {TABLE} }}
    statistics {{ totalRecords processedRecords failedRecords tableStatistics {{ table records }} }}
    error {{ code message }} }} }}"""

REPORT = """query($id: ID!) { migrationReport(id: $id) {
    status consistency seconds rowsPerSecond warnings error { code message }
    snapshots { takenAt identity marks { name value } }
    tables { name rowsRead rowsWritten rowsRejected verified }
    objects { created replaced { name reason } skipped { name reason } } } }"""

STATUS = """query($id: ID!) { migrationStatus(id: $id) {
    status phase sequence error { code message } pauseReason { code message } } }"""


RESUMED = f"""{MIGRATION.replace("MigrationSuccess", "ResumeMigrationSuccess")}
    ... on ResumeMigrationSuccess {{
        migration {{ pauseReason {{ code }} }}
        outlook {{ chunksKept rowsKept chunksLeft chunksBegun chunksDead rowsLeft }} }}"""
"""What resuming a migration answers."""


@dataclass(frozen=True)
class Route:
    """A project with a source and a target."""

    client: ApiClient
    project_id: str
    source_id: str
    target_id: str

    async def start(self, **config: Any) -> str:
        """Start a migration and return its id."""
        made = await self.client.ok("startMigration", "StartMigrationInput", self.input(**config), MIGRATION)
        id_: str = made["migration"]["id"]
        return id_

    def input(self, **config: Any) -> Json:
        """Return the input of startMigration."""
        route = {"sourceConnectionId": self.source_id, "targetConnectionId": self.target_id}
        return {"projectId": self.project_id, "config": route | config}


async def ended(client: ApiClient, migration_id: str, timeout_s: float = 120) -> Json:
    """Wait for a migration's end and return its status."""
    async with asyncio.timeout(timeout_s):
        async with client.follow(EVENTS, id=migration_id) as events:
            async for _ in events:
                pass
    status: Json = (await client.ask(STATUS, id=migration_id))["migrationStatus"]
    return status


async def reached(route: Route, id_: str, rows: int) -> None:
    """Wait until so many rows are committed."""
    async with asyncio.timeout(60), route.client.follow(EVENTS, id=id_) as events:
        async for event in events:
            progress = event["migrationEvents"]["progress"]
            if progress and progress["rowsWritten"] >= rows:
                return
    raise AssertionError("the migration ended too early")


async def stands_at(route: Route, id_: str, *statuses: str, timeout_s: float = 60) -> str:
    """Wait until a migration stands at one of these statuses, and return which."""
    async with asyncio.timeout(timeout_s), route.client.follow(EVENTS, id=id_) as events:
        async for event in events:
            if event["migrationEvents"]["status"] in statuses:
                status: str = event["migrationEvents"]["status"]
                return status
    raise AssertionError(f"the migration ended before it came to {statuses}")


async def pause(route: Route, id_: str) -> Json:
    """Pause a migration and return the answer."""
    return await route.client.ok("pauseMigration", "PauseMigrationInput", {"migrationId": id_}, MIGRATION)


async def resume(route: Route, id_: str) -> Json:
    """Resume a migration and return the answer."""
    return await route.client.ok("resumeMigration", "ResumeMigrationInput", {"migrationId": id_}, RESUMED)


async def report_of(client: ApiClient, migration_id: str) -> Json:
    """Return a migration's report."""
    report: Json = (await client.ask(REPORT, id=migration_id))["migrationReport"]
    return report


SHOP = (
    "CREATE TABLE customer (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL)",
    "CREATE TABLE sale (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer (id), cents BIGINT NOT NULL)",
    "CREATE INDEX sale_customer ON sale (customer_id)",
    "INSERT INTO customer VALUES (1, 'Ada'), (2, 'Ben'), (3, 'Zoë')",
    "INSERT INTO sale SELECT 3 * a.id + b.id, b.id, 100 * a.id FROM customer a, customer b",
)
SALES = 9


def entries(rows: int) -> tuple[str, ...]:
    """A table of many rows."""
    return (
        "CREATE TABLE entry (id INTEGER PRIMARY KEY, note VARCHAR(60))",
        f"""INSERT INTO entry WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
            SELECT i, 'entry number ' || i FROM n""",
    )


ENTRIES = "SELECT count(*), count(DISTINCT id), sum(id) FROM entry"


def all_entries(rows: int) -> str:
    """Return what `ENTRIES` finds where each of them is there once."""
    return f"{rows}|{rows}|{rows * (rows + 1) // 2}"


async def route_from_shop(api: LiveApi, target: Endpoint, *statements: str) -> Route:
    """A project with an SQLite shop as source and a server as target."""
    return await route_from_file(api, data_file(api, f"{secrets.token_hex(4)}.db", *(statements or SHOP)), target)


async def route_from_file(api: LiveApi, file: Path, target: Endpoint) -> Route:
    """A project with an SQLite file of the API's folder as source and a server as target."""
    ada = await api.signed_in()
    project_id = await create_project(ada)
    source = file_input(project_id, file.name, isSource=True, isTarget=False)
    return await route_to(ada, project_id, await create_connection(ada, source), target)


async def route_to(client: ApiClient, project_id: str, source_id: str, target: Endpoint) -> Route:
    """A route to a server from a source that is there already."""
    input_ = server_input(project_id, target, isSource=False, isTarget=True)
    return Route(client, project_id, source_id, await create_connection(client, input_))
