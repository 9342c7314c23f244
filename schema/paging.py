"""Relay connections over the domain's pages. A cursor is the id of its node."""

from __future__ import annotations

from typing import Annotated, Generic, Protocol, TypeVar
from uuid import UUID

import strawberry

from domain.kernel.errors import ValidationFailed
from domain.kernel.values import Page, PageRequest

FIRST_MAX = 100


class Identified(Protocol):
    """Something with an id."""

    @property
    def id(self) -> UUID:
        """The id."""
        ...


N = TypeVar("N", bound=Identified)

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


@strawberry.type(description="A page of a list, newest first.")
class Connection(Generic[N]):
    """A page of a list, newest first."""

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


def connection_of(page: Page[N]) -> Connection[N]:
    """Show a page as a Relay connection."""
    edges = [Edge(node=item, cursor=str(item.id)) for item in page.items]
    info = PageInfo(has_next_page=page.has_next, end_cursor=edges[-1].cursor if edges else None)
    return Connection(edges=edges, nodes=list(page.items), page_info=info, total_count=page.total)
