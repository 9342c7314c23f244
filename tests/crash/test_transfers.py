"""Money that moves from account to account while the accounts are copied: the copy adds up all the same."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiomysql
import asyncpg
import pytest

from domain.connections.values import Endpoint, Engine
from domain.migrations.plan import RunOptions, VerifyLevel
from domain.migrations.progress import RunStatus
from infra.connectors.registry import connector_for
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer
from tests.support.runs import Watcher
from workers.engine.control import ControlSwitch
from workers.engine.ends import Route, open_ends
from workers.engine.prepare import RunRequest
from workers.engine.run import run

ACCOUNTS = 2_000
BALANCE = 1_000
WRITERS = 2
OPTIONS = RunOptions(parallel=3, chunk_rows=100, verify=VerifyLevel.DIGEST)
MADE = "CREATE TABLE account (id int PRIMARY KEY, balance bigint NOT NULL)"
FILLED = "INSERT INTO account VALUES " + ", ".join(f"({number}, {BALANCE})" for number in range(ACCOUNTS))
MOVE = "UPDATE account SET balance = balance + CASE id WHEN {0} THEN -{2} ELSE {2} END WHERE id IN ({0}, {1})"

Execute = Callable[[str], Awaitable[object]]


@asynccontextmanager
async def session(bank: Endpoint) -> AsyncIterator[Execute]:
    """A session of somebody else who uses the source."""
    where = {"host": bank.host, "port": bank.port, "user": bank.username, "password": bank.password.reveal()}
    if bank.engine is Engine.POSTGRESQL:
        connection = await asyncpg.connect(**where, database=bank.database)
        yield connection.execute
        await connection.close()
    else:
        other = await aiomysql.connect(**where, db=bank.database, autocommit=True)
        async with other.cursor() as cursor:
            yield cursor.execute
        await other.ensure_closed()


async def transfers(bank: Endpoint, seed: int, ended: asyncio.Event) -> int:
    """Move money in one statement each until told to end, and return how often."""
    chance, moved = random.Random(seed), 0
    async with session(bank) as execute:
        while not ended.is_set():
            payer, payee = sorted(chance.sample(range(ACCOUNTS), 2))
            await execute(MOVE.format(payer, payee, chance.randrange(1, 50)))
            moved += 1
    return moved


@pytest.mark.parametrize("engine", [Engine.POSTGRESQL, Engine.MYSQL])
async def test_balances_copied_while_money_moves_sum_to_what_they_always_sum_to(
    engine: Engine, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    server: PostgresqlServer | MysqlServer = request.getfixturevalue(f"{engine.value.lower()}_server")
    bank, target = server.create_database(), Endpoint(Engine.SQLITE, path=str(tmp_path / "copy.db"))
    async with session(bank) as execute:
        await execute(MADE)
        await execute(FILLED)
    route = Route(connector_for(engine), bank, connector_for(target.engine), target)
    ended = asyncio.Event()
    writing = [asyncio.create_task(transfers(bank, seed, ended)) for seed in range(WRITERS)]

    async with open_ends(route, parallel=OPTIONS.parallel) as ends:
        report = await run(ends, RunRequest("run", OPTIONS), Watcher(), ControlSwitch())
    ended.set()
    moved = sum(await asyncio.gather(*writing))
    server.drop(bank)

    assert moved > 0
    assert (report.status, report.error) == (RunStatus.SUCCEEDED, None)
    assert _total(target) == (ACCOUNTS, ACCOUNTS * BALANCE)


def _total(copy: Endpoint) -> tuple[int, int]:
    """Return how many accounts the copy has, and what they hold together."""
    with closing(sqlite3.connect(copy.path)) as connection:
        count, total = connection.execute("SELECT count(*), sum(balance) FROM account").fetchone()
    return count, total
