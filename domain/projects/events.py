"""What has happened to projects."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain.kernel.messages import Event
from domain.projects.values import ProjectRole, ProjectStatus


@dataclass(frozen=True, kw_only=True)
class ProjectCreated(Event):
    """A project was made in an organisation."""

    project_id: UUID
    organization_id: UUID
    name: str
    description: str
    created_by: UUID


@dataclass(frozen=True, kw_only=True)
class ProjectStatusChanged(Event):
    """A project has moved to another status."""

    project_id: UUID
    old_status: ProjectStatus
    new_status: ProjectStatus
    changed_by: UUID


@dataclass(frozen=True, kw_only=True)
class UserAssignedToProject(Event):
    """A user has got a role in a project, the first or another one."""

    project_id: UUID
    user_id: UUID
    role: ProjectRole
    assigned_by: UUID


ProjectEvent = ProjectCreated | ProjectStatusChanged | UserAssignedToProject
EVENTS = (ProjectCreated, ProjectStatusChanged, UserAssignedToProject)
