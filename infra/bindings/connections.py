"""Handlers of the connections slice."""

from __future__ import annotations

from domain.connections import commands, queries
from domain.connections.ports import ConnectionUse
from domain.kernel.messages import Binding
from infra.bindings.ports import Ports
from infra.connectors.probing import ConnectorProbe
from infra.connectors.strings import StrictConnectionStrings
from infra.db.readers.connections import SqlConnectionReader
from infra.db.readers.migrations import MigrationUse
from infra.db.stores.connections import SqlCredentials, SqlVault


def bindings(ports: Ports) -> tuple[Binding, ...]:
    """Return this slice's part of the table."""
    clock, reader = ports.clock, SqlConnectionReader(ports.database)
    places, vault = commands.Places(StrictConnectionStrings(), ports.files), SqlVault(ports.envelope, clock)
    credentials = SqlCredentials(ports.database, ports.envelope, ports.files)
    uses: tuple[ConnectionUse, ...] = (MigrationUse(ports.database),)
    tests = commands.TestConnectionHandler(clock, reader, credentials, ConnectorProbe(), ports.throttle)
    return (
        commands.CreateConnection.handled_by(commands.CreateConnectionHandler(ports.ids, clock, places, vault)),
        commands.UpdateConnection.handled_by(commands.UpdateConnectionHandler(clock, places, vault)),
        commands.UpdateConnectionCredentials.handled_by(commands.UpdateConnectionCredentialsHandler(clock, vault)),
        commands.TestConnection.handled_by(tests),
        commands.DeleteConnection.handled_by(commands.DeleteConnectionHandler(clock, vault, uses)),
        queries.GetConnectionsByIds.handled_by(queries.GetConnectionsByIdsHandler(reader)),
        queries.GetConnections.handled_by(queries.GetConnectionsHandler(reader)),
        queries.GetConnectionsOfProjects.handled_by(queries.GetConnectionsOfProjectsHandler(reader)),
        queries.GetLastTests.handled_by(queries.GetLastTestsHandler(reader)),
        queries.GetConnectionStatus.handled_by(queries.GetConnectionStatusHandler(reader)),
        queries.GetConnectionMetrics.handled_by(queries.GetConnectionMetricsHandler(reader)),
    )
