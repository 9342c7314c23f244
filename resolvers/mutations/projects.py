"""Fields that change projects."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import strawberry

from domain.kernel.errors import NotFound
from domain.kernel.messages import Command
from domain.projects.commands import AssignUserToProject, CreateProject, UpdateProjectStatus
from schema.context import Info
from schema.projects import AssignUserToProjectResult, CreateProjectResult, ProjectSuccess, UpdateProjectStatusResult

Input = strawberry.argument(description="What is asked.")


async def create_project(info: Info, input: Annotated[CreateProject, Input]) -> CreateProjectResult:  # noqa: A002
    """Make a project in an organisation. You become its owner; it starts as a draft."""
    return await _changed(info, input)


async def update_project_status(
    info: Info,
    input: Annotated[UpdateProjectStatus, Input],  # noqa: A002
) -> UpdateProjectStatusResult:
    """Move a project to another status. Migrations run only in active projects."""
    return await _changed(info, input)


async def assign_user_to_project(
    info: Info,
    input: Annotated[AssignUserToProject, Input],  # noqa: A002
) -> AssignUserToProjectResult:
    """Give a member of the organisation a role in the project."""
    return await _changed(info, input)


async def _changed(info: Info, command: Command[UUID]) -> ProjectSuccess:
    """Send a command that answers with a project's id, and show the project."""
    id_ = await info.context.send(command)
    info.context.loaders.projects.clear_all()
    project = await info.context.loaders.projects.load(id_)
    if project is None:
        raise NotFound(f"There is no project {id_}.")
    return ProjectSuccess(project=project)
