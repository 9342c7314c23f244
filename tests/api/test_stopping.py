"""An API that is told to stop: streams end in a way that clients understand, and nobody waits for anything else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx2
import pytest
from websockets.exceptions import ConnectionClosedError

from domain.connections.values import Endpoint
from tests.support.api import ApiClient, LiveApi, served
from tests.support.migrations import EVENTS, MIGRATION, route_from_shop
from tests.support.sse import follow_sse

SERVICE_RESTART = 1012
"""A close code after which clients come back."""


@asynccontextmanager
async def sse_lines(client: ApiClient, id_: str) -> AsyncIterator[AsyncIterator[str]]:
    """Subscribe over server-sent events; yields an iterator over the lines that come."""
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {client.token}"}
    body = {"query": EVENTS, "variables": {"id": id_}}
    async with (
        httpx2.AsyncClient(timeout=60) as http,
        http.stream("POST", f"{client.url}/graphql", json=body, headers=headers) as response,
    ):
        yield response.aiter_lines()


async def test_streams_end_at_once_when_the_server_stops_and_who_comes_back_misses_nothing(
    live_api: LiveApi, postgresql_database: Endpoint
) -> None:
    route = await route_from_shop(live_api, postgresql_database)
    id_ = await route.start()
    settings = live_api.container.settings
    async with asyncio.timeout(60), AsyncExitStack() as streams:
        # Its drain has no end: were a stream waited for, the server would never stop.
        async with served(settings, drain_s=None) as stopped:
            client = ApiClient(stopped.url, route.client.token)
            socket = await streams.enter_async_context(client.follow(EVENTS, id=id_))
            last = (await anext(socket))["migrationEvents"]["sequence"]
            sse = await streams.enter_async_context(sse_lines(client, id_))
            while not (await anext(sse)).startswith("data: "):
                pass

        with pytest.raises(ConnectionClosedError) as closed:
            await anext(socket)
        rest = [line async for line in sse]

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == SERVICE_RESTART
    assert not any(line.startswith("event: complete") for line in rest)
    await route.client.ok("cancelMigration", "CancelMigrationInput", {"migrationId": id_}, MIGRATION)
    async with asyncio.timeout(60), served(settings, drain_s=1) as again:
        client = ApiClient(again.url, route.client.token)
        async with (
            client.follow(EVENTS, id=id_, after=last) as socket,
            follow_sse(client, EVENTS, id=id_, after=last) as events,
        ):
            missed = [(await anext(stream))["migrationEvents"]["sequence"] for stream in (socket, events)]
    assert missed == [last + 1, last + 1]
