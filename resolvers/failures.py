"""From the domain's errors to what clients get.

An expected failure becomes a member of the mutation's result union. Where a field has no such
union, and for UNAUTHENTICATED and RATE_LIMITED, it is a top-level error with `extensions.code`.
Anything else is a bug: the client gets INTERNAL and the request's id, the log gets the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.extensions import MaskErrors
from strawberry.types import ExecutionContext
from strawberry.types.field import StrawberryField

from domain.kernel import errors as domain
from schema import errors as shown
from schema.context import Context


@dataclass(frozen=True)
class ShownAs:
    """Shows one kind of expected failure as a member of the result union (Strawberry's ExceptionHandler)."""

    exception_type: type[domain.WherryError]
    error_type: type[Any]

    def handle(self, exception: domain.WherryError, *, field: StrawberryField, info: strawberry.Info) -> Any:  # noqa: ANN401, ARG002
        """Return the union member for the failure."""
        return self.error_type(code=exception.code, message=exception.message, path=list(exception.path))


EXPECTED = (
    ShownAs(domain.ValidationFailed, shown.ValidationError),
    ShownAs(domain.NotFound, shown.NotFoundError),
    ShownAs(domain.Forbidden, shown.ForbiddenError),
    ShownAs(domain.Conflict, shown.ConflictError),
    ShownAs(domain.DatabaseError, shown.DatabaseError),
)


class CodedErrors(MaskErrors):
    """Gives every top-level error a code, and takes the text from those that are not meant for clients."""

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        """Return the error as the client may see it."""
        context = self.execution_context.context
        return top_level(error, context.scope.request_id if isinstance(context, Context) else "")


class CalmSchema(strawberry.Schema):
    """A schema that logs bugs, and not the failures that clients are expected to cause."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log what nobody expected."""
        bugs = [
            error
            for error in errors
            if not isinstance(error.original_error, domain.WherryError | GraphQLError | NoneType)
        ]
        super().process_errors(bugs, execution_context)


def top_level(error: GraphQLError, request_id: str) -> GraphQLError:
    """Return the error as the client may see it."""
    cause = error.original_error
    extensions: dict[str, Any] = {**(error.extensions or {}), "requestId": request_id}
    message = error.message
    if isinstance(cause, domain.WherryError):
        extensions["code"] = cause.code.value
        if isinstance(cause, domain.RateLimited):
            extensions["retryAfterMs"] = int(cause.retry_after_s * 1000)
    elif cause is None or isinstance(cause, GraphQLError):
        extensions.setdefault("code", "BAD_REQUEST")  # the document itself is at fault
    else:
        message = "Something went wrong on our side. Quote the requestId when you report it."
        extensions["code"] = domain.ErrorCode.INTERNAL.value
    return GraphQLError(message, nodes=error.nodes, path=error.path, extensions=extensions)
