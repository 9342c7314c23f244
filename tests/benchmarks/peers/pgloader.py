"""pgloader: MySQL, SQLite and PostgreSQL to PostgreSQL."""

from __future__ import annotations

from domain.connections.values import Engine
from tests.benchmarks.measuring import Command
from tests.benchmarks.peers.environments import debian_program
from tests.benchmarks.tools import Job
from tests.support.cli import url

# Without these a time gains a zone, and JSON lands as text.
_CASTS = {
    Engine.MYSQL: ("type datetime to timestamp drop default drop not null using zero-dates-to-null",
                   "column wide.attrs to jsonb drop typemod"),
    Engine.SQLITE: ("type datetime to timestamp", "column wide.attrs to jsonb drop typemod"),
}  # fmt: skip


class Pgloader:
    """Debian's pgloader with its own defaults; it makes the tables, and the keys after the rows."""

    name = "pgloader"
    needs_table = False

    def does(self, source: Engine, target: Engine) -> bool:
        """Tell whether the target is PostgreSQL."""
        return target is Engine.POSTGRESQL

    def install(self) -> None:
        """Install Debian's package."""
        debian_program(self.name)

    def command(self, job: Job) -> Command:
        """Return pgloader with a load file."""
        source, target = job.source, url(job.target)
        kind = "LOAD DATABASE"
        address = f"sqlite://{source.path}" if source.engine is Engine.SQLITE else url(source)
        clauses = [f"{kind} FROM {address.replace('postgresql://', 'pgsql://')}",
                   f"INTO {target.replace('postgresql://', 'pgsql://')}"]  # fmt: skip
        if source.engine is not Engine.POSTGRESQL:
            clauses.append("WITH create tables, create indexes, reset sequences")
            clauses.append("CAST " + ", ".join(_CASTS[source.engine]))
        if source.engine is Engine.MYSQL:
            clauses.append(f"ALTER SCHEMA '{source.database}' RENAME TO 'public'")
        file = job.folder / "job.load"
        file.write_text("\n".join(clauses) + ";\n")
        return Command((debian_program(self.name), "--on-error-stop", "--root-dir", job.folder, file))
