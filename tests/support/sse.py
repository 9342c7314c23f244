"""Subscriptions over server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from tests.support.api import ApiClient

Json = dict[str, Any]


@asynccontextmanager
async def follow_sse(client: ApiClient, document: str, **variables: Any) -> AsyncIterator[AsyncIterator[Json]]:
    """Subscribe over server-sent events; yields an iterator over the data of each event."""
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {client.token}"}
    async with httpx2.AsyncClient(timeout=60) as http:
        body = {"query": document, "variables": variables}
        async with http.stream("POST", f"{client.url}/graphql", json=body, headers=headers) as response:
            assert response.headers["content-type"].startswith("text/event-stream"), await response.aread()
            yield _events(response)


async def _events(response: httpx2.Response) -> AsyncIterator[Json]:
    event = ""
    async for line in response.aiter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            event = value
        if event == "complete":
            return
        if name == "data" and event == "next":
            payload = json.loads(value)
            assert not payload.get("errors"), payload
            yield payload["data"]
