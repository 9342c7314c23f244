"""Commands that wait for others end when told to; a rollback that is given again takes no other run back."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from domain.connections.values import Endpoint
from tests.crash.ledger import fill_source
from tests.support.cli import ROOT, start, url, wherry

WAITS = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'entry'::regclass)"
AT_WORK = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"""


@pytest.fixture
def source(tmp_path: Path) -> str:
    """The address of a database with one table."""
    return f"sqlite:///{fill_source(tmp_path / 'source.db')}"


@pytest.fixture
async def reader(postgresql_database: Endpoint) -> AsyncIterator[asyncpg.Connection]:
    """Somebody else in the target."""
    where = postgresql_database
    connection = await asyncpg.connect(
        host=where.host,
        port=where.port,
        user=where.username,
        password=where.password.reveal(),
        database=where.database,
    )
    yield connection
    await connection.close()


async def interrupted(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Press Ctrl-C once and return how the command ends."""
    process.send_signal(signal.SIGINT)
    stdout, stderr = await asyncio.to_thread(process.communicate)
    return process.returncode, stdout, stderr


async def test_ctrl_c_ends_a_rollback_that_waits_for_a_lock_and_the_same_command_goes_on(
    source: str, postgresql_database: Endpoint, reader: asyncpg.Connection
) -> None:
    """The lock is held until the command has ended, and no statement of the command's waits for it any more."""
    target = url(postgresql_database)
    assert (await asyncio.to_thread(wherry, "migrate", source, target)).exit_code == 0
    await reader.execute("BEGIN; SELECT count(*) FROM entry")

    process = start("rollback", target, "--json")
    while not await reader.fetchval(WAITS):
        assert process.poll() is None
        await asyncio.sleep(0.02)
    code, stdout, stderr = await interrupted(process)
    await reader.execute("SELECT pg_stat_clear_snapshot()")
    left = await reader.fetchval(AT_WORK)
    await reader.execute("ROLLBACK")
    again = await asyncio.to_thread(wherry, "rollback", target, "--json")

    assert (code, stdout.split()) == (130, ["{", '"status":', '"PAUSED"', "}"])
    assert "give the same command again" in stderr
    assert left == 0
    assert (again.exit_code, again.document["dropped"]) == (0, ["table entry"])
    assert await reader.fetchval("SELECT to_regclass('entry')") is None


def test_ctrl_c_while_a_command_starts_is_answered_as_later() -> None:
    """Starting is mostly importing, which an exception in its midst would end with a trace."""
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "workers.cli", "verify", "sqlite:///a", "sqlite:///b", "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while "workers.cli.ending" not in process.stderr.readline():
        assert process.poll() is None
    while "typer" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate()

    assert (process.returncode, json.loads(stdout)) == (130, {"status": "PAUSED"}), stderr
    assert "wherry: stopped before anything had begun" in stderr
    assert "Traceback" not in stderr


async def test_a_second_ctrl_c_waits_for_nothing(
    source: str, postgresql_database: Endpoint, reader: asyncpg.Connection
) -> None:
    """The first one finds a lock held on to, which the comparison waits for.

    It is a SIGTERM, which means the same: two signals of one number may arrive as one.
    """
    target = url(postgresql_database)
    assert (await asyncio.to_thread(wherry, "migrate", source, target)).exit_code == 0
    await reader.execute("BEGIN; LOCK TABLE entry IN ACCESS EXCLUSIVE MODE")
    process = start("verify", source, target, "--json")
    while not await reader.fetchval(WAITS):
        assert process.poll() is None
        await asyncio.sleep(0.02)

    process.send_signal(signal.SIGTERM)
    code, stdout, stderr = await interrupted(process)
    await reader.execute("ROLLBACK")

    assert (code, json.loads(stdout)) == (130, {"status": "PAUSED"})
    assert "stopped at once" in stderr


ENDS = """
import asyncio, os, signal
from workers.cli.session import run_until_it_rests

async def work(control):
    os.kill(os.getpid(), signal.SIGINT)
    while control.asked.name == "RUN":
        await asyncio.sleep(0)

run_until_it_rests(work)
os.kill(os.getpid(), signal.SIGTERM)
print("said")
"""


def test_a_second_ctrl_c_for_a_command_that_has_paused_lets_it_say_so() -> None:
    ended = subprocess.run([sys.executable, "-c", ENDS], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stdout) == (0, "said\n")


@pytest.mark.parametrize("command", ["migrate", "migrate --dry-run", "verify", "rollback", "runs"])
@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
async def test_ctrl_c_ends_a_command_that_waits_for_a_server_which_never_answers(
    command: str, scheme: str, source: str, tmp_path: Path
) -> None:
    """Had it waited for its own limit, it would say that the server cannot be reached."""
    name, *options = command.split()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"{scheme}://user:word@127.0.0.1:{silent.getsockname()[1]}/base"
        pair = {"migrate": (source, address), "verify": (source, address)}.get(name, (address,))
        if options:
            pair = (address, f"sqlite:///{tmp_path}/target.db")
        process = start(name, *pair, *options, "--json")
        line, _ = await asyncio.to_thread(silent.accept)
        code, stdout, stderr = await interrupted(process)
        line.close()

    assert code == 130, stderr
    assert "HOST_UNREACHABLE" not in stdout + stderr


def test_a_rollback_that_is_given_again_takes_no_other_run_back(source: str, tmp_path: Path) -> None:
    """Somebody whose terminal was gone gives it once more, to be sure."""
    target = f"sqlite:///{tmp_path}/target.db"
    assert wherry("migrate", source, target).exit_code == 0
    earlier = wherry("runs", target, "--json").document["runs"]
    assert wherry("migrate", _others(tmp_path), target).exit_code == 0
    both = [run["run_id"] for run in wherry("runs", target, "--json").document["runs"]]

    unnamed = [wherry(name, target, "--json") for name in ("rollback", "forget")]
    once, twice = (wherry("rollback", target, "--run", both[-1], "--json") for _ in range(2))

    assert [(each.exit_code, each.document["error"]["code"]) for each in unnamed] == [(1, "CONFLICT")] * 2
    assert all(run in each.document["error"]["message"] for run in both for each in unnamed)
    assert (once.exit_code, once.document["dropped"]) == (0, ["table other"])
    assert (twice.exit_code, twice.document["error"]["code"]) == (1, "NOT_FOUND")
    assert wherry("runs", target, "--json").document["runs"] == earlier
    assert "if this command was given before, it has done its work" in twice.document["error"]["message"]
    assert both[-1] in twice.document["error"]["message"]
    assert wherry("rollback", target, "--json").document["dropped"] == ["table entry"]
    nothing = wherry("rollback", target, "--run", both[-1], "--json")
    assert (nothing.exit_code, nothing.document["error"]["code"]) == (1, "NOT_FOUND")
    assert "was forgotten" in nothing.document["error"]["message"]


def _others(tmp_path: Path) -> str:
    path = tmp_path / "others.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE other (id INTEGER PRIMARY KEY)")
        connection.execute("INSERT INTO other VALUES (1)")
        connection.commit()
    return f"sqlite:///{path}"
