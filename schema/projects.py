"""Projects as GraphQL sees them."""

from __future__ import annotations

from typing import Annotated

import strawberry

from domain.auth.views import User
from domain.projects import commands, views
from schema.context import Info
from schema.errors import Failure
from schema.expose import expose_input, expose_type


async def _members(root: strawberry.Parent[views.Project], info: Info) -> list[views.ProjectMember]:
    """Who has a role in the project."""
    return list(await info.context.loaders.project_members.load(root.id))


async def _user(root: strawberry.Parent[views.ProjectMember], info: Info) -> User | None:
    """The user who has the role."""
    return await info.context.loaders.users.load(root.user_id)


expose_type(views.ProjectMember, user=_user)
PROJECT = expose_type(views.Project, members=_members)
"""Later slices hang their edges on it."""
expose_type(views.ProjectActivity)

expose_input(views.ProjectFilter, "ProjectFilter")
expose_input(commands.CreateProject, "CreateProjectInput")
expose_input(commands.UpdateProjectStatus, "UpdateProjectStatusInput")
expose_input(commands.AssignUserToProject, "AssignUserToProjectInput")


@strawberry.type(description="The project is as asked.")
class ProjectSuccess:
    """The project is as asked."""

    project: views.Project = strawberry.field(description="The project as it is now.")


CreateProjectResult = Annotated[ProjectSuccess | Failure, strawberry.union("CreateProjectResult")]
UpdateProjectStatusResult = Annotated[ProjectSuccess | Failure, strawberry.union("UpdateProjectStatusResult")]
AssignUserToProjectResult = Annotated[ProjectSuccess | Failure, strawberry.union("AssignUserToProjectResult")]
