"""Migrations through the API, and workers that carry them out."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from infra.container import Container
from tests.support.api import ApiClient
from tests.support.cli import ROOT
from workers.main import working

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
    tables { name rowsRead rowsWritten rowsRejected verified }
    objects { created replaced { name reason } skipped { name reason } } } }"""

STATUS = "query($id: ID!) { migrationStatus(id: $id) { status phase sequence error { code message } } }"


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


@asynccontextmanager
async def running_worker(container: Container) -> AsyncIterator[None]:
    """Run a worker in this process."""
    async with working(container):
        yield


@contextmanager
def worker_process(container: Container, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker as a process of its own, and end it at the end."""
    settings = container.settings
    assert settings.database_url is not None
    assert settings.redis_url is not None
    ours = {
        "WHERRY_HOME": str(settings.home),
        "WHERRY_DATABASE_URL": settings.database_url.get_secret_value(),
        "WHERRY_REDIS_URL": settings.redis_url.get_secret_value(),
        "WHERRY_WORKER_LEASE_S": str(settings.worker_lease_s),
        "WHERRY_WORKER_LANE_S": str(settings.worker_lane_s),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "workers.main"], cwd=ROOT, env={**os.environ, **ours, **environment}
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


async def ended(client: ApiClient, migration_id: str, timeout_s: float = 120) -> Json:
    """Wait for a migration's end and return its status."""
    async with asyncio.timeout(timeout_s):
        async with client.follow(EVENTS, id=migration_id) as events:
            async for _ in events:
                pass
    status: Json = (await client.ask(STATUS, id=migration_id))["migrationStatus"]
    return status


async def report_of(client: ApiClient, migration_id: str) -> Json:
    """Return a migration's report."""
    report: Json = (await client.ask(REPORT, id=migration_id))["migrationReport"]
    return report
