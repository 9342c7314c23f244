"""The mediator: finds a request's handler and runs it inside the behaviours.

A behaviour is an async callable that gets the request, its scope and the next step. Behaviours
are folded around the handler, the first of the list outermost, as MediatR and ASGI middleware do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from domain.kernel.messages import Binding, Command, Request
from domain.kernel.scope import Scope
from domain.kernel.work import UnitOfWork

A = TypeVar("A")


@dataclass
class Step:
    """A request on its way through the behaviours."""

    request: Request[Any]
    scope: Scope
    work: UnitOfWork | None = field(default=None)
    """The open transaction, once the transaction behaviour has opened it."""


class Behavior(Protocol):
    """One layer around every handler."""

    async def __call__(self, step: Step, call_next: Callable[[], Awaitable[Any]], /) -> Any:  # noqa: ANN401  # any answer
        """Do something before and after, or instead of, the next step."""
        ...


class Mediator:
    """Sends each request to its one handler."""

    def __init__(self, bindings: Iterable[Binding], behaviors: Sequence[Behavior]) -> None:
        self._handlers: dict[type[Request[Any]], Callable[[Any, Any], Awaitable[Any]]] = {}
        for binding in bindings:
            if binding.request in self._handlers:
                raise ValueError(f"{binding.request.__name__} is bound twice")
            if not hasattr(binding.request, "guard"):
                raise ValueError(f"{binding.request.__name__} does not say who may send it")
            self._handlers[binding.request] = binding.handler
        self._behaviors = tuple(behaviors)

    @property
    def requests(self) -> frozenset[type[Request[Any]]]:
        """The request classes that have a handler."""
        return frozenset(self._handlers)

    async def send(self, request: Request[A], scope: Scope) -> A:
        """Answer a request.

        Raises:
            WherryError: the request was refused or failed, as its code tells.
        """
        step = Step(request, scope)
        handler = self._handlers[type(request)]

        async def handle() -> Any:  # noqa: ANN401  # any answer
            return await handler(step.request, step.work if isinstance(request, Command) else scope)

        call: Callable[[], Awaitable[Any]] = handle
        for behavior in reversed(self._behaviors):
            call = _around(behavior, step, call)
        answer: A = await call()
        return answer


def _around(behavior: Behavior, step: Step, call_next: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
    async def call() -> Any:  # noqa: ANN401  # any answer
        return await behavior(step, call_next)

    return call
