"""Servers of a test's own, which it may stop, kill and start again."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from domain.connections.values import Engine
from infra.embedded import process
from infra.embedded.ports import free_port
from tests.support import mysql, postgresql
from tests.support.servers import found_or_skip, server_folder

Server = postgresql.PostgresqlServer | mysql.MysqlServer


@dataclass
class OwnServer:
    """A running server and the program that it is an instance of."""

    program: process.Program
    running: process.ServerProcess
    server: Server = field(init=False)

    def stop(self, number: signal.Signals) -> None:
        """End the server by a signal, and wait until it is gone. Whatever still holds its port is gone with it."""
        os.kill(self.running.pid, number)
        self.running.stop(timeout_s=60)

    def kill_child(self, pid: int) -> None:
        """Kill one of the server's own processes, and wait until it answers again."""
        os.kill(pid, signal.SIGKILL)
        self.running.wait_ready()

    def start(self) -> None:
        """Start it again, on the same data."""
        self.running = process.start(self.program)
        self.running.wait_ready()

    def restart(self, number: signal.Signals) -> None:
        """Stop it by a signal, and start it again."""
        self.stop(number)
        self.start()


@contextmanager
def own_server(
    engine: Engine, request: pytest.FixtureRequest, *, folder: Path | None = None, **settings: str
) -> Iterator[OwnServer]:
    """Run a server of an engine with an empty data folder, in `folder` or in one that goes with it."""
    if folder is None:
        with server_folder("wherry-own-") as made, own_server(engine, request, folder=made, **settings) as own:
            yield own
        return
    options = {name.replace("_", "-") if engine is Engine.MYSQL else name: value for name, value in settings.items()}
    port = free_port()
    describe: Callable[[], Server]
    if engine is Engine.POSTGRESQL:
        programs = found_or_skip(request, "PostgreSQL", postgresql.find_programs())
        program, server = postgresql.make_postgresql(programs, folder, port, options)
        describe = lambda: server  # noqa: E731 - the other branch is as short
    else:
        found = found_or_skip(request, "MariaDB", mysql.find_programs())
        program = mysql.make_mysql(found, folder, port, options)
        describe = lambda: mysql.signed_in_mysql(folder, port)  # noqa: E731 - as above
    running = process.start(program)
    own = OwnServer(program, running)
    try:
        running.wait_ready()
        own.server = describe()
        yield own
    finally:
        own.running.stop()
