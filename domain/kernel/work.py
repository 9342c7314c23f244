"""The unit of work: one command, one transaction, one commit."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar
from uuid import UUID

from domain.kernel.aggregate import Aggregate
from domain.kernel.messages import Job, Signal
from domain.kernel.scope import Scope

G = TypeVar("G", bound=Aggregate[Any])


class Work(Protocol):
    """What a command handler may do to the world. Nothing of it happens before the commit."""

    @property
    def scope(self) -> Scope:
        """The circumstances of the command."""
        ...

    async def load(self, aggregate: type[G], id_: UUID) -> G:
        """Rebuild an aggregate from its events.

        Raises:
            NotFound: it has none.
        """
        ...

    def add(self, aggregate: Aggregate[Any]) -> None:
        """Store the aggregate's pending events at the commit."""
        ...

    def enqueue(self, job: Job) -> None:
        """Hand a job to the background workers after the commit."""
        ...

    def signal(self, signal: Signal) -> None:
        """Wake live subscribers after the commit."""
        ...


class UnitOfWork(Work, Protocol):
    """A unit of work as the transaction behaviour sees it."""

    async def commit(self) -> None:
        """Append events, update projections, fill the outbox, commit, then flush the outbox.

        Raises:
            ConcurrencyConflict: another command changed one of the aggregates first.
        """
        ...

    async def recall(self, request_name: str, fingerprint: str) -> UUID | None:
        """Return the answer already given under the scope's idempotency key, if any.

        Raises:
            Conflict: the key was used for another request.
        """
        ...

    async def remember(self, request_name: str, fingerprint: str, answer: UUID) -> None:
        """Store an answer under the scope's idempotency key, in this transaction."""
        ...


class OpenWork(Protocol):
    """Opens units of work."""

    def __call__(self, scope: Scope) -> AbstractAsyncContextManager[UnitOfWork]:
        """Open a transaction; leaving it without a commit undoes everything."""
        ...
