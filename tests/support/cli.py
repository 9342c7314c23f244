"""The command line as a user runs it: a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from typer.testing import CliRunner

from domain.connections.values import Endpoint, Engine
from workers.cli.app import build_app

ROOT = Path(__file__).resolve().parents[2]

_SCHEMES = {
    Engine.POSTGRESQL: "postgresql",
    Engine.MYSQL: "mysql",
    Engine.SQLITE: "sqlite",
    Engine.DUCKDB: "duckdb",
    Engine.CSV: "csv",
    Engine.PARQUET: "parquet",
}


@dataclass(frozen=True)
class Finished:
    """How a command ended and what it printed."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on standard output."""
        document: dict[str, Any] = json.loads(self.stdout)
        return document

    @property
    def counts(self) -> dict[str, int]:
        """Rows written per table, by the table's name without schema."""
        return {table["name"].rpartition(".")[2]: table["rows_written"] for table in self.document["tables"]}


def wherry(*arguments: str | Path, folder: Path = ROOT) -> Finished:
    """Run a command to its end."""
    process = start(*arguments, folder=folder)
    stdout, stderr = process.communicate()
    return Finished(process.returncode, stdout, stderr)


def wherry_here(*arguments: str | Path) -> Finished:
    """Run a command to its end within this process: for what it does, not for how a process behaves."""
    result = CliRunner().invoke(build_app(), [*map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Finished(result.exit_code, result.stdout, result.stderr)


def start(*arguments: str | Path, folder: Path = ROOT) -> subprocess.Popen[str]:
    """Start a command."""
    return subprocess.Popen(
        [sys.executable, "-m", "workers.cli", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def url(endpoint: Endpoint) -> str:
    """Write an endpoint as an address."""
    scheme = _SCHEMES[endpoint.engine]
    if endpoint.engine.is_file:
        return f"{scheme}:///{quote(endpoint.path)}"
    user, password = quote(endpoint.username, safe=""), quote(endpoint.password.reveal(), safe="")
    address = f"{scheme}://{user}:{password}@{endpoint.host}:{endpoint.port}/{quote(endpoint.database, safe='')}"
    return f"{address}?schema={quote(endpoint.schema)}" if endpoint.schema else address
