"""The web application: GraphQL over HTTP, WebSocket and SSE, the pages, health and metrics."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.datastructures import State
from starlette.requests import HTTPConnection, Request
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from domain.kernel.errors import Unauthenticated, ValidationFailed
from domain.kernel.failpoints import arm_from
from domain.kernel.scope import Scope
from infra.clock import SystemIds
from infra.container import Container, open_container
from infra.graphql_http import GraphQLOverHTTP
from infra.health import HEALTH_ROUTES
from infra.logs import configure_logging
from infra.settings import Settings, read_settings
from infra.web_pages import BrowsersToPage, page_routes
from resolvers.root import build_schema
from schema.context import Context

IDEMPOTENCY_KEY_CHARS_MAX = 200


def create_app(settings: Settings | None = None) -> Starlette:
    """Return the application; what it holds is opened when the server starts it, and closed when it stops.

    Without settings it is a process of its own, so its environment says what they are. The server sets
    `state.stopping` when it begins to stop.
    """
    if settings is None:
        arm_from(os.environ)
    known = settings or read_settings()
    configure_logging(known)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_container(known) as container:
            app.state.container = container
            yield

    app = Starlette(lifespan=lifespan)
    app.state.stopping = asyncio.Event()
    contexts = Contexts(app.state)
    graphql = GraphQLOverHTTP(
        build_schema(),
        make_context=contexts.make,
        authenticate_socket=contexts.authenticate_socket,
        allowed_origins=known.allowed_origins,
        stopping=app.state.stopping,
    )
    app.router.routes.extend(
        (
            Route("/graphql", BrowsersToPage(graphql)),
            WebSocketRoute("/graphql", graphql),
            *HEALTH_ROUTES,
            *page_routes(),
        )
    )
    return app


@dataclass(frozen=True)
class Contexts:
    """Makes the context of each request and each socket."""

    state: State

    @property
    def _container(self) -> Container:
        container: Container = self.state.container
        return container

    async def make(self, connection: Request | WebSocket) -> Context:
        """Return a context; over HTTP the bearer token of the request says who asks.

        Raises:
            Unauthenticated: there is a token and it is worth nothing.
            ValidationFailed: the idempotency key is too long.
        """
        key = connection.headers.get("idempotency-key", "")
        if len(key) > IDEMPOTENCY_KEY_CHARS_MAX:
            raise ValidationFailed(f"Idempotency-Key has at most {IDEMPOTENCY_KEY_CHARS_MAX} characters.")
        scope = Scope(
            principal=None,
            request_id=SystemIds().new().hex,
            idempotency_key=key,
            client=_client(connection),
        )
        context = Context(self._container.mediator, self._container.feed, self._container.authenticator, scope)
        if isinstance(connection, Request):
            await self._sign_in(context, connection.headers.get("authorization"))
        return context

    async def authenticate_socket(self, context: Context) -> None:
        """Sign a socket in with the token of its connection parameters, if it has one.

        Raises:
            Unauthenticated: there is a token and it is worth nothing.
        """
        params = {name.lower(): value for name, value in (context.connection_params or {}).items()}
        authorization = params.get("authorization")
        await self._sign_in(context, authorization if isinstance(authorization, str) else None)

    async def _sign_in(self, context: Context, authorization: str | None) -> None:
        if not authorization:
            return
        principal = await self._container.authenticator.principal(authorization)
        if principal is None:
            raise Unauthenticated("The access token has ended or is not one of ours. Refresh the session or sign in.")
        context.scope = dataclasses.replace(context.scope, principal=principal)


def _client(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client else "local"
