"""What every resolver finds in `info.context`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeVar
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from domain.auth.views import User
from domain.catalog.model import DatabaseSchema
from domain.catalog.views import PlacedTable, SchemaAnalysis, TableCut
from domain.connections.views import Connection, ConnectionTest
from domain.kernel.errors import Unauthenticated
from domain.kernel.mediator import Mediator
from domain.kernel.messages import Request
from domain.kernel.ports import Feed
from domain.kernel.scope import Principal, Scope
from domain.kernel.values import Page, PageRequest
from domain.mappings.values import TableMapping
from domain.mappings.views import SchemaMapping, SchemaValidation
from domain.migrations.rollback import RollbackGuarantee
from domain.migrations.views import Migration
from domain.projects.views import Project, ProjectMember

A = TypeVar("A")


@dataclass(frozen=True)
class Loaders:
    """Batched reads, one loader per way of asking. They live for one operation, or one streamed event."""

    users: DataLoader[UUID, User | None]
    projects: DataLoader[UUID, Project | None]
    project_members: DataLoader[UUID, tuple[ProjectMember, ...]]
    project_connections: DataLoader[tuple[UUID, PageRequest], Page[Connection]]
    connections: DataLoader[UUID, Connection | None]
    last_tests: DataLoader[UUID, ConnectionTest | None]
    analyses: DataLoader[UUID, SchemaAnalysis | None]
    latest_analyses: DataLoader[UUID, SchemaAnalysis | None]
    analyzed_tables: DataLoader[tuple[UUID, TableCut], Page[PlacedTable]]
    outlines: DataLoader[UUID, DatabaseSchema]
    mappings: DataLoader[UUID, SchemaMapping | None]
    project_mappings: DataLoader[tuple[UUID, PageRequest], Page[SchemaMapping]]
    mapping_rules: DataLoader[UUID, tuple[TableMapping, ...]]
    validations: DataLoader[UUID, SchemaValidation | None]
    migrations: DataLoader[UUID, Migration | None]
    last_migrations: DataLoader[UUID, Migration | None]
    project_migrations: DataLoader[tuple[UUID, PageRequest], Page[Migration]]
    rollback_guarantees: DataLoader[UUID, RollbackGuarantee | None]


class LoadersAtHand:
    """Loaders that are made when the first of them is used; most streamed events use none."""

    def __init__(self, make: Callable[[], Loaders]) -> None:
        self._make = make

    @cached_property
    def loaders(self) -> Loaders:
        """The loaders."""
        return self._make()


current_loaders: ContextVar[LoadersAtHand] = ContextVar("current_loaders")
"""A WebSocket has one context for all its operations, so the loaders cannot live there."""


class Sessions(Protocol):
    """Knows which sessions go on."""

    async def is_alive(self, principal: Principal) -> bool:
        """Tell whether the session that a principal came with goes on."""
        ...


@dataclass
class Context:
    """One HTTP request's, or one WebSocket's, way into the system."""

    mediator: Mediator
    feed: Feed
    sessions: Sessions
    scope: Scope
    connection_params: Mapping[str, object] | None = None
    """What a WebSocket's client sent in `connection_init`; nothing over HTTP."""

    @property
    def loaders(self) -> Loaders:
        """The running operation's loaders."""
        return current_loaders.get().loaders

    async def send(self, request: Request[A]) -> A:
        """Send a message on behalf of the caller."""
        return await self.mediator.send(request, self.scope)

    async def require_session(self) -> None:
        """Let a stream go on only as long as the session that it began with.

        Raises:
            Unauthenticated: the session has ended.
        """
        if self.scope.principal is not None and not await self.sessions.is_alive(self.scope.principal):
            raise Unauthenticated("The session has ended. Sign in again.")


Info = strawberry.Info[Context, Any]
