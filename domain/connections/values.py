"""Where a database is and how to sign in to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from domain.kernel.values import Secret


class Engine(Enum):
    """A kind of database. MYSQL stands for MySQL and MariaDB alike."""

    POSTGRESQL = "POSTGRESQL"
    MYSQL = "MYSQL"
    SQLITE = "SQLITE"
    DUCKDB = "DUCKDB"

    @property
    def is_file(self) -> bool:
        """Whether a database of this kind is one local file, without host or password."""
        return self in (Engine.SQLITE, Engine.DUCKDB)


class TlsMode(Enum):
    """How far a connection is protected on the wire."""

    DISABLE = "DISABLE"
    """Never encrypted. Only for sockets and trusted networks."""
    REQUIRE = "REQUIRE"
    """Always encrypted; the server's certificate is not checked."""
    VERIFY_FULL = "VERIFY_FULL"
    """Always encrypted; certificate and host name are checked."""


@dataclass(frozen=True)
class Endpoint:
    """Everything a connector needs to open a session.

    A server has `host`, `port`, `database`, `username` and `password`; a host that starts with
    `/` is a folder of Unix sockets (PostgreSQL) or a socket file (MySQL). A file database has
    only `path`. `schema` narrows PostgreSQL and DuckDB to one schema; empty means the default
    one (`public`, `main`).
    """

    engine: Engine
    host: str = ""
    port: int = 0
    database: str = ""
    username: str = ""
    password: Secret = Secret("")
    path: str = ""
    schema: str = ""
    tls: TlsMode = TlsMode.DISABLE

    @property
    def label(self) -> str:
        """Name the database without its password, for reports and logs."""
        if self.engine.is_file:
            return f"{self.engine.value.lower()}:{self.path}"
        return f"{self.engine.value.lower()}://{self.username}@{self.host}:{self.port}/{self.database}"


@dataclass(frozen=True)
class ProbeFinding:
    """One thing a connection test looked at, and what to do when it is missing."""

    name: str
    passed: bool
    advice: str = ""


@dataclass(frozen=True)
class Probe:
    """What a connection test found: the server, and which rights are there or missing."""

    server_version: str
    findings: tuple[ProbeFinding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is missing."""
        return all(finding.passed for finding in self.findings)
