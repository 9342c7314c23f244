"""Embedded servers in tests: in a process of their own, and something to write and read."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
from redis.asyncio import Redis

import infra

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.embedded.stack import Servers

REPOSITORY = Path(infra.__file__).parent.parent
RUN_AND_WAIT = """
import sys
from pathlib import Path
from infra.embedded.stack import open_servers
from infra.settings import Settings
with open_servers(Settings(home=Path(sys.argv[1]))):
    print("ready", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the embedded servers of `home` in a process of their own."""
    command = [sys.executable, "-c", RUN_AND_WAIT, str(home)]
    with subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "ready\n"
            yield other
        finally:
            other.communicate(timeout=20)


async def write(servers: Servers) -> None:
    connection = await asyncpg.connect(servers.database_url)
    await connection.execute("CREATE TABLE boat (name text); INSERT INTO boat VALUES ('wherry')")
    await connection.close()
    async with Redis.from_url(servers.redis_url) as client:
        await client.set("boat", "wherry")


async def read(servers: Servers) -> tuple[object, object]:
    connection = await asyncpg.connect(servers.database_url)
    row = await connection.fetchval("SELECT name FROM boat")
    await connection.close()
    async with Redis.from_url(servers.redis_url) as client:
        return row, await client.get("boat")
