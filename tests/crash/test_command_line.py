"""`wherry migrate` killed at any moment, again and again; the same command then completes what was begun."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from domain.connections.values import Endpoint, Engine
from tests.crash.ledger import ROWS, fill_source
from tests.crash.tally import Tally
from tests.support.cli import start, url, wherry
from tests.support.mysql import MysqlServer
from tests.support.postgresql import PostgresqlServer

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]

KILLS = 6
LIVES_S = (0.3, 3.0)
SEED = 20261123


@pytest.mark.parametrize("engine", [Engine.POSTGRESQL, Engine.MYSQL])
def test_a_command_killed_at_any_moment_is_completed_by_the_same_command(
    engine: Engine, request: pytest.FixtureRequest, tmp_path: Path, tally: Tally
) -> None:
    server: PostgresqlServer | MysqlServer = request.getfixturevalue(f"{engine.value.lower()}_server")
    source = url(Endpoint(Engine.SQLITE, path=str(fill_source(tmp_path / "source.db"))))
    target = server.create_database()
    command = ("migrate", source, url(target), "--chunk-rows", "20", "--json")
    dice = random.Random(f"{SEED} {engine.value}")

    for _ in range(KILLS):
        doomed = start(*command)
        try:
            doomed.communicate(timeout=dice.uniform(*LIVES_S))
        except subprocess.TimeoutExpired:
            doomed.kill()
            doomed.communicate()
            tally.kills["of the command line at random"] += 1
    finished = wherry(*command)

    compared = wherry("verify", source, url(target), "--json")
    if (finished.exit_code, compared.exit_code) != (0, 0):
        tally.wrong.append(f"command line killed at random into {engine.value}: {compared.stdout[-300:]}")
    server.drop(target)
    assert finished.exit_code == 0, finished.stderr
    assert [(table["rows_read"], table["rows_written"]) for table in finished.document["tables"]] == [(ROWS, ROWS)]
    assert compared.exit_code == 0, compared.stdout
