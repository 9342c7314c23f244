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
    """The project's id."""
    organization_id: UUID
    """The organisation it belongs to."""
    name: str
    """The project's name."""
    description: str
    """What it is for."""
    status: ProjectStatus
    """Where it stands."""
    created_at: datetime
    """When it was made."""
    updated_at: datetime
    """When it last changed."""


@dataclass(frozen=True)
class ProjectMember:
    """A user's role in a project."""

    project_id: UUID
    """The project's id."""
    user_id: UUID
    """The user's id."""
    role: ProjectRole
    """The user's role in the project."""
    assigned_at: datetime
    """When the user got this role."""


@dataclass(frozen=True)
class ProjectFilter:
    """Which projects to list. Conditions that are given must all hold."""

    organization_id: UUID | None = None
    """Only projects of this organisation."""
    status: ProjectStatus | None = None
    """Only projects with this status."""
    name_contains: str | None = None
    """Only projects whose name contains this, in any case."""


@dataclass(frozen=True)
class ProjectActivity:
    """Something that happened in a project. `sequence` rises over everything that happens anywhere."""

    sequence: int
    """Its place among everything that happens."""
    project_id: UUID
    """The project's id."""
    kind: str
    """The event's name, such as `ConnectionCreated`."""
    subject_id: UUID
    """The project, connection, mapping or migration that it happened to."""
    summary: str
    """What happened, in a sentence."""
    actor_id: UUID | None
    """Who did it; nobody if a worker did."""
    occurred_at: datetime
    """When it happened."""
