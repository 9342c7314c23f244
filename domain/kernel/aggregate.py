"""Aggregates: the things whose rules commands obey, rebuilt from their own events."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Generic, Self, TypeVar
from uuid import UUID

from domain.kernel.messages import Event

E = TypeVar("E", bound=Event)


class Aggregate(ABC, Generic[E]):
    """Something with an identity and rules. State changes only in `apply`, and only by events."""

    def __init__(self, id_: UUID) -> None:
        self.id = id_
        self.version = 0
        """Number of stored events, which is the version the next append expects."""
        self.pending: list[E] = []

    @abstractmethod
    def apply(self, event: E) -> None:
        """Change the state as the event says. Reads no clock, makes no ids, refuses nothing."""

    def record(self, event: E) -> None:
        """Let a new event happen."""
        self.apply(event)
        self.pending.append(event)

    @classmethod
    def replay(cls, id_: UUID, events: Iterable[E]) -> Self:
        """Rebuild an aggregate from its stored events."""
        aggregate = cls(id_)
        for event in events:
            aggregate.apply(event)
            aggregate.version += 1
        return aggregate
