"""What people can do with migrations, each command with its handler under it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain.connections.aggregate import Connection
from domain.kernel.access import Right, Subject, needs
from domain.kernel.errors import NotFound, ValidationFailed
from domain.kernel.messages import Command
from domain.kernel.ports import Clock, Ids
from domain.kernel.work import Work
from domain.migrations.aggregate import Migration
from domain.migrations.assignments import PREPARE, Assignment
from domain.migrations.claiming import claim_target
from domain.migrations.ports import Assignments, MappingBook, MigrationCounters, MigrationStream, TargetClaims
from domain.migrations.tally import statistics
from domain.migrations.telling import Teller
from domain.migrations.values import MigrationConfig
from domain.projects.aggregate import Actor, Project


@dataclass(frozen=True, kw_only=True)
class StartMigration(Command[UUID]):
    """Copy a database into another one."""

    guard = needs(Right.OPERATE, Subject.PROJECT, "project_id")

    project_id: UUID
    """The project; it must be ACTIVE, and both connections must belong to it."""
    config: MigrationConfig
    """From where to where, what, and how."""


@dataclass(frozen=True)
class StartMigrationHandler:
    """Checks what can be checked without asking the databases, and hands the rest to a worker."""

    ids: Ids
    clock: Clock
    claims: TargetClaims
    mappings: MappingBook
    stream: MigrationStream
    assignments: Assignments

    async def __call__(self, command: StartMigration, work: Work) -> UUID:
        """Start the migration and return its id."""
        config = command.config
        (await work.load(Project, command.project_id)).require_active()
        source = await _connection(work, config.source_connection_id, command.project_id, "sourceConnectionId")
        target = await _connection(work, config.target_connection_id, command.project_id, "targetConnectionId")
        _check_route(source, target)
        _check_policies(config)
        if config.mapping_id is not None:
            await self.mappings.tables(config.mapping_id, command.project_id)
        await claim_target(self.claims, work, target.id)
        actor = Actor(work.scope.user_id, self.clock.now())
        migration = Migration.start(self.ids.new(), command.project_id, config, actor)
        await self.stream.open(work, migration.id)
        await Teller(self.stream).store(work, migration, migration.status)
        await self.assignments.give(work, (Assignment(migration.id, PREPARE, epoch=0, sequence=1),))
        return migration.id


def _check_policies(config: MigrationConfig) -> None:
    """Refuse rules and limits that cannot be read, while somebody is there to mend them."""
    try:
        config.run_options()
    except ValidationFailed as error:
        raise ValidationFailed(error.message, path=("config", "onMisfit")) from error


async def _connection(work: Work, id_: UUID, project_id: UUID, field: str) -> Connection:
    """Return a connection of the project.

    Raises:
        NotFound: the project has no such connection.
    """
    missing = NotFound(f"The project has no connection {id_}.", path=("config", field))
    try:
        connection = await work.load(Connection, id_)
    except NotFound:
        raise missing from None
    if connection.deleted or connection.home.project_id != project_id:
        raise missing
    return connection


def _check_route(source: Connection, target: Connection) -> None:
    """Refuse connections that are not meant for this use, and a database as its own target."""
    if not source.setup.is_source:
        raise ValidationFailed(
            f"Connection {source.setup.name} is not marked as a source.", path=("config", "sourceConnectionId")
        )
    if not target.setup.is_target:
        raise ValidationFailed(
            f"Connection {target.setup.name} is not marked as a target.", path=("config", "targetConnectionId")
        )
    if source.type is target.type and _place(source) == _place(target):
        raise ValidationFailed("Source and target are the same database.", path=("config", "targetConnectionId"))


def _place(connection: Connection) -> tuple[object, ...]:
    config = connection.setup.config
    return (config.host.lower(), config.port, config.database, config.path, config.schema)


@dataclass(frozen=True, kw_only=True)
class CancelMigration(Command[UUID]):
    """End a migration before its end; what is committed stays in the target."""

    guard = needs(Right.OPERATE, Subject.MIGRATION, "migration_id")

    migration_id: UUID
    """The migration's id."""


@dataclass(frozen=True)
class CancelMigrationHandler:
    """Asks the workers to stop."""

    clock: Clock
    counters: MigrationCounters
    stream: MigrationStream

    async def __call__(self, command: CancelMigration, work: Work) -> UUID:
        """Ask for the end and return the migration's id."""
        migration = await work.load(Migration, command.migration_id)
        before, now = migration.status, self.clock.now()
        tables = await self.counters.tables(work, migration.id)
        migration.request_cancel(Actor(work.scope.user_id, now), statistics(tables, migration.started_at, now))
        await Teller(self.stream).store(work, migration, before)
        return migration.id
