"""Values of the auth slice."""

from __future__ import annotations

from enum import Enum


class OrganizationRole(Enum):
    """A member's role in an organisation."""

    OWNER = "OWNER"
    """May do everything, in every project."""
    ADMIN = "ADMIN"
    """May make projects and do everything in each."""
    MEMBER = "MEMBER"
    """May do what a role in a project allows."""
