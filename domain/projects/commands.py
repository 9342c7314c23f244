"""What can be done with projects, each command with its handler under it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from annotated_types import Len

from domain.kernel.access import Right, Subject, needs
from domain.kernel.errors import NotFound
from domain.kernel.messages import Command, Signal
from domain.kernel.ports import Clock, Ids
from domain.kernel.work import Work
from domain.projects.aggregate import Actor, Project
from domain.projects.ports import OrganizationDirectory
from domain.projects.values import ProjectRole, ProjectStatus


def activity_signal(project_id: UUID) -> Signal:
    """Return the signal that something has happened in a project."""
    return Signal(topic=f"project:{project_id}")


@dataclass(frozen=True, kw_only=True)
class CreateProject(Command[UUID]):
    """Make a project in an organisation."""

    guard = needs(Right.CREATE_PROJECT, Subject.ORGANIZATION, "organization_id")

    organization_id: UUID
    """The organisation that the project will belong to."""
    name: Annotated[str, Len(1, 100)]
    """1 to 100 letters, digits, hyphens and underscores."""
    description: Annotated[str, Len(0, 500)] = ""
    """What it is for, up to 500 characters."""


@dataclass(frozen=True)
class CreateProjectHandler:
    """Makes the project."""

    ids: Ids
    clock: Clock

    async def __call__(self, command: CreateProject, work: Work) -> UUID:
        """Make the project and return its id."""
        actor = Actor(work.scope.user_id, self.clock.now())
        project = Project.create(self.ids.new(), command.organization_id, command.name, command.description, actor)
        work.add(project)
        return project.id


@dataclass(frozen=True, kw_only=True)
class UpdateProjectStatus(Command[UUID]):
    """Move a project to another status."""

    guard = needs(Right.EDIT, Subject.PROJECT, "project_id")

    project_id: UUID
    """The project's id."""
    new_status: ProjectStatus
    """The status to move to."""


@dataclass(frozen=True)
class UpdateProjectStatusHandler:
    """Moves the project."""

    clock: Clock

    async def __call__(self, command: UpdateProjectStatus, work: Work) -> UUID:
        """Move the project and return its id."""
        project = await work.load(Project, command.project_id)
        project.move_to(command.new_status, Actor(work.scope.user_id, self.clock.now()))
        work.add(project)
        work.signal(activity_signal(project.id))
        return project.id


@dataclass(frozen=True, kw_only=True)
class AssignUserToProject(Command[UUID]):
    """Give a member of the organisation a role in the project."""

    guard = needs(Right.ADMINISTER, Subject.PROJECT, "project_id")

    project_id: UUID
    """The project's id."""
    user_id: UUID
    """A member of the project's organisation."""
    role: ProjectRole
    """The role to give; it replaces the user's present one."""


@dataclass(frozen=True)
class AssignUserToProjectHandler:
    """Assigns the role."""

    clock: Clock
    directory: OrganizationDirectory

    async def __call__(self, command: AssignUserToProject, work: Work) -> UUID:
        """Assign the role and return the project's id."""
        project = await work.load(Project, command.project_id)
        if not await self.directory.is_member(project.organization_id, command.user_id):
            raise NotFound("The organisation has no such member.", path=("userId",))
        project.assign(command.user_id, command.role, Actor(work.scope.user_id, self.clock.now()))
        work.add(project)
        work.signal(activity_signal(project.id))
        return project.id
