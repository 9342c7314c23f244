"""Turning frozen dataclasses into JSON types and back, by pydantic, without a second class."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

_ADAPTERS: dict[object, TypeAdapter[Any]] = {}
"""One adapter per shape that the program has; their number is fixed by the code."""


def adapter(shape: Any) -> TypeAdapter[Any]:  # noqa: ANN401  # a class, a union or an Annotated
    """Return the adapter of a shape, made at its first use."""
    made = _ADAPTERS.get(shape)
    if made is None:
        made = _ADAPTERS[shape] = TypeAdapter(shape)
    return made
