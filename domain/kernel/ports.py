"""What the kernel needs from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from domain.kernel.access import Right, Subject
from domain.kernel.messages import Request


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present moment, in UTC."""
        ...


class Ids(Protocol):
    """Makes identifiers."""

    def new(self) -> UUID:
        """Return an id that was never given before; ids rise with time (RFC 9562, version 7)."""
        ...


class Access(Protocol):
    """Knows which rights a user holds."""

    async def rights(self, user_id: UUID, subject: Subject, id_: UUID) -> frozenset[Right]:
        """Return the user's rights on an object; none at all if it does not exist or is out of reach."""
        ...


class Cache(Protocol):
    """Keeps answers for a while."""

    async def get_or_make(self, key: str, ttl_s: float, shape: type[Any], make: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401  # an answer of that shape
        """Return the kept answer, or make one and keep it. A broken cache makes every time."""
        ...


class Watch(Protocol):
    """A live subscriber's ear on one topic."""

    async def changed(self, timeout_s: float) -> bool:
        """Return at the next signal (or one that came since the last call), at the latest after the time-out.

        Tells which of the two it was: whether there was a signal.

        Signals may be lost, so a subscriber looks at the state again whenever this returns.
        """
        ...


class Feed(Protocol):
    """Where live subscribers listen."""

    def watch(self, topic: str) -> AbstractAsyncContextManager[Watch]:
        """Listen to a topic. What is read after entering is completed by the signals from then on."""
        ...


class Validator(Protocol):
    """Checks a request against the constraints its fields declare."""

    def __call__(self, request: Request[Any]) -> Request[Any]:
        """Return a valid request with every field in its declared type (where a tuple is declared, no list).

        Raises:
            ValidationFailed: a field is out of its bounds; the path names it.
        """
        ...


class RequestLog(Protocol):
    """Notes requests: names, ids and durations, never what they carry."""

    def done(self, name: str, request_id: str, seconds: float) -> None:
        """Note a request that was answered."""
        ...

    def failed(self, name: str, request_id: str, seconds: float, error: BaseException) -> None:
        """Note a request that failed."""
        ...
