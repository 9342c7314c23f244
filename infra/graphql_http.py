"""GraphQL over HTTP, WebSocket and server-sent events, as the specifications of the three ask.

HTTP: POST only, one operation a request, `application/graphql-response+json` for clients that accept it.
WebSocket: `graphql-transport-ws` only. Server-sent events: `graphql-sse`, distinct connections.
Strawberry does most of it; this module adds what it leaves out, and refuses what it leaves open.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from cross_web import AsyncHTTPRequestAdapter, HTTPException, StarletteRequestAdapter  # how Strawberry sees requests
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError, MissingQueryError
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.http.streaming import SSETransport
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.types.graphql import OperationType
from strawberry.types.unset import UnsetType

from domain.kernel.errors import ErrorCode, RateLimited, Refused
from infra.slow_clients import Line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from starlette.types import Receive, Scope, Send
    from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
    from strawberry.schema.base import BaseSchema
    from strawberry.subscriptions.protocols.graphql_transport_ws.types import Message
    from strawberry.types import ExecutionResult

JSON: Final = "application/json"
GRAPHQL_JSON: Final = "application/graphql-response+json"

BODY_BYTES_MAX: Final = 256 * 1024
"""Of a request over HTTP, and of a message over a WebSocket."""

CONNECTION_INIT_TIMEOUT: Final = timedelta(seconds=15)
"""Long enough for the last of a thousand who come back at the same moment."""

OPERATIONS_PER_SOCKET_MAX: Final = 20

STATUS: Final = {ErrorCode.UNAUTHENTICATED: 401, ErrorCode.FORBIDDEN: 403, ErrorCode.RATE_LIMITED: 429}
"""The status of a request that is refused before any operation runs; 400 for other codes."""

CLOSED_FORBIDDEN: Final = 4403
CLOSED_TOO_MANY: Final = 4429
"""Close codes of `graphql-transport-ws`."""


class SocketContext(Protocol):
    """What a context must have for its operations to be authorised over a WebSocket."""

    connection_params: Mapping[str, object] | None
    """What the client sent in `connection_init`; None over HTTP."""


C = TypeVar("C", bound=SocketContext)


class LineFeedSSE(SSETransport):
    """Server-sent events with LF line ends: urql, among others, does not find the end of an event after CRLF."""

    def encode_event(self, event: str, data: str | None = None) -> str:
        """Encode one event; `data` is a single line."""
        return super().encode_event(event, data).replace("\r\n", "\n")

    def encode_comment(self, comment: str) -> str:
        """Encode a comment, which keeps the connection alive."""
        return super().encode_comment(comment).replace("\r\n", "\n")


class JsonRequest(StarletteRequestAdapter):
    """A request whose media type was checked, in whatever letters it was written."""

    @property
    def content_type(self) -> str:
        """The only media type that gets this far."""
        return JSON


class CheckedSocket(BaseGraphQLTransportWSHandler[C, None], Generic[C]):
    """Closes the socket with 4400 on a message of the wrong shape, which would otherwise end it with a traceback."""

    async def handle_task_exception(self, error: Exception) -> None:
        """Log a bug; that a client is gone when an event is sent to it is none."""
        if not isinstance(error, WebSocketDisconnected):
            await super().handle_task_exception(error)

    async def handle_message(self, message: Message) -> None:
        """Check the shape of a message, then handle it."""
        if not _is_well_formed(message):
            await self.handle_invalid_message("Invalid message")
            return
        if message["type"] == "connection_init" and message.get("payload") is None:
            message["payload"] = {}  # null is as good as absent
        await super().handle_message(message)


class GraphQLOverHTTP(GraphQL[C, None], Generic[C]):
    """The API as an ASGI application, for a `Route` and a `WebSocketRoute` at the same path."""

    def __init__(
        self,
        schema: BaseSchema,
        *,
        make_context: Callable[[Request | WebSocket], Awaitable[C]],
        authenticate_socket: Callable[[C], Awaitable[None]],
        allowed_origins: Sequence[str] = (),
        stopping: asyncio.Event | None = None,
    ) -> None:
        """Serve `schema`.

        Args:
            schema: the Strawberry schema.
            make_context: makes the context of one request, or of one socket with all its operations. A `Refused` it
                raises becomes the answer.
            authenticate_socket: called once a socket's `connection_params` have arrived and are in its context. A
                `Refused` it raises closes the socket.
            allowed_origins: origins besides our own whose pages may open sockets, such as `https://console.example`.
            stopping: set when the server begins to stop; streams over HTTP end then.
        """
        super().__init__(
            schema,
            graphql_ide=None,
            allow_queries_via_get=False,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
            connection_init_wait_timeout=CONNECTION_INIT_TIMEOUT,
            max_subscriptions_per_connection=OPERATIONS_PER_SOCKET_MAX,
            allowed_origins=allowed_origins,
        )
        self.request_adapter_class = JsonRequest
        self.stream_transport_classes_by_protocol = {GRAPHQL_SSE_PROTOCOL: LineFeedSSE}
        self.graphql_transport_ws_handler_class = CheckedSocket
        self._make_context = make_context
        self._authenticate_socket = authenticate_socket
        self._stopping = stopping or asyncio.Event()
        self._answer_within_limit = RequestBodyLimitMiddleware(self._answer, max_body_size=BODY_BYTES_MAX)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request or one socket."""
        line = Line(receive, send)
        if scope["type"] == "http":
            with suppress(ClientDisconnect):
                await self._answer_within_limit(scope, receive, line.send)
            return
        socket = WebSocket(scope, receive=line.receive, send=line.send)
        try:
            await self.run(socket)
        except Refused as refusal:
            code = CLOSED_TOO_MANY if isinstance(refusal, RateLimited) else CLOSED_FORBIDDEN
            await socket.close(code, refusal.message)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        request = Request(scope, receive)
        try:
            response = _refused_outright(request) or await self.run(request)
        except HTTPException as refusal:
            response = _error(request, refusal.status_code, refusal.reason, ErrorCode.VALIDATION_FAILED)
        except Refused as refusal:
            response = _error(request, STATUS.get(refusal.code, 400), refusal.message, refusal.code)
            if isinstance(refusal, RateLimited):
                response.headers["Retry-After"] = str(max(1, round(refusal.retry_after_s)))
        if isinstance(response, StreamingResponse):
            await self._stream(response, scope, receive, send)
        else:
            await response(scope, receive, send)

    async def _stream(self, response: Response, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a stream; when the server begins to stop, end it without `complete`, so that its client comes back."""
        sending = asyncio.ensure_future(response(scope, receive, send))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait([sending, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            sending.cancel()
            await asyncio.wait([sending])
        if sending.cancelled():
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            sending.result()

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> C:  # noqa: ARG002
        """Make the context of a request or of a socket."""
        return await self._make_context(request)

    async def on_ws_connect(self, context: C) -> UnsetType:
        """Authenticate a socket when its `connection_params` have arrived; acknowledge it without a payload."""
        try:
            await self._authenticate_socket(context)
        except Refused as refusal:
            raise ConnectionRejectionError({"code": refusal.code.value}) from refusal
        return UnsetType()

    async def execute_single(
        self,
        request: Request,  # noqa: ARG002
        request_adapter: AsyncHTTPRequestAdapter,  # noqa: ARG002
        sub_response: Response,  # noqa: ARG002
        context: C,
        root_value: None,
        request_data: GraphQLRequestData,
    ) -> ExecutionResult:
        """Run a query or a mutation; a subscription cannot be answered by one document."""
        try:
            return await self.schema.execute(
                request_data.query,
                variable_values=request_data.variables,
                context_value=context,
                root_value=root_value,
                operation_name=request_data.operation_name,
                operation_extensions=request_data.extensions,
                allowed_operation_types=(OperationType.QUERY, OperationType.MUTATION),
            )
        except MissingQueryError:
            raise HTTPException(400, "The body has no `query`.") from None
        except CannotGetOperationTypeError as error:
            raise HTTPException(400, error.as_http_error_reason()) from None
        except InvalidOperationTypeError:
            message = "A subscription is answered by a stream: accept text/event-stream, or open a WebSocket."
            raise HTTPException(406, message) from None

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        """Start a response; it remembers the media type that the client accepts."""
        response = await super().get_sub_response(request)
        response.media_type = _media_type(request)
        return response

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """Leave out `data` when no operation ran: it was not parsed, not valid, or its variables did not fit."""
        answer = await super().process_result(request, result)
        if result.data is None and result.errors and all(error.path is None for error in result.errors):
            del answer["data"]
        return answer

    def create_response(
        self, response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse], sub_response: Response
    ) -> Response:
        """Name the media type the client accepts; with the GraphQL one, the status tells whether an operation ran."""
        response = super().create_response(response_data, sub_response)
        response.headers["Content-Type"] = f"{sub_response.media_type}; charset=utf-8"
        if sub_response.media_type == GRAPHQL_JSON and "data" not in response_data and not sub_response.status_code:
            response.status_code = 400
        return response

    def parse_json(self, data: str | bytes) -> Any:  # noqa: ANN401 - any JSON object
        """Parse a body, which must be one JSON object."""
        parsed = super().parse_json(data)
        if not isinstance(parsed, dict):
            raise HTTPException(400, "The body must be one JSON object; operations cannot be sent in batches.")
        return parsed

    def decode_json(self, data: str | bytes) -> object:
        """Parse JSON; what is not UTF-8, nests too deeply or holds an endless number is not JSON for us either."""
        try:
            return super().decode_json(data)
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError) as error:
            raise json.JSONDecodeError(str(error), "", 0) from error


def _refused_outright(request: Request) -> Response | None:
    """Refuse what is not a POST of JSON: no page on another site can send that without asking (CORS)."""
    if request.method != "POST":
        message = "GraphQL operations are sent by POST."
        response = _error(request, 405, message, ErrorCode.VALIDATION_FAILED)
        response.headers["Allow"] = "POST"
        return response
    media_type, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    charset = parameters.partition("charset=")[2].strip(' "')
    if media_type.strip() != JSON or charset not in {"", "utf-8", "utf8"}:
        message = f"Send the operation as {JSON} in UTF-8, and say so in Content-Type."
        return _error(request, 415, message, ErrorCode.VALIDATION_FAILED)
    return None


def _error(request: Request, status_code: int, message: str, code: ErrorCode) -> Response:
    """Return an answer to a request of which no operation ran."""
    body = {"errors": [{"message": message, "extensions": {"code": code.value}}]}
    content_type = f"{_media_type(request)}; charset=utf-8"
    return Response(json.dumps(body), status_code, headers={"Content-Type": content_type})


def _media_type(request: Request | WebSocket) -> str:
    """Choose the media type of the answer: the GraphQL one for clients that name it, otherwise JSON."""
    ranges = request.headers.get("accept", "").lower().split(",")
    return GRAPHQL_JSON if any(one.split(";")[0].strip() == GRAPHQL_JSON for one in ranges) else JSON


def _is_well_formed(message: object) -> bool:
    """Say whether a message has the fields and types that `graphql-transport-ws` gives it."""
    match message:
        case {"type": "subscribe", "id": str(), "payload": {"query": str(), **rest}}:
            return isinstance(rest.get("variables"), dict | None) and isinstance(rest.get("operationName"), str | None)
        case {"type": "complete", "id": str()}:
            return True
        case {"type": "connection_init" | "ping" | "pong"}:
            return True
        case _:
            return False
