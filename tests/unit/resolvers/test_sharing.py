"""What a document makes of an event is made once for all who ask the same, and only for them."""

from __future__ import annotations

from collections.abc import AsyncIterator  # read by Strawberry at run time
from typing import Any

import pytest
import strawberry

from domain.migrations.views import MigrationFrame, MigrationLogEntry
from resolvers.documents import limited_documents
from resolvers.limits import Limits
from resolvers.root import build_schema
from resolvers.sharing import sharing

ALL = "subscription Follow($after: Int! = -1) { events(after: $after) { number seen } }"


@strawberry.type
class Event:
    number: int

    @strawberry.field
    def seen(self) -> int:
        """Count how often it was shown."""
        made.append(self.number)
        return self.number


@strawberry.type
class Other:
    """An event of a kind that is not shared."""

    number: int

    @strawberry.field
    def seen(self) -> int:
        """Count how often it was shown."""
        made.append(self.number)
        return self.number


@strawberry.type
class Query:
    health: str = "ok"


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def events(self, after: int = -1) -> AsyncIterator[Event]:
        for event in EVENTS:
            if event.number > after:
                yield event

    @strawberry.subscription
    async def others(self) -> AsyncIterator[Other]:
        yield OTHER


EVENTS, OTHER = tuple(Event(number=number) for number in range(3)), Other(number=7)
made: list[int] = []


@pytest.fixture
def schema() -> strawberry.Schema:
    made.clear()
    extensions = [limited_documents(Limits())]
    return strawberry.Schema(
        Query, None, Subscription, extensions=extensions, execution_context_class=sharing((Event,))
    )


async def told(schema: strawberry.Schema, document: str, **variables: Any) -> list[Any]:
    return [result.data async for result in await schema.subscribe(document, variable_values=variables)]


async def test_subscribers_with_the_same_document_share_what_is_made_of_each_event(schema: strawberry.Schema) -> None:
    first, second = await told(schema, ALL), await told(schema, ALL)
    later = await told(schema, ALL, after=1)

    assert first == second == [{"events": {"number": n, "seen": n}} for n in range(3)]
    assert later == first[2:]
    assert made == [0, 1, 2]


async def test_another_document_gets_what_it_asks_for(schema: strawberry.Schema) -> None:
    await told(schema, ALL)

    assert await told(schema, "subscription { events(after: 1) { n: number } }") == [{"events": {"n": 2}}]


@pytest.mark.parametrize(
    "selection",
    ["number @include(if: $yes) seen", "...on Event { number @include(if: $yes) } seen", "...Part seen"],
)
async def test_what_depends_on_a_variable_is_made_for_each(schema: strawberry.Schema, selection: str) -> None:
    part = "fragment Part on Event { number @include(if: $yes) }" if "Part" in selection else ""
    document = f"subscription($yes: Boolean!) {{ events(after: 1) {{ {selection} }} }} {part}"

    assert await told(schema, document, yes=True) == [{"events": {"number": 2, "seen": 2}}]
    assert await told(schema, document, yes=False) == [{"events": {"seen": 2}}]
    assert made == [2, 2]


async def test_events_of_other_kinds_are_made_for_each(schema: strawberry.Schema) -> None:
    for _ in range(2):
        await told(schema, "subscription { others { seen } }")

    assert made == [7, 7]


def test_the_events_that_are_shared_are_values_all_the_way_down() -> None:
    converter = build_schema().schema_converter.type_map
    shown = {getattr(entry.definition, "origin", None): entry.definition for entry in converter.values()}
    waiting: list[Any] = [MigrationFrame, MigrationLogEntry]
    seen = set()
    while waiting:
        kind = waiting.pop()
        seen.add(kind)
        for field in getattr(shown.get(kind), "fields", ()):
            assert field.base_resolver is None, f"{kind.__name__}.{field.name} looks at more than the event"
            inner = field.type
            while hasattr(inner, "of_type"):
                inner = inner.of_type
            if inner in shown and inner not in seen:
                waiting.append(inner)
    assert len(seen) > 5
