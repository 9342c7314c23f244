"""Every request has a handler, a guard and a docstring, and every event a place in the codec."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import domain
from domain.kernel.messages import Command, Event, Query, Request
from infra.db.event_codec import EVENT_TYPES
from tests.support.api import LiveApi


def _defined(base: type[Any]) -> Iterator[type[Any]]:
    """Yield the classes below `base` that the domain defines."""
    for module in walk_packages(domain.__path__, "domain."):
        import_module(module.name)
    pending = [base]
    while pending:
        for class_ in pending.pop().__subclasses__():
            pending.append(class_)
            if class_.__module__.startswith("domain.") and class_ not in (Command, Query):
                yield class_


async def test_every_request_has_a_handler(live_api: LiveApi) -> None:
    bound = live_api.container.mediator.requests

    assert {request.__name__ for request in _defined(Request)} == {request.__name__ for request in bound}


def test_every_event_can_be_read_back() -> None:
    assert {event.__name__ for event in _defined(Event)} == set(EVENT_TYPES)
