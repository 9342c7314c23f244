"""ingestr: between MySQL, PostgreSQL and SQLite, one table a command."""

from __future__ import annotations

from domain.connections.values import Endpoint, Engine
from tests.benchmarks.measuring import Command
from tests.benchmarks.peers.environments import ALONE, environment
from tests.benchmarks.tools import Job
from tests.support.cli import url

QUIET = {"INGESTR_DISABLE_TELEMETRY": "true", "DISABLE_TELEMETRY": "true", **ALONE}


class Ingestr:
    """The last release that carries its program in the package; it makes the table itself."""

    name = "ingestr"
    needs_table = False

    def does(self, source: Engine, target: Engine) -> bool:
        """Tell whether neither end is DuckDB, for which it wants to fetch a driver when it runs."""
        return Engine.DUCKDB not in (source, target)

    def install(self) -> None:
        """Install the package."""
        self._program()

    def command(self, job: Job) -> Command:
        """Return the ingestion; MariaDB's JSON must be named, since the server calls it text."""
        argv = (
            self._program(), "ingest", "--yes", "--progress", "log", "--primary-key", "id",
            "--source-uri", _address(job.source), "--source-table", _table(job.source, job.table),
            "--dest-uri", _address(job.target), "--dest-table", _table(job.target, job.table),
            "--pipelines-dir", job.folder / "pipelines",
        )  # fmt: skip
        names_json = "attrs" in job.prepared.data_set.columns
        return Command(
            (*argv, *(("--columns", "attrs:json") if names_json else ())), {**QUIET, "HOME": str(job.folder)}
        )

    def _program(self) -> str:
        return str(environment(self.name, "ingestr==0.15.9") / "ingestr")


def _address(endpoint: Endpoint) -> str:
    if endpoint.engine.is_file:
        return f"{endpoint.engine.value.lower()}:///{endpoint.path}"
    return url(endpoint) + ("?sslmode=disable" if endpoint.engine is Engine.POSTGRESQL else "")


def _table(endpoint: Endpoint, table: str) -> str:
    """Return a table's name with the schema or database that ingestr wants before it."""
    match endpoint.engine:
        case Engine.POSTGRESQL:
            return f"public.{table}"
        case Engine.MYSQL:
            return f"{endpoint.database}.{table}"
        case Engine.SQLITE | Engine.DUCKDB | Engine.CSV | Engine.PARQUET:
            return table
