"""Messages: commands change something, queries only look, events tell what happened.

A request class declares what it needs as data (`guard`, `cache_s`, `attempts`); the behaviours of
`domain.kernel.behaviors` read it. `handled_by` binds a request class to its handler and lets the
type checker prove that the handler takes that request and gives its answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, get_args, get_origin
from uuid import UUID

from domain.kernel.access import Guard

if TYPE_CHECKING:
    from domain.kernel.scope import Scope
    from domain.kernel.work import Work

A_co = TypeVar("A_co", covariant=True)


class Request(Generic[A_co]):
    """Something asked of the system; `A_co` is the type of its answer."""

    __pydantic_config__: ClassVar[dict[str, object]] = {
        "arbitrary_types_allowed": True,
        "revalidate_instances": "always",
    }
    """How the validator reads a request: fields may be of our own classes, and made ones are checked again."""

    guard: ClassVar[Guard]
    """Who may send it. There is no default: a request without a guard cannot be bound."""


class Command(Request[A_co]):
    """A wish to change something. Runs in one transaction, which its handler gets as `Work`."""

    attempts: ClassVar[int] = 3
    """How often a command is tried when it fails for a transient reason."""

    @classmethod
    def handled_by(cls, handler: Callable[[Self, Work], Awaitable[A_co]]) -> Binding:
        """Bind this command to its handler."""
        return Binding(cls, handler)


class Query(Request[A_co]):
    """A question. Its handler gets no transaction, so it cannot write."""

    cache_s: ClassVar[float] = 0
    """How long an answer may be reused for the same principal; 0 means never."""

    @classmethod
    def handled_by(cls, handler: Callable[[Self, Scope], Awaitable[A_co]]) -> Binding:
        """Bind this query to its handler."""
        return Binding(cls, handler)


def answer_type(request: type[Request[Any]]) -> Any:  # noqa: ANN401  # a class, a union or a generic
    """Return the type that a request class declares for its answer."""
    return next(
        get_args(base)[0]
        for class_ in request.__mro__
        for base in getattr(class_, "__orig_bases__", ())
        if get_origin(base) in (Command, Query)
    )


@dataclass(frozen=True)
class Binding:
    """A request class and the one handler that answers it."""

    request: type[Request[Any]]  # the answer type differs from binding to binding
    handler: Callable[[Any, Any], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Event:
    """A fact: something that happened to one aggregate, at a time that the command's clock gave.

    Facts are complete: replaying a stream of them gives the whole aggregate back. A class whose
    shape changes raises `version` and leaves an upcaster for the old one.
    """

    version: ClassVar[int] = 1

    occurred_at: datetime


@dataclass(frozen=True, kw_only=True)
class Job:
    """Work for a background worker. `key` makes it unique: a second one with the same key is dropped."""

    key: str
    name: str
    subject: UUID


@dataclass(frozen=True, kw_only=True)
class Signal:
    """A hint to live subscribers that something of a topic has changed. Never stored; may be lost."""

    topic: str
