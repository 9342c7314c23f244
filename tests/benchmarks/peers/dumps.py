"""The dump of a server piped into its restore, and pgcopydb, which does both by itself."""

from __future__ import annotations

from domain.connections.values import Engine
from tests.benchmarks.clients import address, mariadb_options, piped, program
from tests.benchmarks.measuring import Command
from tests.benchmarks.peers.environments import debian_program
from tests.benchmarks.tools import Job
from tests.support.cli import url


class PgDump:
    """`pg_dump -Fc -Z0 | pg_restore`: uncompressed, indexes after the rows."""

    name = "pg_dump"
    needs_table = False

    def does(self, source: Engine, target: Engine) -> bool:
        """Tell whether both are PostgreSQL."""
        return (source, target) == (Engine.POSTGRESQL, Engine.POSTGRESQL)

    def install(self) -> None:
        """Look for the programs, which come with the server."""
        program("pg_dump")
        program("pg_restore")

    def command(self, job: Job) -> Command:
        """Return the pipe."""
        dump = (program("pg_dump"), "-Fc", "-Z0", "-d", address(job.source))
        restore = (program("pg_restore"), "--no-owner", "--no-acl", "--exit-on-error", "-d", address(job.target))
        passwords = [{"PGPASSWORD": end.password.reveal()} for end in (job.source, job.target)]
        return piped(Command(dump, passwords[0]), Command(restore, passwords[1]))


class Pgcopydb:
    """Debian's pgcopydb with its own defaults."""

    name = "pgcopydb"
    needs_table = False

    def does(self, source: Engine, target: Engine) -> bool:
        """Tell whether both are PostgreSQL."""
        return (source, target) == (Engine.POSTGRESQL, Engine.POSTGRESQL)

    def install(self) -> None:
        """Install Debian's package."""
        debian_program(self.name)

    def command(self, job: Job) -> Command:
        """Return the clone of the whole database."""
        argv = (debian_program(self.name), "clone", "--no-owner", "--no-acl", "--dir", job.folder / "state")
        return Command(argv, {"PGCOPYDB_SOURCE_PGURI": url(job.source), "PGCOPYDB_TARGET_PGURI": url(job.target)})


class MariadbDump:
    """`mariadb-dump --hex-blob | mariadb`."""

    name = "mariadb-dump"
    needs_table = False

    def does(self, source: Engine, target: Engine) -> bool:
        """Tell whether both are MySQL or MariaDB."""
        return (source, target) == (Engine.MYSQL, Engine.MYSQL)

    def install(self) -> None:
        """Look for the programs, which come with the server."""
        program("mariadb-dump")

    def command(self, job: Job) -> Command:
        """Return the pipe."""
        dump = (*mariadb_options(job.source), "--hex-blob", "--single-transaction", job.source.database)
        load = (*mariadb_options(job.target), job.target.database)
        return piped(
            Command((program("mariadb-dump"), *dump), {"MYSQL_PWD": job.source.password.reveal()}),
            Command((program("mariadb"), *load), {"MYSQL_PWD": job.target.password.reveal()}),
        )
