"""sling: between MySQL, PostgreSQL and SQLite, one stream a command."""

from __future__ import annotations

from domain.connections.values import Endpoint, Engine
from tests.benchmarks.measuring import Command
from tests.benchmarks.peers.environments import ALONE, environment
from tests.benchmarks.tools import Job
from tests.support.cli import url


class Sling:
    """The last release whose program comes in a package; it makes the table itself."""

    name = "sling"
    needs_table = False

    def does(self, source: Engine, target: Engine) -> bool:
        """Tell whether neither end is DuckDB, for which it wants to fetch a program when it runs."""
        return Engine.DUCKDB not in (source, target)

    def install(self) -> None:
        """Install the package."""
        self._program()

    def command(self, job: Job) -> Command:
        """Return the run."""
        argv = (
            self._program(), "run", "--mode", "full-refresh", "--primary-key", "id",
            "--src-conn", _address(job.source), "--src-stream", _table(job.source, job.table),
            "--tgt-conn", _address(job.target), "--tgt-object", _table(job.target, job.table),
        )  # fmt: skip
        return Command(argv, {"SLING_DISABLE_TELEMETRY": "TRUE", "SLING_HOME_DIR": str(job.folder / "home"), **ALONE})

    def _program(self) -> str:
        programs = environment(self.name, "sling-linux-amd64==1.4.11")
        (found,) = programs.parent.rglob("sling_linux_amd64/bin/sling-linux-amd64")
        found.chmod(0o755)
        return str(found)


def _address(endpoint: Endpoint) -> str:
    if endpoint.engine.is_file:
        return f"{endpoint.engine.value.lower()}://{endpoint.path}"
    return url(endpoint) + ("?sslmode=disable" if endpoint.engine is Engine.POSTGRESQL else "")


def _table(endpoint: Endpoint, table: str) -> str:
    match endpoint.engine:
        case Engine.POSTGRESQL:
            return f"public.{table}"
        case Engine.MYSQL:
            return f"{endpoint.database}.{table}"
        case Engine.SQLITE | Engine.DUCKDB | Engine.CSV | Engine.PARQUET:
            return f"main.{table}"
