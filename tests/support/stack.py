"""The service as it runs in production: API, workers, Redis and control store as processes, to be killed one by one."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from redis.asyncio import Redis

from domain.connections.values import Endpoint
from infra.embedded import process
from infra.embedded.ports import free_port
from infra.settings import Settings
from tests.support.cli import ROOT, url
from tests.support.postgresql import PostgresqlServer
from tests.support.processes import children
from tests.support.redis import RedisServer, running_redis
from tests.support.servers import server_folder
from workers.supervisor.programs import api_address, is_serving

LOOK_S = 0.05
START_S = 120
API, WORKER = "infra.serving", "workers.main"
"""What the command lines of the processes have in them."""


class Stack:
    """`wherry api` and `wherry worker` under their supervisors, over a Redis and a control store of their own."""

    def __init__(self, settings: Settings, control: PostgresqlServer, database: str, folder: Path) -> None:
        self.settings = settings
        self.url = api_address(settings)
        self._control = control
        self._database = database
        self._folder = folder
        self._redis: AbstractContextManager[RedisServer] | None = None
        self._parts: dict[str, process.ServerProcess] = {}
        self._lone: list[process.ServerProcess] = []

    def control(self, sql: str) -> str:
        """Run a statement in the control store and return psql's output."""
        return self._control.run(sql, self._database)

    async def start(self, part: str) -> None:
        """Start `api` or `worker`, and wait until it is at work."""
        self._parts[part] = process.start(
            process.Program(
                name=part,
                argv=(sys.executable, "-m", "workers.cli", part),
                folder=ROOT,
                is_ready=lambda: True,
                log=self._folder / f"{part}.log",
                environment=os.environ | _environment(self.settings),
            )
        )
        if part == "api":
            await self.is_answering()
        else:
            await until(lambda: len(self.pids(WORKER)) == self.settings.workers)

    async def start_lone_worker(self) -> process.ServerProcess:
        """Start a worker that nobody will start again, and wait until it asks the queue for work."""
        before, number = await self._queue_clients(), len(self._lone)
        worker = process.start(
            process.Program(
                name=f"worker {number}",
                argv=(sys.executable, "-m", WORKER),
                folder=ROOT,
                is_ready=lambda: True,
                log=self._folder / f"lone-{number}.log",
                environment=os.environ | _environment(self.settings),
            )
        )
        self._lone.append(worker)
        async with asyncio.timeout(START_S):
            while await self._queue_clients() <= before:  # noqa: ASYNC110 - Redis tells nobody
                await asyncio.sleep(LOOK_S)
        return worker

    async def _queue_clients(self) -> int:
        assert self.settings.redis_url is not None
        async with Redis.from_url(self.settings.redis_url.get_secret_value()) as redis:
            return len(await redis.client_list())

    async def is_answering(self) -> None:
        """Wait until the API is ready."""
        async with asyncio.timeout(START_S):
            while not await asyncio.to_thread(is_serving, self.settings):
                assert self._parts["api"].is_alive, self.log("api")
                await asyncio.sleep(LOOK_S)

    async def stop(self, part: str) -> None:
        """End a part as an operator does, and wait until it has ended."""
        self._parts[part].ask_to_stop()
        await until(lambda: not self._parts[part].is_alive)

    def pids(self, program: str) -> list[int]:
        """Return the process ids of the API's or the workers' own processes."""
        supervisors = [part.pid for part in self._parts.values() if part.is_alive]
        return [pid for one in supervisors for pid, line in children(one).items() if f"-m {program}" in line]

    def kill(self, program: str) -> int:
        """Kill a process of the API or of the workers; its supervisor will start another. Returns its id."""
        pid = self.pids(program)[0]
        os.kill(pid, signal.SIGKILL)
        return pid

    def start_redis(self, server_program: Path) -> None:
        """Start Redis, empty, where it was before."""
        assert self.settings.redis_url is not None
        address, _, password = self.settings.redis_url.get_secret_value().partition("@")[0].rpartition(":")
        assert address == "redis://"
        port = int(self.settings.redis_url.get_secret_value().rpartition(":")[2].partition("/")[0])
        self._redis = running_redis(server_program, self._folder, port, password)
        self._redis.__enter__()

    def stop_redis(self) -> None:
        """Stop Redis."""
        if self._redis is not None:
            self._redis.__exit__(None, None, None)
            self._redis = None

    def log(self, part: str) -> str:
        """Return what a part has written."""
        file = self._folder / f"{part}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def end(self) -> None:
        """End everything that runs."""
        for part in (*self._lone, *reversed(self._parts.values())):
            part.stop()
        self.stop_redis()


@contextmanager
def open_stack(control: PostgresqlServer, redis_program: Path, home: Path, **settings: object) -> Iterator[Stack]:
    """Give a stack with an empty control store and a running Redis, but no API and no worker yet; end it afterwards."""
    endpoint: Endpoint = control.create_database()
    ours = {
        "home": home,
        "port": free_port(),
        "database_url": url(endpoint),
        "redis_url": f"redis://:{secrets.token_hex(12)}@127.0.0.1:{free_port()}/0",
    }
    with server_folder("wherry-stack-") as folder:
        stack = Stack(Settings.model_validate(ours | settings), control, endpoint.database, folder)
        try:
            stack.start_redis(redis_program)
            yield stack
        finally:
            stack.end()
            control.drop(endpoint)


async def until(condition: Callable[[], bool], timeout_s: float = START_S) -> None:
    """Wait until a condition holds that nobody tells us of."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - as said
            await asyncio.sleep(LOOK_S)


def _environment(settings: Settings) -> dict[str, str]:
    assert settings.database_url is not None
    assert settings.redis_url is not None
    return {
        "WHERRY_HOME": str(settings.home),
        "WHERRY_PORT": str(settings.port),
        "WHERRY_DATABASE_URL": settings.database_url.get_secret_value(),
        "WHERRY_REDIS_URL": settings.redis_url.get_secret_value(),
        "WHERRY_WORKERS": str(settings.workers),
        "WHERRY_WORKER_JOBS_MAX": str(settings.worker_jobs_max),
        "WHERRY_WORKER_LEASE_S": str(settings.worker_lease_s),
        "WHERRY_WORKER_LANE_S": str(settings.worker_lane_s),
        "WHERRY_LOG_LEVEL": settings.log_level,
    }
