"""The loaders: each turns many keys into one query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from uuid import UUID

from strawberry.dataloader import DataLoader
from strawberry.extensions import SchemaExtension

from domain.auth.queries import GetUsersByIds
from domain.catalog.queries import GetAnalysesByIds, GetAnalyzedTables, GetLatestAnalyses, GetOutlines
from domain.connections.queries import GetConnectionsByIds, GetConnectionsOfProjects, GetLastTests
from domain.kernel.messages import Query
from domain.kernel.values import Page
from domain.mappings.queries import GetMappingRules, GetMappingsByIds, GetMappingsOfProjects, GetValidations
from domain.migrations.queries import (
    GetLastMigrations,
    GetMigrationsByIds,
    GetMigrationsOfProjects,
    GetRollbackGuarantees,
)
from domain.projects.queries import GetProjectMembers, GetProjectsByIds
from schema.context import Context, Loaders, LoadersAtHand, current_loaders

K = TypeVar("K")
V = TypeVar("V")
Ids = tuple[UUID, ...]


def make_loaders(context: Context) -> Loaders:
    """Return fresh loaders for one operation."""
    return Loaders(
        users=_one(context, lambda ids: GetUsersByIds(ids=ids)),
        projects=_one(context, lambda ids: GetProjectsByIds(ids=ids)),
        project_members=_many(context, lambda ids: GetProjectMembers(project_ids=ids)),
        project_connections=_pages(context, lambda ids, page: GetConnectionsOfProjects(project_ids=ids, page=page)),
        connections=_one(context, lambda ids: GetConnectionsByIds(ids=ids)),
        last_tests=_one(context, lambda ids: GetLastTests(connection_ids=ids)),
        analyses=_one(context, lambda ids: GetAnalysesByIds(ids=ids)),
        latest_analyses=_one(context, lambda ids: GetLatestAnalyses(connection_ids=ids)),
        analyzed_tables=_pages(context, lambda ids, cut: GetAnalyzedTables(analysis_ids=ids, cut=cut)),
        outlines=_sure(context, lambda ids: GetOutlines(analysis_ids=ids)),
        mappings=_one(context, lambda ids: GetMappingsByIds(ids=ids)),
        project_mappings=_pages(context, lambda ids, page: GetMappingsOfProjects(project_ids=ids, page=page)),
        mapping_rules=_many(context, lambda ids: GetMappingRules(mapping_ids=ids)),
        validations=_one(context, lambda ids: GetValidations(mapping_ids=ids)),
        migrations=_one(context, lambda ids: GetMigrationsByIds(ids=ids)),
        last_migrations=_one(context, lambda ids: GetLastMigrations(project_ids=ids)),
        project_migrations=_pages(context, lambda ids, page: GetMigrationsOfProjects(project_ids=ids, page=page)),
        rollback_guarantees=_one(context, lambda ids: GetRollbackGuarantees(migration_ids=ids)),
    )


def _one(context: Context, query: Callable[[Ids], Query[dict[UUID, V]]]) -> DataLoader[UUID, V | None]:
    """Return a loader of single things, by id; nothing where there is none."""

    async def load(keys: list[UUID]) -> list[V | None]:
        found = await context.send(query(tuple(keys)))
        return [found.get(key) for key in keys]

    return DataLoader(load_fn=load)


def _many(
    context: Context, query: Callable[[Ids], Query[dict[UUID, tuple[V, ...]]]]
) -> DataLoader[UUID, tuple[V, ...]]:
    """Return a loader of the things that belong to an id; none at all where there are none."""

    async def load(keys: list[UUID]) -> list[tuple[V, ...]]:
        found = await context.send(query(tuple(keys)))
        return [found.get(key, ()) for key in keys]

    return DataLoader(load_fn=load)


def _sure(context: Context, query: Callable[[Ids], Query[dict[UUID, V]]]) -> DataLoader[UUID, V]:
    """Return a loader of what everything with such an id has."""

    async def load(keys: list[UUID]) -> list[V]:
        found = await context.send(query(tuple(keys)))
        return [found[key] for key in keys]

    return DataLoader(load_fn=load)


def _pages(
    context: Context, query: Callable[[Ids, K], Query[dict[UUID, Page[V]]]]
) -> DataLoader[tuple[UUID, K], Page[V]]:
    """Return a loader of pages of the things that belong to an id; pages of the same cut are one query."""

    async def load(keys: list[tuple[UUID, K]]) -> list[Page[V]]:
        owners: defaultdict[K, list[UUID]] = defaultdict(list)
        for id_, cut in keys:
            owners[cut].append(id_)
        found = {cut: await context.send(query(tuple(ids), cut)) for cut, ids in owners.items()}
        return [found[cut].get(id_, Page((), has_next=False, total=0)) for id_, cut in keys]

    return DataLoader(load_fn=load)


class LoadersPerOperation(SchemaExtension):
    """Gives each operation its own loaders, and each streamed event fresh ones, so nothing stale is shown."""

    def on_operation(self) -> Iterator[None]:
        """Start an operation with empty loaders."""
        self._renew()
        yield

    def on_stream_result(self, result: Any) -> Iterator[None]:  # noqa: ANN401, ARG002  # Strawberry's signature
        """Start the next event with empty loaders."""
        yield
        self._renew()

    def _renew(self) -> None:
        context = self.execution_context.context
        if isinstance(context, Context):
            current_loaders.set(LoadersAtHand(lambda: make_loaders(context)))
