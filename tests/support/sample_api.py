"""A small API on the real transport: enough to try every way in, and streams that go wrong on request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping  # read by Strawberry at run time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import strawberry
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from domain.kernel.errors import Forbidden, RateLimited, Unauthenticated
from infra.graphql_http import GraphQLOverHTTP
from infra.web_pages import BrowsersToPage, page_routes
from resolvers.documents import limited_documents
from resolvers.limits import Limits

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.websockets import WebSocket

TOKEN: Final = "a-token-of-the-sample"
STREAMS: Final = {
    "good": (1, 2, 3, 4),
    "resumed": (3, 4),
    "gap": (1, 2, 4),
    "backwards": (1, 3, 2, 4),
    "twice": (1, 2, 2, 4),
    "cut": (1, 2),
}
"""Sequence numbers that a stream by this name sends; 4 is terminal."""


@dataclass
class SampleContext:
    """What the sample knows of a caller."""

    token: str | None = None
    connection_params: Mapping[str, object] | None = None


Info = strawberry.Info[SampleContext, None]


@strawberry.type
class Event:
    """One step of a stream."""

    sequence: int
    terminal: bool
    succeeded: bool | None = None


@strawberry.type
class Query:
    """What can be asked."""

    @strawberry.field
    def health(self) -> str:
        """Answer without signing in."""
        return "ok"

    @strawberry.field
    def viewer(self, info: Info) -> str:
        """Name the caller."""
        if info.context.token != TOKEN:
            raise Unauthenticated("Sign in.")
        return "somebody"

    @strawberry.field
    def broken(self) -> str:
        """Fail, with no null allowed."""
        raise ValueError("broken")


@strawberry.type
class Mutation:
    """What can be done."""

    @strawberry.mutation
    def double(self, number: int) -> int:
        """Double a number."""
        return number * 2


@strawberry.type
class Subscription:
    """What can be followed."""

    @strawberry.subscription
    async def ticks(self, info: Info, count: int) -> AsyncIterator[int]:
        """Count, for those who are signed in."""
        if info.context.token != TOKEN:
            raise Unauthenticated("Sign in.")
        for number in range(count):
            yield number
            await asyncio.sleep(0)

    @strawberry.subscription
    async def steps(self, stream: strawberry.ID, after: int = 0) -> AsyncIterator[Event]:
        """Send one of `STREAMS`, or `failed` or `silent`."""
        for sequence in STREAMS.get(stream, STREAMS["good"]):
            if sequence > after:
                last = sequence == STREAMS["good"][-1]
                yield Event(sequence=sequence, terminal=last, succeeded=stream != "failed" if last else None)
        if stream == "silent":
            await asyncio.Event().wait()


async def make_context(request: Request | WebSocket) -> SampleContext:
    """Read the token of an HTTP request; a socket's comes later."""
    if "x-flood" in request.headers:
        raise RateLimited("Slow down.", retry_after_s=2.4)
    return SampleContext(token=_token(request.headers))


async def authenticate_socket(context: SampleContext) -> None:
    """Read the token of a socket; an unknown one is refused, none at all is not."""
    context.token = _token(context.connection_params or {})
    if context.token is not None and context.token != TOKEN:
        raise Forbidden("This token is not known.")


def sample_app() -> Starlette:
    """Return the sample as an application."""
    schema = strawberry.Schema(Query, Mutation, Subscription, extensions=[limited_documents(Limits())])
    api = GraphQLOverHTTP(
        schema,
        make_context=make_context,
        authenticate_socket=authenticate_socket,
        allowed_origins=["https://console.example"],
    )
    return Starlette(
        routes=[Route("/graphql", BrowsersToPage(api)), WebSocketRoute("/graphql", api), *page_routes()],
    )


def _token(fields: Mapping[str, object]) -> str | None:
    """Find the bearer token among headers or connection parameters, whose names come in any case."""
    for name, value in fields.items():
        if name.lower() == "authorization" and isinstance(value, str):
            return value.removeprefix("Bearer ")
    return None
