"""The six behaviours, outermost first: traced, authorized, validated, cached, retried, transaction.

The order is the point. Nobody gets a cached answer before it is known who asks; a retry starts a
new transaction, since the old one is dead; nothing is opened for a request that is not valid.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.kernel.errors import Forbidden, NotFound, Unauthenticated, WherryError
from domain.kernel.mediator import Behavior, Step
from domain.kernel.messages import Command, Query, answer_type
from domain.kernel.ports import Access, Cache, RequestLog, Validator
from domain.kernel.work import OpenWork

Next = Callable[[], Awaitable[Any]]

RETRY_DELAY_S = 0.02


@dataclass(frozen=True)
class Traced:
    """Notes every request by name, request id, duration and outcome; never its contents."""

    log: RequestLog

    async def __call__(self, step: Step, call_next: Next, /) -> Any:  # noqa: ANN401  # any answer
        """Run the next step and note how it went."""
        name, started = type(step.request).__name__, time.monotonic()
        try:
            answer = await call_next()
        except BaseException as error:
            self.log.failed(name, step.scope.request_id, time.monotonic() - started, error)
            raise
        self.log.done(name, step.scope.request_id, time.monotonic() - started)
        return answer


@dataclass(frozen=True)
class Authorized:
    """Lets a request pass only as its guard says."""

    access: Access

    async def __call__(self, step: Step, call_next: Next, /) -> Any:  # noqa: ANN401  # any answer
        """Check the guard.

        Raises:
            Unauthenticated: nobody is signed in.
            NotFound: the guarded object is out of the caller's reach.
            Forbidden: the caller sees the object but lacks the right.
        """
        guard = type(step.request).guard
        if guard.system:
            if not step.scope.system:
                raise Forbidden("Only the system itself may do this.")
        elif not guard.public:
            principal = step.scope.principal
            if principal is None:
                raise Unauthenticated("Sign in first.")
            if guard.right is not None:
                id_ = getattr(step.request, guard.field)
                rights = await self.access.rights(principal.user_id, guard.subject, id_)
                noun = guard.subject.value.lower()
                if not rights:
                    raise NotFound(f"There is no {noun} {id_}.", path=(guard.field,))
                if guard.right not in rights:
                    raise Forbidden(f"Your role on this {noun} does not include {guard.right.value}.")
        return await call_next()


@dataclass(frozen=True)
class Validated:
    """Lets only requests within their declared bounds pass."""

    validator: Validator

    async def __call__(self, step: Step, call_next: Next, /) -> Any:  # noqa: ANN401  # any answer
        """Check the request's fields; what goes on has them in their declared types."""
        step.request = self.validator(step.request)
        return await call_next()


@dataclass(frozen=True)
class Cached:
    """Reuses the answers of queries that allow it. The key includes who asks."""

    cache: Cache

    async def __call__(self, step: Step, call_next: Next, /) -> Any:  # noqa: ANN401  # any answer
        """Return a kept answer or make one."""
        request = step.request
        if not isinstance(request, Query) or not request.cache_s:
            return await call_next()
        principal = step.scope.principal
        who = principal.user_id if principal else "anyone"
        key = f"{who}:{_fingerprint(request)}"
        return await self.cache.get_or_make(key, request.cache_s, answer_type(type(request)), call_next)


@dataclass(frozen=True)
class Retried:
    """Tries a command again when it failed for a reason that may pass by itself."""

    async def __call__(self, step: Step, call_next: Next, /) -> Any:  # noqa: ANN401  # any answer
        """Run the next step up to `attempts` times, with a short growing pause between."""
        request = step.request
        attempts = request.attempts if isinstance(request, Command) else 1
        for attempt in range(1, attempts):
            try:
                return await call_next()
            except WherryError as error:
                if not error.transient:
                    raise
            await asyncio.sleep(RETRY_DELAY_S * attempt)
        return await call_next()


@dataclass(frozen=True)
class Transacted:
    """Runs each command in one transaction and answers a repeated idempotency key as the first time."""

    open_work: OpenWork

    async def __call__(self, step: Step, call_next: Next, /) -> Any:  # noqa: ANN401  # any answer
        """Open, run, commit; undo everything if the handler fails."""
        if not isinstance(step.request, Command):
            return await call_next()
        name = type(step.request).__name__
        keyed = bool(step.scope.idempotency_key) and step.scope.principal is not None
        async with self.open_work(step.scope) as work:
            if keyed:
                known = await work.recall(name, _fingerprint(step.request))
                if known is not None:
                    return known
            step.work = work
            answer = await call_next()
            if keyed and isinstance(answer, UUID):
                await work.remember(name, _fingerprint(step.request), answer)
            await work.commit()
            return answer


def pipeline(
    *, log: RequestLog, access: Access, validator: Validator, cache: Cache, open_work: OpenWork
) -> tuple[Behavior, ...]:
    """Return the six behaviours in their one right order, outermost first."""
    return (
        Traced(log),
        Authorized(access),
        Validated(validator),
        Cached(cache),
        Retried(),
        Transacted(open_work),
    )


def _fingerprint(request: object) -> str:
    """Hash a request's class and fields. Secrets hide in `repr`, so they do not reach the hash."""
    return hashlib.sha256(repr(request).encode()).hexdigest()
