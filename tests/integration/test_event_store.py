"""The event log under competing writers, and the control store's migrations."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from domain.kernel.errors import ConcurrencyConflict
from domain.kernel.scope import Principal, Scope
from domain.projects.aggregate import Actor, Project
from domain.projects.values import ProjectStatus
from infra.clock import SystemClock, SystemIds
from infra.db.tables.registry import metadata
from infra.db.work import SqlWorks
from tests.support.api import LiveApi


async def test_of_many_writers_of_one_version_exactly_one_wins(live_api: LiveApi) -> None:
    container = live_api.container
    works, clock, ids = SqlWorks(container.database, SystemClock(), container.doorbell), SystemClock(), SystemIds()
    user_id, project_id = ids.new(), ids.new()
    scope = Scope(Principal(user_id, ids.new()), "test")
    async with works(scope) as work:
        work.add(Project.create(project_id, ids.new(), "contested", "", Actor(user_id, clock.now())))
        await work.commit()
    barrier = asyncio.Barrier(8)

    async def archive() -> UUID:
        async with works(scope) as work:
            project = await work.load(Project, project_id)
            await barrier.wait()
            project.move_to(ProjectStatus.ARCHIVED, Actor(user_id, clock.now()))
            work.add(project)
            await work.commit()
            return project.id

    outcomes = await asyncio.gather(*(archive() for _ in range(8)), return_exceptions=True)

    assert outcomes.count(project_id) == 1
    assert sum(isinstance(outcome, ConcurrencyConflict) for outcome in outcomes) == 7
    async with works(scope) as work:
        project = await work.load(Project, project_id)
    assert (project.status, project.version) == (ProjectStatus.ARCHIVED, 3)


async def test_work_that_fails_leaves_nothing(live_api: LiveApi) -> None:
    container, ids = live_api.container, SystemIds()
    works, project_id = SqlWorks(container.database, SystemClock(), container.doorbell), ids.new()
    scope = Scope(Principal(ids.new(), ids.new()), "test")

    with pytest.raises(RuntimeError):
        async with works(scope) as work:
            work.add(Project.create(project_id, ids.new(), "lost", "", Actor(scope.user_id, SystemClock().now())))
            raise RuntimeError

    rows = await container.database.rows("SELECT 1 FROM event WHERE stream_id = :id", id=project_id)
    assert not rows


async def test_the_migrations_build_the_tables_that_the_code_describes(live_api: LiveApi) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata()))

    async with live_api.container.database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
