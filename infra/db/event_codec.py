"""How events are written to the log and read back, across versions of their shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from domain.auth import events as auth
from domain.catalog import events as catalog
from domain.connections import events as connections
from domain.kernel.messages import Event
from domain.mappings import events as mappings
from domain.migrations import events as migrations
from domain.projects import events as projects
from infra.shapes import adapter

SLICES = (auth, projects, connections, catalog, mappings, migrations)

EVENT_TYPES: dict[str, type[Event]] = {type_.__name__: type_ for slice_ in SLICES for type_ in slice_.EVENTS}
"""Every event class by the name it is stored under."""

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
UPCASTERS: dict[tuple[str, int], Upcaster] = {}
"""What turns the data of an old version into that of the next, by event name and old version."""


def encode(event: Event) -> dict[str, Any]:
    """Return an event's data as JSON types."""
    data: dict[str, Any] = adapter(type(event)).dump_python(event, mode="json")
    return data


def decode(name: str, version: int, data: dict[str, Any]) -> Event:
    """Read an event back, lifting old versions to the present shape.

    Raises:
        ValueError: a newer release of Wherry wrote it.
    """
    type_ = EVENT_TYPES.get(name)
    if type_ is None or version > type_.version:
        raise ValueError(f"event {name} version {version} was written by a newer release of Wherry: upgrade first")
    while version < type_.version:
        data = UPCASTERS[name, version](data)
        version += 1
    event: Event = adapter(type_).validate_python(data)
    return event
