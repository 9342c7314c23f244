"""Checking requests against the constraints that their fields declare, by pydantic."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from domain.kernel.errors import ValidationFailed
from domain.kernel.messages import Request
from infra.shapes import adapter


class PydanticValidator:
    """Validates requests; one compiled validator per request class."""

    def __call__(self, request: Request[Any]) -> Request[Any]:
        """Return a valid request; name the first bad field otherwise, without repeating its value."""
        try:
            checked: Request[Any] = adapter(type(request)).validate_python(request)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            path = tuple(_camel(str(part)) for part in first["loc"])
            raise ValidationFailed(f"{'.'.join(path)}: {first['msg']}.", path=path) from None
        return checked


def _camel(name: str) -> str:
    """Spell a field's name as the API does."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)
