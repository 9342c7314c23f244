"""Fields that make, test and change connections."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry

from domain.connections import commands, views
from domain.kernel.errors import NotFound
from domain.kernel.messages import Command
from schema.connections import (
    ConnectionSuccess,
    CreateConnectionResult,
    DeleteConnectionResult,
    DeleteConnectionSuccess,
    TestConnectionResult,
    TestConnectionSuccess,
    UpdateConnectionCredentialsResult,
    UpdateConnectionResult,
)
from schema.context import Info

Input = strawberry.argument(description="What is asked.")


async def create_connection(
    info: Info,
    input: Annotated[commands.CreateConnection, Input],  # noqa: A002
) -> CreateConnectionResult:
    """Make a connection to a database. Nothing is dialled; send testConnection next."""
    return ConnectionSuccess(connection=await _changed(info, input))


async def update_connection(
    info: Info,
    input: Annotated[commands.UpdateConnection, Input],  # noqa: A002
) -> UpdateConnectionResult:
    """Change a connection. Another host, port, user or protection takes the password anew."""
    return ConnectionSuccess(connection=await _changed(info, input))


async def update_connection_credentials(
    info: Info,
    input: Annotated[commands.UpdateConnectionCredentials, Input],  # noqa: A002
) -> UpdateConnectionCredentialsResult:
    """Give a connection another password."""
    return ConnectionSuccess(connection=await _changed(info, input))


async def test_connection(
    info: Info,
    input: Annotated[commands.TestConnection, Input],  # noqa: A002
) -> TestConnectionResult:
    """Really connect, and say what works and what is missing. A failed test is noted as well."""
    connection = await _changed(info, input)
    info.context.loaders.last_tests.clear_all()
    test = await info.context.loaders.last_tests.load(connection.id)
    if test is None:
        raise NotFound(f"There is no connection {connection.id}.")
    return TestConnectionSuccess(connection=connection, test=test)


async def delete_connection(
    info: Info,
    input: Annotated[commands.DeleteConnection, Input],  # noqa: A002
) -> DeleteConnectionResult:
    """Remove a connection and its password. Refused while something needs it."""
    return DeleteConnectionSuccess(connection_id=await info.context.send(input))


async def _changed(info: Info, command: Command[UUID]) -> views.Connection:
    """Send a command that answers with a connection's id, and return the connection."""
    id_ = await info.context.send(command)
    info.context.loaders.connections.clear_all()
    connection = await info.context.loaders.connections.load(id_)
    if connection is None:
        raise NotFound(f"There is no connection {id_}.")
    return connection
