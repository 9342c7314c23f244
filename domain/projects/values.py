"""Values of the projects slice."""

from __future__ import annotations

import re
from enum import Enum

from domain.kernel.access import Right
from domain.kernel.errors import ValidationFailed

_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")


class ProjectStatus(Enum):
    """Where a project stands."""

    DRAFT = "DRAFT"
    """Being prepared."""
    ACTIVE = "ACTIVE"
    """Its migrations may run."""
    COMPLETED = "COMPLETED"
    """Its work is done."""
    ARCHIVED = "ARCHIVED"
    """Kept for reading only."""


TRANSITIONS: dict[ProjectStatus, frozenset[ProjectStatus]] = {
    ProjectStatus.DRAFT: frozenset({ProjectStatus.ACTIVE, ProjectStatus.ARCHIVED}),
    ProjectStatus.ACTIVE: frozenset({ProjectStatus.DRAFT, ProjectStatus.COMPLETED, ProjectStatus.ARCHIVED}),
    ProjectStatus.COMPLETED: frozenset({ProjectStatus.ACTIVE, ProjectStatus.ARCHIVED}),
    ProjectStatus.ARCHIVED: frozenset({ProjectStatus.ACTIVE}),
}
"""The status changes that are allowed."""


class ProjectRole(Enum):
    """A user's role in a project."""

    OWNER = "OWNER"
    """May do everything, and say who belongs to the project."""
    EDITOR = "EDITOR"
    """May change connections, mappings and the status, and run migrations."""
    OPERATOR = "OPERATOR"
    """May run migrations."""
    VIEWER = "VIEWER"
    """May look."""


PROJECT_RIGHTS: dict[ProjectRole, frozenset[Right]] = {
    ProjectRole.OWNER: frozenset({Right.VIEW, Right.OPERATE, Right.EDIT, Right.ADMINISTER}),
    ProjectRole.EDITOR: frozenset({Right.VIEW, Right.OPERATE, Right.EDIT}),
    ProjectRole.OPERATOR: frozenset({Right.VIEW, Right.OPERATE}),
    ProjectRole.VIEWER: frozenset({Right.VIEW}),
}
"""Which role in a project carries which rights there."""


def project_name(text: str) -> str:
    """Return a valid project name.

    Raises:
        ValidationFailed: it is empty, too long, or has characters that names may not have.
    """
    if not _NAME.fullmatch(text):
        raise ValidationFailed(
            "A project name has 1 to 100 characters: letters, digits, hyphens and underscores.", path=("name",)
        )
    return text
