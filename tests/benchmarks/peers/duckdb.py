"""DuckDB with its own extensions for MySQL, PostgreSQL and SQLite: one INSERT ... SELECT between attached databases."""

from __future__ import annotations

import json

from domain.connections.values import Endpoint, Engine
from tests.benchmarks.measuring import Command
from tests.benchmarks.peers.environments import environment
from tests.benchmarks.tools import Job

VERSION = "1.5.5"
EXTENSIONS = {Engine.MYSQL: "mysql", Engine.POSTGRESQL: "postgres", Engine.SQLITE: "sqlite"}

# Loads the extensions from where their packages have put them: nothing is fetched.
_SCRIPT = """
import importlib, json, pathlib, sys
import duckdb

job = json.load(open(sys.argv[1]))
connection = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
for name in job["extensions"]:
    package = importlib.import_module(f"duckdb_extension_{name}_scanner")
    file, = pathlib.Path(package.__file__).parent.rglob("*.duckdb_extension")
    connection.execute(f"LOAD '{file}'")
for statement in job["statements"]:
    connection.execute(statement)
"""


class DuckdbScanners:
    """DuckDB between two databases."""

    name = "duckdb"
    needs_table = True

    def does(self, source: Engine, target: Engine) -> bool:
        """Tell that it does all pairs that are measured."""
        return True

    def install(self) -> None:
        """Install DuckDB and the packages of its extensions."""
        self._python()

    def command(self, job: Job) -> Command:
        """Return the insert as a script."""
        ends = (job.source, job.target)
        names = sorted({EXTENSIONS[end.engine] for end in ends if end.engine in EXTENSIONS})
        statements = [_attach(end, name) for end, name in zip(ends, ("source", "target"), strict=True)]
        source, target = f"source.{_schema(job.source)}{job.table}", f"target.{_schema(job.target)}{job.table}"
        statements.append(f"INSERT INTO {target} SELECT * FROM {source}")
        script, file = job.folder / "move.py", job.folder / "job.json"
        script.write_text(_SCRIPT)
        file.write_text(json.dumps({"extensions": names, "statements": statements}))
        return Command((self._python(), script, file))

    def _python(self) -> str:
        packages = (f"duckdb-extension-{name}-scanner=={VERSION}" for name in EXTENSIONS.values())
        return str(environment(self.name, f"duckdb=={VERSION}", *packages) / "python")


def _attach(endpoint: Endpoint, name: str) -> str:
    if endpoint.engine.is_file:
        kind = f" (TYPE {EXTENSIONS[endpoint.engine]})" if endpoint.engine in EXTENSIONS else ""
        return f"ATTACH '{endpoint.path}' AS {name}{kind}"
    database = "database" if endpoint.engine is Engine.MYSQL else "dbname"
    address = (f"host={endpoint.host} port={endpoint.port} user={endpoint.username} "
               f"password={endpoint.password.reveal()} {database}={endpoint.database}")  # fmt: skip
    return f"ATTACH '{address}' AS {name} (TYPE {EXTENSIONS[endpoint.engine]})"


def _schema(endpoint: Endpoint) -> str:
    """Return the prefix of the schema in an attached database."""
    match endpoint.engine:
        case Engine.POSTGRESQL:
            return "public."
        case Engine.MYSQL:
            return f"{endpoint.database}."
        case Engine.SQLITE | Engine.DUCKDB | Engine.CSV | Engine.PARQUET:
            return "main."
