"""How near a whole migration comes to what the target can do: `wherry migrate` beside the target's own bulk load.

Both run in the same rounds, in turn, so their ratio holds on a noisy machine. Figures go to `.bench/floor.json`.
"""

from __future__ import annotations

import json
import random
import sqlite3
import statistics
import time
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from domain.connections.values import Endpoint, Engine
from tests.support.cli import url, wherry
from tests.support.postgresql import PostgresqlServer

ROWS = 500_000
ROUNDS = 3
SEED = 20_260_131

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same rows as an SQLite database and as a file that COPY reads: int key, int, date, decimal."""
    folder = tmp_path_factory.mktemp("bench")
    database, text, chance = folder / "narrow.db", folder / "narrow.tsv", random.Random(SEED)
    rows = [
        (n, chance.randrange(1_000_000), f"20{chance.randrange(10, 27)}-0{chance.randrange(1, 10)}-15",
         f"{chance.randrange(10**8) / 100:.2f}")
        for n in range(1, ROWS + 1)
    ]  # fmt: skip
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE narrow (id INTEGER PRIMARY KEY, amount INTEGER, day DATE, price TEXT)")
        connection.executemany("INSERT INTO narrow VALUES (?, ?, ?, ?)", rows)
    text.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    return database, text


async def test_sqlite_to_postgresql_beside_a_plain_copy(
    narrow: tuple[Path, Path], postgresql_server: PostgresqlServer
) -> None:
    database, text = narrow
    source = url(Endpoint(Engine.SQLITE, path=str(database)))
    seconds: dict[str, list[float]] = {"copy": [], "migrate, no digest": [], "migrate": []}
    for _ in range(ROUNDS):
        seconds["copy"].append(await _copied(postgresql_server, text))
        for name, level in (("migrate, no digest", "none"), ("migrate", "digest")):
            target = postgresql_server.create_database()
            seconds[name].append(_migrated(source, target, level))
            postgresql_server.drop(target)

    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"\n{ROWS:,} narrow rows, SQLite to PostgreSQL, medians of {ROUNDS} rounds")
    for name, median in medians.items():
        print(
            f"  {name:<20} {median:6.2f} s  {ROWS / median:10,.0f} rows/s  {medians['copy'] / median:5.2f} of the copy"
        )
    report = Path(".bench") / "floor.json"
    report.parent.mkdir(exist_ok=True)
    report.write_text(json.dumps({"rows": ROWS, "seconds": seconds}, indent=2))


def _migrated(source: str, target: Endpoint, level: str) -> float:
    """Run the whole command; return the seconds."""
    started = time.perf_counter()
    result = wherry("migrate", source, url(target), "--verify", level, "--json")
    seconds = time.perf_counter() - started
    assert result.exit_code == 0, result.stderr
    assert result.counts == {"narrow": ROWS}
    return seconds


async def _copied(server: PostgresqlServer, text: Path) -> float:
    """Load the file with COPY and build the key after it; return the seconds."""
    target = server.create_database()
    connection = await asyncpg.connect(
        host=target.host,
        port=target.port,
        user=target.username,
        password=target.password.reveal(),
        database=target.database,
    )
    try:
        await connection.execute("CREATE TABLE narrow (id bigint, amount bigint, day date, price text)")
        started = time.perf_counter()
        await connection.copy_to_table("narrow", source=text)
        await connection.execute("ALTER TABLE narrow ADD PRIMARY KEY (id)")
        return time.perf_counter() - started
    finally:
        await connection.close()
        server.drop(target)
