"""Values that every slice uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, NewType, TypeVar
from uuid import UUID

T = TypeVar("T")

Rows = NewType("Rows", int)
"""A number of rows; may exceed 32 bits."""

Bytes = NewType("Bytes", int)
"""A number of bytes; may exceed 32 bits."""


class Secret:
    """A text that never shows itself: not in `repr`, not in a log, not in an error.

    `reveal()` is the one way to the text, so every use of a secret can be found by its name.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __bool__(self) -> bool:
        return bool(self._text)

    def __len__(self) -> int:
        return len(self._text)


@dataclass(frozen=True)
class PageRequest:
    """A wish for up to `first` items after the item with id `after`, in falling order of ids (newest first)."""

    first: int = 20
    after: UUID | None = None


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some items of a list, and whether more follow."""

    items: tuple[T, ...]
    has_next: bool
    total: int
