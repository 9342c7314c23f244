"""Histories of a migration in virtual time, in each of which much goes wrong.

A hundred in the usual run, 2,000 in the nightly profile. A history that is wrong is told again by its seed,
given the address of an empty PostgreSQL database:
`PYTHONHASHSEED=0 python -m tests.crash.simulation ADDRESS SEED SEED+1 --whole`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from hypothesis import settings

from tests.crash.simulation.sabotage import RULES
from tests.crash.simulation.server import ControlServer
from tests.crash.tally import Tally
from tests.support.cli import ROOT, url
from tests.support.lattice import is_nightly
from tests.support.postgresql import PostgresqlServer

HISTORIES = 100
HISTORIES_NIGHTLY = 2_000

HISTORIES_RARE = 200
"""Within so many the lack of a rule shows that matters in few of them."""
RARE = frozenset(
    {
        "a chunk is claimed under the present plan",
        "a chunk is counted once",
        "a ticket is void after the next one",
    }
)
_RARE = (pytest.mark.crash,)
Json = dict[str, Any]


def shares(count: int) -> list[tuple[int, int]]:
    """Divide so many seeds among as many processes as the machine runs at a time."""
    size = -(-count // (os.cpu_count() or 1))
    return [(first, min(first + size, count)) for first in range(0, count, size)]


def told(server: PostgresqlServer, *ranges: tuple[int, int], options: Sequence[str] = ()) -> list[Json]:
    """Let histories happen, those of each range of seeds in a process and a control store of their own."""
    databases = [server.create_database() for _ in ranges]
    tellers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.crash.simulation", url(database), str(first), str(upto), *options],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for database, (first, upto) in zip(databases, ranges, strict=True)
    ]
    with ThreadPoolExecutor() as readers:
        said = list(readers.map(subprocess.Popen.communicate, tellers))
    outcomes: list[Json] = []
    for (lines, complaints), teller, (first, upto) in zip(said, tellers, ranges, strict=True):
        found = [json.loads(line) for line in lines.splitlines()]
        missing = sorted({*range(first, upto)} - {outcome["seed"] for outcome in found})
        is_whole = not missing or ("--until-wrong" in options and teller.returncode == 1)
        assert is_whole, f"histories broke off, after which these seeds were not told: {missing}: {complaints[-6000:]}"
        outcomes += found
    for database in databases:
        server.drop(database)
    return outcomes


@pytest.mark.timeout(7200)
def test_whatever_goes_wrong_every_row_arrives_once_and_every_migration_ends(
    postgresql_server: PostgresqlServer, tally: Tally
) -> None:
    count = HISTORIES_NIGHTLY if settings.get_current_profile_name() == "nightly" else HISTORIES

    outcomes = told(postgresql_server, *shares(count))

    wrong = [f"seed {outcome['seed']}: {'; '.join(outcome['wrong'])}" for outcome in outcomes if outcome["wrong"]]
    faults = {fault for outcome in outcomes for fault in outcome["faults"]}
    tally.histories += count
    tally.violations += wrong
    assert wrong == []
    assert {outcome["status"] for outcome in outcomes} == {"COMPLETED", "CANCELLED", "ROLLED_BACK"}
    assert faults > {"kill", "freeze", "PauseMigration"}


def test_a_statement_that_is_prepared_and_not_run_locks_nothing(postgresql_server: PostgresqlServer) -> None:
    database = postgresql_server.create_database()
    with closing(ControlServer(url(database))) as server:
        server.observe("CREATE TABLE t (id integer)")

        server.prepared(server.lend(), "SELECT id FROM t FOR UPDATE")
        [found] = server.observe("SELECT count(*) AS locks FROM pg_locks WHERE relation = 't'::regclass")

    assert found["locks"] == 0
    postgresql_server.drop(database)


def test_a_seed_tells_the_same_history_whatever_was_told_before_it(postgresql_server: PostgresqlServer) -> None:
    after_another, *others = told(postgresql_server, (4, 6), (5, 6), options=("--whole",))[1:]

    assert others == [after_another]
    assert len(after_another["told"]) > 100


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("rule", [pytest.param(rule, marks=_RARE if rule in RARE else ()) for rule in RULES if rule])
def test_without_a_rule_of_the_product_a_history_goes_wrong(postgresql_server: PostgresqlServer, rule: str) -> None:
    if rule in RARE and not is_nightly():
        pytest.skip("Its lack shows in few histories: tried with --hypothesis-profile=nightly.")
    options = ("--until-wrong", "--without", rule)

    outcomes = told(postgresql_server, (0, HISTORIES_RARE if rule in RARE else HISTORIES), options=options)

    assert outcomes[-1]["wrong"]
