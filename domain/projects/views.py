"""What clients see of projects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.projects.values import ProjectRole, ProjectStatus


@dataclass(frozen=True)
class Project:
    """A room for migrations."""

    id: UUID
    organization_id: UUID
    name: str
    description: str
    status: ProjectStatus
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class ProjectMember:
    """A user's role in a project."""

    project_id: UUID
    user_id: UUID
    role: ProjectRole
    assigned_at: datetime


@dataclass(frozen=True)
class ProjectFilter:
    """Which projects to list. Conditions that are given must all hold."""

    organization_id: UUID | None = None
    status: ProjectStatus | None = None
    name_contains: str | None = None


@dataclass(frozen=True)
class ProjectActivity:
    """Something that happened in a project. `sequence` rises over everything that happens anywhere."""

    sequence: int
    project_id: UUID
    kind: str
    """The event's name, such as `ConnectionCreated`."""
    subject_id: UUID
    """The project, connection, mapping or migration that it happened to."""
    summary: str
    actor_id: UUID | None
    occurred_at: datetime
