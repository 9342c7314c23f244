"""A client of the API as any program would be one: HTTP for questions, a WebSocket for what goes on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from domain.kernel.errors import WherryError

PROTOCOL = Subprotocol("graphql-transport-ws")
TIMEOUT_S = 120

Json = dict[str, Any]


class ApiFailed(WherryError):
    """The API refused or failed."""


class Client:
    """A session with the API."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.token = ""

    async def ask(self, document: str, variables: Json | None = None) -> Json:
        """Run a query or a mutation and return its data.

        Raises:
            ApiFailed: it was refused.
        """
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with httpx2.AsyncClient(timeout=TIMEOUT_S) as http:
            body = {"query": document, "variables": variables or {}}
            answer: Json = (await http.post(f"{self._url}/graphql", json=body, headers=headers)).json()
        if "errors" in answer:
            raise ApiFailed(str(answer["errors"][0]["message"]))
        data: Json = answer["data"]
        return data

    async def tell(self, field: str, input_type: str, input_: Json, selection: str) -> Json:
        """Run a mutation and return the fields of its success.

        Raises:
            ApiFailed: the result is an error.
        """
        document = (
            f"mutation($input: {input_type}!) {{ {field}(input: $input) "
            f"{{ ... on Error {{ code message }} {selection} }} }}"
        )
        result: Json = (await self.ask(document, {"input": input_}))[field]
        if "code" in result:
            raise ApiFailed(f"{field}: {result['message']} ({result['code']})")
        return result

    async def follow(self, document: str, variables: Json) -> AsyncIterator[Json]:
        """Subscribe, and yield the data of each event until the server ends the stream.

        Raises:
            ApiFailed: the subscription was refused, or broke off.
        """
        address = "ws" + self._url.removeprefix("http") + "/graphql"
        async with connect(address, subprotocols=[PROTOCOL]) as socket:
            authorization = {"Authorization": f"Bearer {self.token}"}
            await socket.send(json.dumps({"type": "connection_init", "payload": authorization}))
            subscribe = {"query": document, "variables": variables}
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": subscribe}))
            try:
                async for data in _events(socket):
                    yield data
            except ConnectionClosed as closed:
                raise ApiFailed("the API closed the stream before its end") from closed


async def _events(socket: ClientConnection) -> AsyncIterator[Json]:
    async for text in socket:
        message = json.loads(text)
        match message["type"]:
            case "next":
                if "errors" in message["payload"]:
                    raise ApiFailed(str(message["payload"]["errors"][0]["message"]))
                yield message["payload"]["data"]
            case "error":
                raise ApiFailed(str(message["payload"][0]["message"]))
            case "complete":
                return
            case "ping":
                await socket.send(json.dumps({"type": "pong"}))
            case _:
                continue  # connection_ack, pong
    raise ApiFailed("the stream broke off before its end")
