"""Disks that are full in the middle of a run: small file systems in memory, which only root may make."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pymysql
import pytest

from domain.catalog.model import Table
from domain.connections.values import Engine
from domain.kernel.errors import ErrorCode
from domain.migrations.plan import RunOptions
from infra.embedded import process
from tests.crash.moving import (
    EVENT,
    Silent,
    assert_exact,
    assert_pauses,
    brought_to_its_end,
    file_at,
    filled,
    pair_of,
    tried,
)
from tests.pairs.moves import Rows, wrong_tables
from tests.support.cli import url, wherry
from tests.support.restarts import OwnServer, own_server
from tests.support.waiting import wait_until


def noise(number: int) -> str:
    """Return a text that nothing can make much shorter."""
    return "".join(hashlib.sha256(f"{number} {part}".encode()).hexdigest() for part in range(30))


BULKY: dict[Table, Rows] = {EVENT: [(number, noise(number)) for number in range(8_000)]}
"""Some fifteen megabytes."""

OPTIONS = RunOptions(parallel=1, chunk_rows=500)
ROOM_MB = 8
"""Less than the events need."""

MEGABYTE = 1_048_576


@dataclass(frozen=True)
class SmallDisk:
    """A file system of its own."""

    path: Path

    @property
    def used_mb(self) -> int:
        found = os.statvfs(self.path)
        return -(-(found.f_blocks - found.f_bfree) * found.f_frsize // MEGABYTE)

    def resize(self, megabytes: int) -> None:
        """Give it another size."""
        mount("-o", f"remount,size={megabytes}m", str(self.path))


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


@pytest.fixture
def small_disk() -> Iterator[SmallDisk]:
    """A file system in memory that the servers' account may use."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    path = Path(tempfile.mkdtemp(prefix="wherry-disk-"))
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2000m", "tmpfs", path], check=False, capture_output=True)
    if made.returncode != 0:
        path.rmdir()
        pytest.skip("this machine does not let root mount a file system")
    account = process.server_account()
    if account:
        os.chown(path, account.uid, account.gid)
    path.chmod(0o711)
    yield SmallDisk(path)
    subprocess.run(["umount", path], check=True)
    path.rmdir()


def is_open(own: OwnServer) -> bool:
    """Tell whether a server answers, which one that has crashed does only once it has recovered."""
    try:
        own.server.run("SELECT 1")
    except (AssertionError, pymysql.MySQLError):
        return False
    return True


FILES = [
    Engine.SQLITE,
    Engine.PARQUET,
    *(pytest.param(engine, marks=pytest.mark.crash) for engine in (Engine.DUCKDB, Engine.CSV)),
]


@pytest.mark.parametrize("engine", FILES, ids=lambda engine: engine.value.lower())
async def test_a_file_on_a_full_disk_is_completed_once_there_is_room(
    engine: Engine, small_disk: SmallDisk, tmp_path: Path
) -> None:
    pair = pair_of(await filled(file_at(tmp_path / "source.db"), BULKY), file_at(small_disk.path / "copy", engine))
    small_disk.resize(ROOM_MB if engine in (Engine.SQLITE, Engine.CSV) else 1)

    report, _ = await tried(pair, Silent(), options=OPTIONS)
    small_disk.resize(500)
    complete = await brought_to_its_end(pair, options=OPTIONS)

    assert_pauses(report, ErrorCode.TARGET_DISK_FULL)
    await assert_exact(pair, complete, BULKY)


@pytest.mark.crash
@pytest.mark.parametrize("engine", [Engine.POSTGRESQL, Engine.MYSQL], ids=["postgresql", "mysql"])
async def test_a_server_on_a_full_disk_is_filled_to_the_end_once_there_is_room(
    engine: Engine, small_disk: SmallDisk, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """MariaDB may end when it cannot even roll back; then it is started again."""
    source = await filled(file_at(tmp_path / "source.db"), BULKY)
    own_settings = {} if engine is Engine.POSTGRESQL else {"innodb_log_file_size": "16M"}
    with own_server(engine, request, folder=small_disk.path, **own_settings) as own:
        pair = pair_of(source, own.server.create_database())
        small_disk.resize(small_disk.used_mb + ROOM_MB)

        report, _ = await tried(pair, Silent(), options=OPTIONS)
        small_disk.resize(2_000)
        if not own.running.is_alive:
            own.start()
        await asyncio.to_thread(wait_until, lambda: is_open(own))
        complete = await brought_to_its_end(pair, options=OPTIONS)

        assert_pauses(report, ErrorCode.TARGET_DISK_FULL, ErrorCode.HOST_UNREACHABLE)
        await assert_exact(pair, complete, BULKY)


@pytest.mark.crash
async def test_a_run_pauses_when_the_disk_of_a_tablespace_is_full_and_is_resumed_by_the_same_command(
    small_disk: SmallDisk, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """PostgreSQL itself goes on: its log has room."""
    source = await filled(file_at(tmp_path / "source.db"), BULKY)
    with own_server(Engine.POSTGRESQL, request) as own:
        target = own.server.create_database()
        own.server.run(f"CREATE TABLESPACE small LOCATION '{small_disk.path}'")
        own.server.run(f'ALTER DATABASE "{target.database}" SET TABLESPACE small')
        small_disk.resize(small_disk.used_mb + ROOM_MB)
        command = ("migrate", url(source), url(target), "--parallel", "1", "--chunk-rows", "500", "--json")

        paused = await asyncio.to_thread(wherry, *command)
        small_disk.resize(2_000)
        resumed = await asyncio.to_thread(wherry, *command)

        assert (paused.exit_code, paused.document["status"], "error" in paused.document) == (130, "PAUSED", False)
        assert paused.document["pause"]["code"] == "TARGET_DISK_FULL", paused.document["pause"]
        assert "Resume once there is room on its disk." in paused.stderr
        assert "give the same command again" in paused.stderr
        assert 0 < sum(paused.counts.values()) < len(BULKY[EVENT])
        assert (resumed.exit_code, resumed.document["status"], "pause" in resumed.document) == (0, "SUCCEEDED", False)
        assert resumed.counts == {"event": len(BULKY[EVENT])}
        assert await wrong_tables(pair_of(source, target), BULKY) == []
