"""The floor: what the target's own bulk load needs for rows that lie ready in a file, its primary key in place.

From PostgreSQL to PostgreSQL it is one psql that writes into a pipe and one that reads from it.
"""

from __future__ import annotations

from domain.connections.values import Endpoint, Engine
from tests.benchmarks.clients import mariadb, piped, psql
from tests.benchmarks.generation import Prepared
from tests.benchmarks.measuring import Command
from tests.benchmarks.tools import Job


class Floor:
    """The bulk load as a tool."""

    name = "floor"
    needs_table = True

    def does(self, source: Engine, target: Engine) -> bool:
        """Tell whether the target is a server."""
        return target in (Engine.POSTGRESQL, Engine.MYSQL)

    def install(self) -> None:
        """Do nothing: the clients come with the servers."""

    def command(self, job: Job) -> Command:
        """Return the load of the prepared file, or the pipe."""
        if job.target.engine is Engine.MYSQL:
            return load_of_text(job.target, job.prepared)
        if job.source.engine is Engine.POSTGRESQL:
            return piped(
                psql(job.source, f"COPY {job.table} TO STDOUT (FORMAT binary)"),
                psql(job.target, f"COPY {job.table} FROM STDIN (FORMAT binary)"),
            )
        return psql(job.target, f"\\copy {job.table} FROM '{job.prepared.binary_file}' (FORMAT binary)")


def load_of_text(endpoint: Endpoint, prepared: Prepared) -> Command:
    """Return the load of a data set's text file into its table."""
    data_set, file = prepared.data_set, prepared.text_file(endpoint.engine)
    if endpoint.engine is Engine.POSTGRESQL:
        return psql(endpoint, f"\\copy {data_set.name} FROM '{file}'")
    columns = ", ".join(f"@{name}" if name in data_set.binary else name for name in data_set.columns)
    decoded = ", ".join(f"{name} = unhex(@{name})" for name in sorted(data_set.binary))
    return mariadb(
        endpoint,
        f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE {data_set.name} CHARACTER SET utf8mb4 ({columns})"
        + (f" SET {decoded}" if decoded else ""),
    )
