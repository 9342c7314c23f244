"""Handlers of the mappings slice."""

from __future__ import annotations

from domain.kernel.messages import Binding
from domain.mappings import commands, queries
from domain.mappings.validation import MappingCheck
from infra.bindings.ports import Ports
from infra.connectors.planning import ConnectorPlanner
from infra.db.readers.catalog import SqlCatalogReader
from infra.db.readers.connections import SqlConnectionReader
from infra.db.readers.mappings import SqlMappingReader
from infra.db.stores.catalog import SqlSnapshots


def bindings(ports: Ports) -> tuple[Binding, ...]:
    """Return this slice's part of the table."""
    reader, connections = SqlMappingReader(ports.database), SqlConnectionReader(ports.database)
    catalog, snapshots = SqlCatalogReader(ports.database), SqlSnapshots(ports.database)
    create = commands.CreateSchemaMappingHandler(ports.ids, ports.clock, connections, catalog, snapshots)
    check = MappingCheck(connections, catalog, snapshots, ConnectorPlanner())
    validate = commands.ValidateSchemaMappingHandler(ports.clock, check)
    return (
        commands.CreateSchemaMapping.handled_by(create),
        commands.ValidateSchemaMapping.handled_by(validate),
        queries.GetMappingsByIds.handled_by(queries.GetMappingsByIdsHandler(reader)),
        queries.GetSchemaMappings.handled_by(queries.GetSchemaMappingsHandler(reader)),
        queries.GetMappingsOfProjects.handled_by(queries.GetMappingsOfProjectsHandler(reader)),
        queries.GetMappingRules.handled_by(queries.GetMappingRulesHandler(reader)),
        queries.GetValidations.handled_by(queries.GetValidationsHandler(reader)),
        queries.GetSchemaValidation.handled_by(queries.GetSchemaValidationHandler(reader)),
    )
