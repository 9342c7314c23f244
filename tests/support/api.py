"""A live API on loopback, and clients that talk to it as users do."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from websockets.asyncio.client import connect

from infra.app import create_app
from infra.container import Container
from infra.embedded.ports import free_port
from infra.serving import Server
from infra.settings import Settings
from tests.support.cli import url
from tests.support.postgresql import PostgresqlServer
from tests.support.redis import RedisServer

Json = dict[str, Any]


@dataclass(frozen=True)
class LiveApi:
    """A running API."""

    url: str
    app: Starlette

    @property
    def container(self) -> Container:
        """What the running API holds."""
        container: Container = self.app.state.container
        return container

    def client(self, token: str = "") -> ApiClient:
        """Return a client, signed in if there is a token."""
        return ApiClient(self.url, token)

    async def signed_in(self) -> ApiClient:
        """Sign a new user up and in."""
        return await signed_in(self.url)


class ApiClient:
    """One user's way into the API."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token
        self.refresh_token = ""
        self.email = ""
        self.user_id = ""

    async def post(self, document: str, variables: Json | None = None, **headers: str) -> httpx2.Response:
        """Send a document over HTTP."""
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        # Nothing here is TLS, and the authorities of the machine take longer to read than most requests.
        async with httpx2.AsyncClient(timeout=30, verify=False) as http:
            body = {"query": document, "variables": variables or {}}
            return await http.post(f"{self.url}/graphql", json=body, headers=headers)

    async def ask(self, document: str, **variables: Any) -> Json:
        """Run a query and return its data; there must be no errors."""
        answer: Json = (await self.post(document, variables)).json()
        assert "errors" not in answer, answer
        data: Json = answer["data"]
        return data

    async def refused(self, document: str, **variables: Any) -> Json:
        """Run a query that must fail at the top level, and return its first error's extensions."""
        answer: Json = (await self.post(document, variables)).json()
        assert answer.get("errors"), answer
        extensions: Json = answer["errors"][0]["extensions"]
        return extensions

    async def tell(self, field: str, input_type: str, input_: Json, selection: str = "", **headers: str) -> Json:
        """Run a mutation and return its result: `__typename`, what was selected, and an error's fields."""
        document = (
            f"mutation($input: {input_type}!) {{ {field}(input: $input) "
            f"{{ __typename ... on Error {{ code message path }} {selection} }} }}"
        )
        answer: Json = (await self.post(document, {"input": input_}, **headers)).json()
        assert "errors" not in answer, answer
        result: Json = answer["data"][field]
        return result

    async def ok(self, field: str, input_type: str, input_: Json, selection: str = "", **headers: str) -> Json:
        """Run a mutation that must succeed."""
        result = await self.tell(field, input_type, input_, selection, **headers)
        assert "code" not in result, result
        return result

    @asynccontextmanager
    async def follow(self, document: str, **variables: Any) -> AsyncIterator[AsyncIterator[Json]]:
        """Subscribe over a WebSocket; yields an iterator over the data of each event."""
        address = self.url.replace("http://", "ws://") + "/graphql"
        async with connect(address, subprotocols=["graphql-transport-ws"], max_size=None) as socket:  # type: ignore[list-item]  # plain strings are subprotocols
            params = {"Authorization": f"Bearer {self.token}"} if self.token else {}
            await socket.send(_message("connection_init", params))
            assert '"connection_ack"' in str(await socket.recv())
            await socket.send(_message("subscribe", {"query": document, "variables": variables}, "1"))
            yield _events(socket)


async def signed_in(url: str) -> ApiClient:
    """Sign a new user up and in at the API of an address."""
    client = ApiClient(url, "")
    client.email = f"{secrets.token_hex(6)}@example.org"
    name = {"email": client.email, "password": "correct horse battery", "firstName": "Ada", "lastName": "L"}
    registered = await client.ok("registerUser", "RegisterUserInput", name, "... on RegisterUserSuccess { userId }")
    client.user_id = registered["userId"]
    credentials = {"email": client.email, "password": "correct horse battery"}
    answer = await client.ok(
        "signIn", "SignInInput", credentials, "... on SessionSuccess { session { accessToken refreshToken } }"
    )
    client.token, client.refresh_token = answer["session"]["accessToken"], answer["session"]["refreshToken"]
    return client


def _message(kind: str, payload: Json, id_: str | None = None) -> str:

    message = {"type": kind, "payload": payload} | ({"id": id_} if id_ else {})
    return json.dumps(message)


async def _events(socket: Any) -> AsyncIterator[Json]:

    async for text in socket:
        message = json.loads(text)
        match message["type"]:
            case "next":
                assert not message["payload"].get("errors"), message
                yield message["payload"]["data"]
            case "complete":
                return
            case "error":
                raise AssertionError(message)
            case _:
                continue


async def create_project(client: ApiClient) -> str:
    """Found an organisation, make a project in it, activate it, and return its id."""
    founded = await client.ok(
        "createOrganization",
        "CreateOrganizationInput",
        {"name": "Acme"},
        "... on CreateOrganizationSuccess { organization { id } }",
    )
    input_ = {"organizationId": founded["organization"]["id"], "name": f"p-{secrets.token_hex(4)}"}
    selection = "... on ProjectSuccess { project { id } }"
    made = await client.ok("createProject", "CreateProjectInput", input_, selection)
    project_id: str = made["project"]["id"]
    status = {"projectId": project_id, "newStatus": "ACTIVE"}
    await client.ok("updateProjectStatus", "UpdateProjectStatusInput", status, selection)
    return project_id


@asynccontextmanager
async def running_api(postgresql_server: PostgresqlServer, home: Path, **settings: Any) -> AsyncIterator[LiveApi]:
    """Run an API with an empty control store of its own; `settings` go over the usual ones."""
    endpoint = postgresql_server.create_database()
    ours = {"home": home, "database_url": url(endpoint)}
    async with served(Settings.model_validate(ours | settings), drain_s=1) as api:
        yield api
    postgresql_server.drop(endpoint)


@asynccontextmanager
async def served(settings: Settings, drain_s: int | None) -> AsyncIterator[LiveApi]:
    """Run an API, and stop it; requests that are under way are waited for so long, or as long as they take."""
    app, port = create_app(settings), free_port()
    server = Server(app, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=drain_s)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        assert not serving.done(), "the API did not start"
        await asyncio.sleep(0.02)
    yield LiveApi(f"http://127.0.0.1:{port}", app)
    server.should_exit = True
    await serving


@pytest.fixture(scope="session")
async def live_api(
    postgresql_server: PostgresqlServer, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[LiveApi]:
    """A running API with an empty control store of its own."""
    async with running_api(postgresql_server, tmp_path_factory.mktemp("home"), redis_url=redis_server.url) as api:
        yield api
