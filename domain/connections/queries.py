"""What can be asked about connections, each query with its handler under it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.connections.ports import ConnectionReader
from domain.connections.views import Connection, ConnectionMetrics, ConnectionStatus, ConnectionTest
from domain.kernel.access import SIGNED_IN, Right, Subject, needs
from domain.kernel.errors import NotFound
from domain.kernel.messages import Query
from domain.kernel.scope import Scope
from domain.kernel.values import Page, PageRequest


@dataclass(frozen=True, kw_only=True)
class GetConnectionsByIds(Query[dict[UUID, Connection]]):
    """Ask for several connections at once; those out of the asker's reach are left out."""

    guard = SIGNED_IN

    ids: tuple[UUID, ...]


@dataclass(frozen=True)
class GetConnectionsByIdsHandler:
    """Reads connections."""

    reader: ConnectionReader

    async def __call__(self, query: GetConnectionsByIds, scope: Scope) -> dict[UUID, Connection]:
        """Return the connections by id."""
        return await self.reader.connections(scope.user_id, query.ids)


@dataclass(frozen=True, kw_only=True)
class GetConnections(Query[Page[Connection]]):
    """Ask for a page of a project's connections."""

    guard = needs(Right.VIEW, Subject.PROJECT, "project_id")

    project_id: UUID
    page: PageRequest = PageRequest()


@dataclass(frozen=True)
class GetConnectionsHandler:
    """Reads a page of connections."""

    reader: ConnectionReader

    async def __call__(self, query: GetConnections, scope: Scope) -> Page[Connection]:
        """Return the page."""
        pages = await self.reader.pages(scope.user_id, (query.project_id,), query.page)
        return pages[query.project_id]


@dataclass(frozen=True, kw_only=True)
class GetConnectionsOfProjects(Query[dict[UUID, Page[Connection]]]):
    """Ask for the same page of the connections of several projects at once."""

    guard = SIGNED_IN

    project_ids: tuple[UUID, ...]
    page: PageRequest


@dataclass(frozen=True)
class GetConnectionsOfProjectsHandler:
    """Reads a page of connections per project."""

    reader: ConnectionReader

    async def __call__(self, query: GetConnectionsOfProjects, scope: Scope) -> dict[UUID, Page[Connection]]:
        """Return the pages by project id; one out of reach has an empty one."""
        return await self.reader.pages(scope.user_id, query.project_ids, query.page)


@dataclass(frozen=True, kw_only=True)
class GetLastTests(Query[dict[UUID, ConnectionTest]]):
    """Ask for the last test of several connections at once."""

    guard = SIGNED_IN

    connection_ids: tuple[UUID, ...]


@dataclass(frozen=True)
class GetLastTestsHandler:
    """Reads last tests."""

    reader: ConnectionReader

    async def __call__(self, query: GetLastTests, scope: Scope) -> dict[UUID, ConnectionTest]:
        """Return the last tests by connection id; untested ones are left out."""
        return await self.reader.last_tests(scope.user_id, query.connection_ids)


@dataclass(frozen=True, kw_only=True)
class GetConnectionStatus(Query[ConnectionStatus]):
    """Ask whether a connection works."""

    guard = needs(Right.VIEW, Subject.CONNECTION, "connection_id")

    connection_id: UUID


@dataclass(frozen=True)
class GetConnectionStatusHandler:
    """Reads a connection and its last test."""

    reader: ConnectionReader

    async def __call__(self, query: GetConnectionStatus, scope: Scope) -> ConnectionStatus:
        """Return the status."""
        id_ = query.connection_id
        connection = (await self.reader.connections(scope.user_id, (id_,))).get(id_)
        if connection is None:
            raise NotFound(f"There is no connection {id_}.")
        tests = await self.reader.last_tests(scope.user_id, (id_,))
        return ConnectionStatus(id_, connection.status, tests.get(id_))


@dataclass(frozen=True, kw_only=True)
class GetConnectionMetrics(Query[ConnectionMetrics]):
    """Ask what the tests of a connection in a span of time add up to."""

    guard = needs(Right.VIEW, Subject.CONNECTION, "connection_id")

    connection_id: UUID
    from_date: datetime
    to_date: datetime


@dataclass(frozen=True)
class GetConnectionMetricsHandler:
    """Adds up tests."""

    reader: ConnectionReader

    async def __call__(self, query: GetConnectionMetrics, scope: Scope) -> ConnectionMetrics:  # noqa: ARG002
        """Return the figures."""
        return await self.reader.metrics(query.connection_id, query.from_date, query.to_date)
