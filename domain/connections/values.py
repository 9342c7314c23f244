"""Where a database is and how to sign in to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from annotated_types import Len

from domain.kernel.errors import ErrorCode
from domain.kernel.values import Secret


class Engine(Enum):
    """A kind of database. MYSQL stands for MySQL and MariaDB alike."""

    POSTGRESQL = "POSTGRESQL"
    """A PostgreSQL server."""
    MYSQL = "MYSQL"
    """A MySQL or MariaDB server."""
    SQLITE = "SQLITE"
    """An SQLite file."""
    DUCKDB = "DUCKDB"
    """A DuckDB file."""
    CSV = "CSV"
    """A folder of CSV files, one per table."""
    PARQUET = "PARQUET"
    """A folder of Parquet files, one or a sub-folder of them per table."""

    @property
    def is_file(self) -> bool:
        """Whether a database of this kind is a local file or folder, without host or password."""
        return self not in (Engine.POSTGRESQL, Engine.MYSQL)

    @property
    def is_folder(self) -> bool:
        """Whether a database of this kind is a folder of files."""
        return self in (Engine.CSV, Engine.PARQUET)


class TlsMode(Enum):
    """How far a connection is protected on the wire."""

    DISABLE = "DISABLE"
    """Never encrypted. Only for sockets and trusted networks."""
    REQUIRE = "REQUIRE"
    """Always encrypted; the server's certificate is not checked."""
    VERIFY_FULL = "VERIFY_FULL"
    """Always encrypted; certificate and host name are checked."""


@dataclass(frozen=True, kw_only=True)
class CsvFormat:
    """How CSV files are written. The defaults are what RFC 4180 describes."""

    delimiter: Annotated[str, Len(1, 1)] = ","
    """What stands between two fields: one ASCII character."""
    quote: Annotated[str, Len(0, 1)] = '"'
    """What stands around a field that holds a delimiter, a quote or a line break; empty if nothing does."""
    encoding: Annotated[str, Len(1, 40)] = "utf-8"
    """The name of the files' encoding, as Python knows it."""
    header: bool = True
    """Whether the first record of a file names its columns."""
    null: Annotated[str, Len(0, 20)] = ""
    """The unquoted field that stands for NULL. Quoted, it is a text like any other."""


@dataclass(frozen=True)
class Endpoint:
    """Everything a connector needs to open a session.

    A server has `host`, `port`, `database`, `username` and `password`; a host that starts with
    `/` is a folder of Unix sockets (PostgreSQL) or a socket file (MySQL). A file database has
    only `path`, and so has a folder of files; `csv` tells how the files of a CSV folder are written,
    nothing leaves that to the folder's manifest or the defaults. `schema` narrows PostgreSQL and
    DuckDB to one schema; empty means all schemas of a PostgreSQL database (what has no schema of its
    own goes to `public`), and `main` of DuckDB.
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
    csv: CsvFormat | None = None

    @property
    def label(self) -> str:
        """Name the database without its password, for reports and logs."""
        if self.engine.is_file:
            return f"{self.engine.value.lower()}:{self.path}"
        return f"{self.engine.value.lower()}://{self.username}@{self.host}:{self.port}/{self.database}"


@dataclass(frozen=True, kw_only=True)
class ConnectionConfig:
    """Where a database is and as whom to sign in; the password is kept apart, sealed."""

    host: str = ""
    """The server's name or address; empty for a file."""
    port: int = 0
    """The server's TCP port; 0 for a file."""
    database: str = ""
    """The database on the server; empty for a file."""
    username: str = ""
    """The user that signs in; empty for a file."""
    path: str = ""
    """The file or folder, within the folder for file databases; empty for a server."""
    schema: str = ""
    """The one schema to look at; empty for the engine's default."""
    tls: TlsMode = TlsMode.DISABLE
    """How the connection is protected on the wire."""
    csv: CsvFormat | None = None
    """How the files of a CSV folder are written; null leaves that to its manifest or the defaults."""

    def endpoint(self, engine: Engine, password: Secret) -> Endpoint:
        """Return what a connector needs to sign in; a file's path stays as it is here."""
        return Endpoint(
            engine,
            host=self.host,
            port=self.port,
            database=self.database,
            username=self.username,
            password=password,
            path=self.path,
            schema=self.schema,
            tls=self.tls,
            csv=self.csv,
        )

    def leads_elsewhere(self, other: ConnectionConfig) -> bool:
        """Tell whether a password kept for this place must not be sent to the other one unasked."""
        return (self.host, self.port, self.username, self.tls) != (other.host, other.port, other.username, other.tls)


class ConnectionState(Enum):
    """What the last test of a connection, as it is now, has shown."""

    UNTESTED = "UNTESTED"
    """Not tested since it was made or last changed."""
    OK = "OK"
    """Signing in works and no right is missing."""
    FAILING = "FAILING"
    """Signing in failed or a right is missing; the last test says what to do."""


@dataclass(frozen=True)
class ProbeFinding:
    """One thing a connection test looked at, and what to do when it is missing."""

    name: str
    """What was looked at, such as a right."""
    passed: bool
    """Whether it is there."""
    advice: str = ""
    """What to do when it is missing."""


@dataclass(frozen=True)
class Probe:
    """What a connection test found: the server, and which rights are there or missing."""

    server_version: str
    findings: tuple[ProbeFinding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is missing."""
        return all(finding.passed for finding in self.findings)


@dataclass(frozen=True, kw_only=True)
class ProbeOutcome:
    """How a connection test went: connected or not, what was found, and how long it took."""

    success: bool
    latency_ms: int
    code: ErrorCode | None = None
    message: str = ""
    server_version: str = ""
    findings: tuple[ProbeFinding, ...] = ()
