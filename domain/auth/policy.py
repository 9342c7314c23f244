"""The policy: which role in an organisation carries which rights, as one table."""

from __future__ import annotations

from domain.auth.values import OrganizationRole
from domain.kernel.access import Right

ORGANIZATION_RIGHTS: dict[OrganizationRole, frozenset[Right]] = {
    OrganizationRole.OWNER: frozenset(Right),
    OrganizationRole.ADMIN: frozenset(Right),
    OrganizationRole.MEMBER: frozenset({Right.VIEW}),
}
"""Rights on the organisation itself; those of OWNER and ADMIN hold in all its projects too."""
