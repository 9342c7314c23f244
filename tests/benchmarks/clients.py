"""The servers' own clients as commands."""

from __future__ import annotations

from pathlib import Path

from domain.connections.values import Endpoint
from infra.embedded import binaries
from tests.benchmarks.measuring import Command
from tests.benchmarks.tools import NotHere


def psql(endpoint: Endpoint, sql: str) -> Command:
    """Run one statement, or one backslash command."""
    argv = (program("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", address(endpoint), "-c", sql)
    return Command(argv, {"PGPASSWORD": endpoint.password.reveal()})


def mariadb(endpoint: Endpoint, sql: str) -> Command:
    """Run statements."""
    options = (*mariadb_options(endpoint), "--local-infile=1", "-e", sql, endpoint.database)
    return Command((program("mariadb"), *options), {"MYSQL_PWD": endpoint.password.reveal()})


def piped(left: Command, right: Command) -> Command:
    """Let one command read what the other writes; both passwords travel in the environment of both sides."""
    words = [f'"$LEFT_{n}"' for n in range(len(left.argv))], [f'"$RIGHT_{n}"' for n in range(len(right.argv))]
    sides = [
        " ".join([*(f'{name}="${side}_{name}"' for name in command.environment), *quoted])
        for side, command, quoted in zip(("LEFT", "RIGHT"), (left, right), words, strict=True)
    ]
    environment = {
        f"{side}_{name}": str(value)
        for side, command in (("LEFT", left), ("RIGHT", right))
        for name, value in (*command.environment.items(), *((str(n), part) for n, part in enumerate(command.argv)))
    }
    return Command(("bash", "-o", "pipefail", "-c", " | ".join(sides)), environment)


def address(endpoint: Endpoint) -> str:
    """Return a PostgreSQL server's database as libpq reads it, without the password."""
    return f"postgresql://{endpoint.username}@{endpoint.host}:{endpoint.port}/{endpoint.database}"


def mariadb_options(endpoint: Endpoint) -> tuple[str, ...]:
    """Return how MariaDB's programs reach a server; the password goes by MYSQL_PWD."""
    return (
        "--no-defaults", f"--host={endpoint.host}", f"--port={endpoint.port}", f"--user={endpoint.username}",
        "--default-character-set=utf8mb4",
    )  # fmt: skip


def program(name: str) -> Path:
    """Return where a program is. Raises NotHere."""
    folder = binaries.postgresql_on_machine()
    beside = folder / name if folder else None
    found = beside if beside and beside.exists() else binaries.program_on_machine(name)
    if found is None:
        raise NotHere(f"{name} is not installed")
    return found
