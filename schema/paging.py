"""Relay connections over the domain's pages. A cursor is the id of its node, or its place where it has no id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Generic, Protocol, TypeVar
from uuid import UUID

import strawberry

from domain.kernel.errors import ValidationFailed
from domain.kernel.values import Page, PageRequest

FIRST_MAX = 100
PLACE_DIGITS_MAX = 10


class Identified(Protocol):
    """Something with an id."""

    @property
    def id(self) -> UUID:
        """The id."""
        ...


N = TypeVar("N")
T = TypeVar("T", bound=Identified)

First = Annotated[int, strawberry.argument(description="How many to return, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The cursor after which to go on.")]


@strawberry.type(description="Where a page ends.")
class PageInfo:
    """Where a page ends."""

    has_next_page: bool = strawberry.field(description="Whether more items follow.")
    end_cursor: str | None = strawberry.field(description="The last item's cursor, to ask for what follows it.")


@strawberry.type(description="An item of a list and its cursor.")
class Edge(Generic[N]):
    """An item of a list and its cursor."""

    node: N = strawberry.field(description="The item.")
    cursor: str = strawberry.field(description="The item's place in the list.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[N]):
    """A page of a list."""

    edges: list[Edge[N]] = strawberry.field(description="The items with their cursors.")
    nodes: list[N] = strawberry.field(description="The items.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")
    total_count: int = strawberry.field(description="How many items the whole list has.")


def page_request(first: int, after: str | None) -> PageRequest:
    """Read a client's wish for a page.

    Raises:
        ValidationFailed: `first` is not in 1..100 or `after` is no cursor.
    """
    if not 1 <= first <= FIRST_MAX:
        raise ValidationFailed(f"first must be from 1 to {FIRST_MAX}.", path=("first",))
    try:
        return PageRequest(first, UUID(after) if after else None)
    except ValueError:
        raise ValidationFailed("after must be a cursor from an earlier page.", path=("after",)) from None


def place_request(first: int, after: str | None) -> int:
    """Read a client's wish for a page of things without ids: return the place after which to go on, -1 for none.

    Raises:
        ValidationFailed: `first` is not in 1..100 or `after` is no cursor.
    """
    page_request(first, None)
    if after is None:
        return -1
    if not (after.isascii() and after.isdigit() and len(after) < PLACE_DIGITS_MAX):
        raise ValidationFailed("after must be a cursor from an earlier page.", path=("after",))
    return int(after)


def connection_of(page: Page[T]) -> Connection[T]:
    """Show a page as a Relay connection."""
    cursors = [str(item.id) for item in page.items]
    return connection_with(page.items, cursors, has_next=page.has_next, total=page.total)


def connection_at(items: Sequence[N], first: int, after: str | None) -> Connection[N]:
    """Show a part of a whole list as a Relay connection.

    Raises:
        ValidationFailed: `first` is not in 1..100 or `after` is no cursor.
    """
    start = place_request(first, after) + 1
    shown = items[start : start + first]
    cursors = [str(start + offset) for offset in range(len(shown))]
    return connection_with(shown, cursors, has_next=start + first < len(items), total=len(items))


def connection_with(items: Sequence[N], cursors: Sequence[str], *, has_next: bool, total: int) -> Connection[N]:
    """Show items and their cursors as a Relay connection."""
    edges = [Edge(node=item, cursor=cursor) for item, cursor in zip(items, cursors, strict=True)]
    info = PageInfo(has_next_page=has_next, end_cursor=edges[-1].cursor if edges else None)
    return Connection(edges=edges, nodes=list(items), page_info=info, total_count=total)
