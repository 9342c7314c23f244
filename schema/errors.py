"""Expected failures as GraphQL sees them: members of every mutation's result union."""

from __future__ import annotations

import strawberry

from domain.kernel.errors import ErrorCode
from schema.expose import attribute_docs

strawberry.enum(ErrorCode, description="What went wrong, as a closed list that clients may switch on.")
for _value in ErrorCode.__strawberry_definition__.values:  # type: ignore[attr-defined]  # set by strawberry.enum
    _value.description = attribute_docs(ErrorCode).get(_value.name)


@strawberry.interface(description="An expected failure.")
class Error:
    """What all expected failures have in common."""

    code: ErrorCode = strawberry.field(description="What went wrong, for programs.")
    message: str = strawberry.field(description="What went wrong and what to do, for people.")
    path: list[str] = strawberry.field(description="The input field that caused it, from the outside in.")


@strawberry.type(description="An input is out of its bounds.")
class ValidationError(Error):
    """An input is out of its bounds."""


@strawberry.type(description="No such object within your reach.")
class NotFoundError(Error):
    """No such object within the caller's reach."""


@strawberry.type(description="Your role does not allow this.")
class ForbiddenError(Error):
    """The caller may not do this."""


@strawberry.type(description="The present state of the object forbids this.")
class ConflictError(Error):
    """The state of the object forbids this."""


@strawberry.type(description="A source or target database refused or failed.")
class DatabaseError(Error):
    """A source or target database said no."""


Failure = ValidationError | NotFoundError | ForbiddenError | ConflictError | DatabaseError
