"""Workers that carry migrations out."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from infra.container import Container
from tests.support.api import LiveApi
from tests.support.cli import ROOT
from workers.main import working


@asynccontextmanager
async def running_worker(container: Container) -> AsyncIterator[None]:
    """Run a worker in this process."""
    async with working(container):
        yield


@contextmanager
def worker_process(container: Container) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker as a process of its own, and end it at the end, also when it is frozen."""
    process = start_worker(container)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(timeout=30)


def environment(container: Container, failpoints: str = "") -> dict[str, str]:
    """Return the environment of a process with the settings of a container, armed with failpoints."""
    settings = container.settings
    assert settings.database_url is not None
    assert settings.redis_url is not None
    ours = {
        "WHERRY_HOME": str(settings.home),
        "WHERRY_DATABASE_URL": settings.database_url.get_secret_value(),
        "WHERRY_REDIS_URL": settings.redis_url.get_secret_value(),
        "WHERRY_WORKER_LEASE_S": str(settings.worker_lease_s),
        "WHERRY_WORKER_LANE_S": str(settings.worker_lane_s),
        "WHERRY_FAILPOINTS": failpoints,
    }
    return {**os.environ, **ours}


def start_worker(container: Container, failpoints: str = "", stderr: int | None = None) -> subprocess.Popen[bytes]:
    """Start a worker with the settings of a container, armed with failpoints."""
    command = [sys.executable, "-m", "workers.main"]
    return subprocess.Popen(command, cwd=ROOT, env=environment(container, failpoints), stderr=stderr)


DIES_WITHIN_S = 240
"""On a machine with ten other things to do, half a minute goes by before a worker has only started."""


async def killed_by_itself(worker: subprocess.Popen[bytes]) -> None:
    """Wait until an armed worker is dead; one that lives on does not disturb the next test."""
    try:
        code = await asyncio.to_thread(worker.wait, DIES_WITHIN_S)
    finally:
        worker.kill()
        worker.wait()
    assert code == -signal.SIGKILL, "it has not passed the site that was to kill it"


@pytest.fixture
async def worker(live_api: LiveApi) -> AsyncIterator[None]:
    """A worker in this process."""
    async with running_worker(live_api.container):
        yield
