"""What can be done with mappings, each command with its handler under it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from annotated_types import Len

from domain.catalog.ports import CatalogReader, Snapshots
from domain.catalog.views import SchemaAnalysis
from domain.connections.ports import ConnectionReader
from domain.kernel.access import Right, Subject, needs
from domain.kernel.errors import NotFound, ValidationFailed
from domain.kernel.messages import Command
from domain.kernel.ports import Clock, Ids
from domain.kernel.work import Work
from domain.mappings.aggregate import Route, SchemaMapping
from domain.mappings.pairing import identity, paired
from domain.mappings.validation import MappingCheck
from domain.mappings.values import ColumnMapping, IssueSeverity, TableMapping
from domain.projects.aggregate import Actor, Project
from domain.projects.commands import activity_signal

Name = Annotated[str, Len(1, 200)]


@dataclass(frozen=True, kw_only=True)
class ColumnMappingInput:
    """One source column and the target column that takes its values."""

    source_column: Name
    """The source column."""
    target_column: Name
    """The target column."""


@dataclass(frozen=True, kw_only=True)
class TableMappingInput:
    """One source table and the target table that takes its rows."""

    source_table: Name
    """The source table, with its schema (`sales.film`) where the name alone is not enough."""
    target_table: Name
    """The target table."""
    columns: Annotated[tuple[ColumnMappingInput, ...], Len(0, 4_000)] = ()
    """Which columns are copied under which names; empty for all, each under its own."""

    def mapping(self) -> TableMapping:
        """Return the mapping that this asks for."""
        columns = tuple(ColumnMapping(item.source_column, item.target_column) for item in self.columns)
        return TableMapping(self.source_table, self.target_table, columns)


@dataclass(frozen=True, kw_only=True)
class CreateSchemaMapping(Command[UUID]):
    """Say which source tables and columns become which target tables and columns."""

    guard = needs(Right.EDIT, Subject.PROJECT, "project_id")

    project_id: UUID
    """The project that it will belong to."""
    name: Annotated[str, Len(1, 100)]
    """What people call it."""
    source_schema_id: UUID | None = None
    """The analysis of the source. Give this or sourceConnectionId."""
    source_connection_id: UUID | None = None
    """The connection to the source; its latest analysis is taken."""
    target_schema_id: UUID | None = None
    """The analysis of the target, for a target that holds tables already."""
    target_connection_id: UUID | None = None
    """The connection to the target; its latest analysis is taken, if it has one."""
    mappings: Annotated[tuple[TableMappingInput, ...], Len(0, 10_000)] = ()
    """Which tables are copied, and how; empty for all, each under its own name."""


@dataclass(frozen=True)
class CreateSchemaMappingHandler:
    """Makes the mapping, the identity if none is given."""

    ids: Ids
    clock: Clock
    connections: ConnectionReader
    catalog: CatalogReader
    snapshots: Snapshots

    async def __call__(self, command: CreateSchemaMapping, work: Work) -> UUID:
        """Make the mapping and return its id."""
        project = await work.load(Project, command.project_id)
        project.require_open()
        route = await self._route(command, work.scope.user_id)
        tables = tuple(item.mapping() for item in command.mappings)
        schema = await self.snapshots.load(route.source_schema_id)
        if not tables:
            tables = identity(schema)
        if not paired(tables, schema).pairs:
            raise ValidationFailed("The source has none of the tables to map.", path=("mappings",))
        actor = Actor(work.scope.user_id, self.clock.now())
        mapping = SchemaMapping.create(self.ids.new(), project.id, command.name, route, tables, actor)
        work.add(mapping)
        work.signal(activity_signal(project.id))
        return mapping.id

    async def _route(self, command: CreateSchemaMapping, viewer: UUID) -> Route:
        """Find the two ends. All that is named must belong to the project."""
        source = await self._analysis(
            command.project_id, viewer, command.source_schema_id, command.source_connection_id, "source"
        )
        if source is None:
            raise ValidationFailed("Analyse the source first, with analyzeSchema.", path=("sourceConnectionId",))
        if command.target_schema_id is None and command.target_connection_id is None:
            return Route(source.connection_id, source.id)
        target = await self._analysis(
            command.project_id, viewer, command.target_schema_id, command.target_connection_id, "target"
        )
        target_connection_id = target.connection_id if target else command.target_connection_id
        return Route(source.connection_id, source.id, target_connection_id, target.id if target else None)

    async def _analysis(
        self, project_id: UUID, viewer: UUID, schema_id: UUID | None, connection_id: UUID | None, end: str
    ) -> SchemaAnalysis | None:
        """Return the named analysis, or the latest of the named connection, which may have none."""
        if (schema_id is None) is (connection_id is None):
            message = f"Give either {end}SchemaId or {end}ConnectionId."
            raise ValidationFailed(message, path=(f"{end}SchemaId",))
        if schema_id is not None:
            analysis = (await self.catalog.analyses(viewer, (schema_id,))).get(schema_id)
            if analysis is None or analysis.project_id != project_id:
                raise NotFound(f"The project has no analysis {schema_id}.", path=(f"{end}SchemaId",))
            return analysis
        if connection_id is None:
            return None
        connection = (await self.connections.connections(viewer, (connection_id,))).get(connection_id)
        if connection is None or connection.project_id != project_id:
            raise NotFound(f"The project has no connection {connection_id}.", path=(f"{end}ConnectionId",))
        return (await self.catalog.latest(viewer, (connection_id,))).get(connection_id)


@dataclass(frozen=True, kw_only=True)
class ValidationOptions:
    """How strictly to judge."""

    strict: bool = False
    """Whether a mapping with warnings is invalid too."""


@dataclass(frozen=True, kw_only=True)
class ValidateSchemaMapping(Command[UUID]):
    """Check a mapping against what source and target hold, and against what the target can hold."""

    guard = needs(Right.OPERATE, Subject.MAPPING, "mapping_id")

    mapping_id: UUID
    """The mapping's id."""
    options: ValidationOptions | None = None
    """How strictly to judge."""


@dataclass(frozen=True)
class ValidateSchemaMappingHandler:
    """Checks the mapping and notes what was found."""

    clock: Clock
    check: MappingCheck

    async def __call__(self, command: ValidateSchemaMapping, work: Work) -> UUID:
        """Validate the mapping and return its id."""
        mapping = await work.load(SchemaMapping, command.mapping_id)
        issues = await self.check.issues(mapping.route, mapping.tables, work.scope.user_id)
        strict = command.options is not None and command.options.strict
        is_valid = not any(strict or issue.severity is IssueSeverity.ERROR for issue in issues)
        mapping.note_validation(issues, is_valid=is_valid, actor=Actor(work.scope.user_id, self.clock.now()))
        work.add(mapping)
        work.signal(activity_signal(mapping.project_id))
        return mapping.id
