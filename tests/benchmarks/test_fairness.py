"""Eight migrations at once on two workers: whether each gets its share, and how soon queries are answered meanwhile.

`BENCH_SCALE` multiplies the rows.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from domain.connections.values import Engine
from tests.benchmarks.choices import choices
from tests.benchmarks.long_tables import filled
from tests.benchmarks.service import machine, service
from tests.benchmarks.spread import Spread
from tests.support.api import create_project, signed_in
from tests.support.connections import create_connection, server_input
from tests.support.migrations import Route, ended, route_to
from tests.support.stack import Stack

pytestmark = [pytest.mark.bench, pytest.mark.timeout(0)]

MIGRATIONS = 8
ROWS = int(1_000_000 * choices().scale)
BATCH_ROWS = 20_000
LIMIT_S = 3600
ASK_EVERY_S = 0.05

QUERIES = {
    "migrationStatus": "query($id: ID!) { migrationStatus(id: $id) { status phase sequence } }",
    "migrationProgress": """query($id: ID!) { migrationProgress(id: $id) {
        percentage rowsWritten tables { name rowsWritten rowsPerSecond } } }""",
    "migrationLogs": "query($id: ID!) { migrationLogs(id: $id, first: 20) { nodes { message } } }",
    "viewer": "query { viewer { email } }",
}


@dataclass
class Answers:
    """How long each query took, by its name."""

    times: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in QUERIES})

    async def ask(self, route: Route, ids: list[str]) -> None:
        """Ask in turn, over one connection, until cancelled."""
        headers = {"Authorization": f"Bearer {route.client.token}"}
        async with httpx2.AsyncClient(timeout=60, headers=headers) as http:
            turn = 0
            while True:
                turn += 1
                for name, document in QUERIES.items():
                    body = {"query": document, "variables": {"id": ids[turn % len(ids)]} if "$id" in document else {}}
                    began = time.monotonic()
                    answer = (await http.post(f"{route.client.url}/graphql", json=body)).json()
                    self.times[name].append(time.monotonic() - began)
                    assert "errors" not in answer, answer
                await asyncio.sleep(ASK_EVERY_S)


async def test_eight_migrations_on_two_workers_each_get_their_share(tmp_path: Path) -> None:
    with service(tmp_path / "home") as (databases, stack), ExitStack() as opened:
        await stack.start("worker")
        await stack.start("api")
        source = opened.enter_context(filled(databases, Engine.POSTGRESQL, ROWS))
        targets = [opened.enter_context(databases.empty(Engine.POSTGRESQL)) for _ in range(MIGRATIONS)]
        client = await signed_in(stack.url)
        project_id = await create_project(client)
        from_ = await create_connection(client, server_input(project_id, source, isSource=True, isTarget=False))
        routes = [await route_to(client, project_id, from_, target) for target in targets]
        began = time.time()
        ids = [await route.start(batchSize=BATCH_ROWS, parallelTasks=2) for route in routes]
        answers = Answers()
        asking = asyncio.create_task(answers.ask(routes[0], ids))
        halfway = await _shares_halfway(stack)
        await asyncio.gather(*(ended(client, id_, timeout_s=LIMIT_S) for id_ in ids))
        asking.cancel()
        took_s = time.time() - began
        ends = stack.control("SELECT extract(epoch FROM ended_at) FROM migration ORDER BY ended_at").split()
        statuses = stack.control("SELECT status FROM migration").split()
        begins = stack.control(
            "SELECT min(extract(epoch FROM logged_at)) FROM migration_log WHERE message LIKE '%will be copied%' "
            "GROUP BY migration_id ORDER BY 1"
        ).split()

    print(f"\n{MIGRATIONS} migrations of {ROWS:,} rows on 2 workers, {took_s:.1f} s, {machine()}")
    print(f"  rows/s together: {MIGRATIONS * ROWS / took_s:,.0f}")
    print("  share done when half of all rows were there: " + " ".join(f"{share:.0%}" for share in halfway))
    print("  copying began after s: " + " ".join(f"{float(at) - began:.1f}" for at in begins))
    print("  ended after s:         " + " ".join(f"{float(at) - began:.1f}" for at in ends))
    for name, times in answers.times.items():
        print(f"  {name}: {Spread.of(times)} ({len(times)} answers)")
    assert statuses == ["COMPLETED"] * MIGRATIONS


async def _shares_halfway(stack: Stack) -> list[float]:
    """Wait until half of all rows are counted, and return the share of each migration that is."""
    while True:
        told = stack.control(
            "SELECT sum(rows_written) FROM migration_table GROUP BY migration_id ORDER BY migration_id"
        )
        written = [int(rows) for rows in told.split()]
        if sum(written) * 2 >= MIGRATIONS * ROWS:
            return [rows / ROWS for rows in written] + [0.0] * (MIGRATIONS - len(written))
        await asyncio.sleep(ASK_EVERY_S)
