"""Connections as GraphQL sees them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry

from domain.connections import commands, config, values, views
from domain.projects.views import Project
from schema.context import Info
from schema.errors import Failure
from schema.expose import add_edges, expose_enum, expose_input, expose_type
from schema.paging import After, Connection, First, connection_of, page_request
from schema.projects import PROJECT


async def _project(root: strawberry.Parent[views.Connection], info: Info) -> Project | None:
    """The project that the connection belongs to."""
    return await info.context.loaders.projects.load(root.project_id)


async def _last_test(root: strawberry.Parent[views.Connection], info: Info) -> views.ConnectionTest | None:
    """The last test of the connection; null if there was none."""
    return await info.context.loaders.last_tests.load(root.id)


async def _connections(
    root: strawberry.Parent[Project], info: Info, first: First = 20, after: After = None
) -> Connection[views.Connection]:
    """The project's connections, newest first."""
    key = (root.id, page_request(first, after))
    return connection_of(await info.context.loaders.project_connections.load(key))


expose_enum(values.Engine, "DatabaseType")
expose_type(values.CsvFormat)
expose_type(values.ConnectionConfig)
expose_type(values.ProbeFinding, name="ConnectionFinding")
expose_type(views.ConnectionTest)
expose_type(views.ConnectionStatus)
expose_type(views.ConnectionMetrics)
CONNECTION = expose_type(views.Connection, project=_project, last_test=_last_test)
"""Later slices hang their edges on it."""
add_edges(PROJECT, connections=_connections)

expose_input(config.CsvFormatInput, "CsvFormatInput")
expose_input(config.ConnectionConfigInput, "ConnectionConfigInput")
expose_input(commands.CredentialsInput, "CredentialsInput")
expose_input(commands.CreateConnection, "CreateConnectionInput")
expose_input(commands.UpdateConnection, "UpdateConnectionInput")
expose_input(commands.UpdateConnectionCredentials, "UpdateConnectionCredentialsInput")
expose_input(commands.TestConnection, "TestConnectionInput")
expose_input(commands.DeleteConnection, "DeleteConnectionInput")


@strawberry.type(description="The connection is as asked.")
class ConnectionSuccess:
    """The connection is as asked."""

    connection: views.Connection = strawberry.field(description="The connection as it is now.")


@strawberry.type(description="The test has been made; whether the connection works, the test itself says.")
class TestConnectionSuccess:
    """The test has been made."""

    connection: views.Connection = strawberry.field(description="The connection with its new status.")
    test: views.ConnectionTest = strawberry.field(description="How the test went, and what to do about it.")


@strawberry.type(description="The connection and its password are gone.")
class DeleteConnectionSuccess:
    """The connection is gone."""

    connection_id: UUID = strawberry.field(description="The id that the connection had.")


CreateConnectionResult = Annotated[ConnectionSuccess | Failure, strawberry.union("CreateConnectionResult")]
UpdateConnectionResult = Annotated[ConnectionSuccess | Failure, strawberry.union("UpdateConnectionResult")]
UpdateConnectionCredentialsResult = Annotated[
    ConnectionSuccess | Failure, strawberry.union("UpdateConnectionCredentialsResult")
]
TestConnectionResult = Annotated[TestConnectionSuccess | Failure, strawberry.union("TestConnectionResult")]
DeleteConnectionResult = Annotated[DeleteConnectionSuccess | Failure, strawberry.union("DeleteConnectionResult")]
