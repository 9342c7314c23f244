"""A real MariaDB server for tests, with passwords that are checked."""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pymysql

from domain.connections.values import Endpoint, Engine
from domain.kernel.values import Secret
from infra.embedded import binaries, process
from tests.support.certificates import make_certificates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

INSTALL_DB = ("--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
FAST_AND_FORGETFUL = {
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-doublewrite": "0",
    "innodb-buffer-pool-size": "192M",
    "innodb-log-file-size": "128M",
    "max-allowed-packet": "64M",
    "max-connections": "200",
    "character-set-server": "utf8mb4",
    "collation-server": "utf8mb4_unicode_ci",
    "local-infile": "1",
    "performance-schema": "0",
    "skip-name-resolve": "1",
}


class MysqlServer:
    """A server on loopback TCP. `admin` has every right; every user signs in with a password.

    `ca_file` is the authority of its TLS certificate.
    """

    def __init__(self, admin: Endpoint, ca_file: Path) -> None:
        self.admin = admin
        self.ca_file = ca_file

    def create_database(self, name: str = "") -> Endpoint:
        """Create an empty database with a new user that has every right in it, and return where it is."""
        name = name or f"db_{secrets.token_hex(6)}"
        user, password = f"{name}_owner", secrets.token_hex(12)
        self.run(
            f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4",
            f"CREATE USER `{user}`@'127.0.0.1' IDENTIFIED BY '{password}'",
            f"GRANT ALL ON `{name}`.* TO `{user}`@'127.0.0.1'",
        )
        return Endpoint(
            Engine.MYSQL,
            host=self.admin.host,
            port=self.admin.port,
            database=name,
            username=user,
            password=Secret(password),
        )

    def empty(self, endpoint: Endpoint) -> None:
        """Drop everything in a database made by `create_database`."""
        self.run(f"DROP DATABASE `{endpoint.database}`", f"CREATE DATABASE `{endpoint.database}` CHARACTER SET utf8mb4")

    def drop(self, endpoint: Endpoint) -> None:
        """Drop a database made by `create_database` and its user."""
        self.run(
            f"DROP DATABASE IF EXISTS `{endpoint.database}`",
            f"DROP USER IF EXISTS `{endpoint.username}`@'127.0.0.1'",
        )

    def run(self, *statements: str, database: str = "") -> list[tuple[object, ...]]:
        """Run statements with every right, one after the other, and return the rows of the last."""
        connection = _connect(self.admin, database)
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return list(cursor.fetchall())
        finally:
            connection.close()


def find_programs() -> tuple[Path, Path] | None:
    """Return the server program and the one that creates its system tables, when both are installed."""
    server = binaries.program_on_machine("mariadbd")
    installer = binaries.program_on_machine("mariadb-install-db")
    return (server, installer) if server and installer else None


@contextmanager
def running_mysql(
    programs: tuple[Path, Path], folder: Path, port: int, more_options: Mapping[str, str] | None = None
) -> Iterator[MysqlServer]:
    """Create a data folder in `folder`, run the server on `port` of the loopback interface, and stop it at the end."""
    program = make_mysql(programs, folder, port, more_options)
    with process.running(program):
        yield signed_in_mysql(folder, port)


def signed_in_mysql(folder: Path, port: int) -> MysqlServer:
    """Give a server that runs for the first time its user, and return what it is."""
    return MysqlServer(_make_admin(port, folder / "s"), folder / "ca.pem")


def make_mysql(
    programs: tuple[Path, Path], folder: Path, port: int, more_options: Mapping[str, str] | None = None
) -> process.Program:
    """Create a data folder in `folder`, and return the program that runs a server on it."""
    server_program, installer = programs
    account = process.server_account()
    data = folder / "data"
    process.run_tool(
        (installer, "--no-defaults", f"--datadir={data}", *INSTALL_DB),
        account=account,
        folder=folder,
    )
    certificates = make_certificates(folder)
    if account:
        os.chown(certificates.key, account.uid, account.gid)
    options = {
        "ssl-cert": str(certificates.certificate),
        "ssl-key": str(certificates.key),
        "datadir": str(data),
        "tmpdir": str(folder),  # a server that starts removes what others keep in a shared one
        "socket": str(folder / "s"),
        "port": str(port),
        "bind-address": "127.0.0.1",
        **FAST_AND_FORGETFUL,
        **(more_options or {}),
    }
    return process.Program(
        name="MariaDB",
        argv=(server_program, "--no-defaults", *(f"--{name}={value}" for name, value in options.items())),
        folder=folder,
        is_ready=lambda: _greets(port),
        log=folder / "server.log",
        account=account,
    )


def _make_admin(port: int, socket_file: Path) -> Endpoint:
    """Create a password-protected user with every right, and remove the accounts that have no password."""
    password = secrets.token_hex(12)
    connection = pymysql.connect(unix_socket=str(socket_file), user="root", autocommit=True)
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE USER admin@'127.0.0.1' IDENTIFIED BY '{password}'")
            cursor.execute("GRANT ALL ON *.* TO admin@'127.0.0.1' WITH GRANT OPTION")
            cursor.execute("DELETE FROM mysql.global_priv WHERE user IN ('root', '')")
            cursor.execute("FLUSH PRIVILEGES")
    finally:
        connection.close()
    return Endpoint(
        Engine.MYSQL, host="127.0.0.1", port=port, database="mysql", username="admin", password=Secret(password)
    )


def _connect(endpoint: Endpoint, database: str) -> pymysql.Connection[pymysql.cursors.Cursor]:
    """Open a session on `database`, or on the endpoint's own."""
    return pymysql.connect(
        host=endpoint.host,
        port=endpoint.port,
        user=endpoint.username,
        password=endpoint.password.reveal(),
        database=database or endpoint.database,
        charset="utf8mb4",
        autocommit=True,
    )


def _greets(port: int) -> bool:
    """Tell whether the server sends its greeting to whoever connects."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as session:
            return len(session.recv(5)) > 4
    except OSError:
        return False
