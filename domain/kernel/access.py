"""Who may do what: roles, the rights they carry, and the guard that every request declares."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Right(Enum):
    """One thing a principal may be allowed to do with an organisation or a project."""

    VIEW = "VIEW"
    """See the project and everything in it."""
    OPERATE = "OPERATE"
    """Test connections, analyse schemas, start and stop migrations."""
    EDIT = "EDIT"
    """Create and change connections, mappings and the project's status."""
    ADMINISTER = "ADMINISTER"
    """Say who belongs to the project, and with which role."""
    CREATE_PROJECT = "CREATE_PROJECT"
    """Make projects in the organisation."""


class Subject(Enum):
    """What a request's guarded id names."""

    ORGANIZATION = "ORGANIZATION"
    PROJECT = "PROJECT"
    CONNECTION = "CONNECTION"
    ANALYSIS = "ANALYSIS"
    MAPPING = "MAPPING"
    MIGRATION = "MIGRATION"


@dataclass(frozen=True)
class Guard:
    """The condition under which a request may run.

    Without `right` any signed-in principal may send it, and the readers show only what is theirs.
    With `right` the principal must hold it on the object of kind `subject` whose id stands in the
    request's field `field`; an object out of reach is reported as not found. What is for the
    `system` alone no user may send, whatever rights the user holds.
    """

    public: bool = False
    system: bool = False
    right: Right | None = None
    subject: Subject = Subject.PROJECT
    field: str = ""


PUBLIC = Guard(public=True)
SIGNED_IN = Guard()
SYSTEM = Guard(system=True)


def needs(right: Right, subject: Subject, field: str) -> Guard:
    """Return the guard that asks for a right on the object named by a field of the request."""
    return Guard(right=right, subject=subject, field=field)
