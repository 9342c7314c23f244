"""Streams as the reference clients of both protocols see them, and the watchfulness of our own follower."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.sample_api import TOKEN

if TYPE_CHECKING:
    from tests.conformance.conftest import NodeClients, Outcome

TRANSPORTS = ["ws", "sse"]


async def follow(clients: NodeClients, url: str, transport: str, stream: str, **options: object) -> Outcome:
    document = f'subscription {{ steps(stream: "{stream}") {{ sequence terminal succeeded }} }}'
    options = {"url": f"{url}/graphql", "transport": transport, "document": document, "timeoutS": 20} | options
    return await clients.run("follow.mjs", json.dumps(options))


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_stream_is_followed_to_its_end(clients: NodeClients, sample_url: str, transport: str) -> None:
    outcome = await follow(clients, sample_url, transport, "good")
    assert outcome.exit_code == 0, outcome.stderr
    assert json.loads(outcome.stdout) == {"events": 4, "last": 4}


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_stream_is_resumed_after_a_number(clients: NodeClients, sample_url: str, transport: str) -> None:
    document = 'subscription { steps(stream: "good", after: 2) { sequence terminal succeeded } }'
    outcome = await follow(clients, sample_url, transport, "", document=document, after=2)
    assert json.loads(outcome.stdout) == {"events": 2, "last": 4}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        ("gap", "Between 2 and 4 something is missing."),
        ("backwards", "Between 1 and 3 something is missing."),
        ("twice", "Number 2 came after 2."),
        ("cut", "The stream ended after number 2 without a terminal event."),
        ("failed", "The stream ended in failure: "),
    ],
)
async def test_the_follower_notices_what_is_wrong_with_a_stream(
    clients: NodeClients, sample_url: str, transport: str, stream: str, reason: str
) -> None:
    outcome = await follow(clients, sample_url, transport, stream)
    assert outcome.exit_code == 1
    assert reason in outcome.stderr


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_the_follower_does_not_wait_for_ever(clients: NodeClients, sample_url: str, transport: str) -> None:
    outcome = await follow(clients, sample_url, transport, "silent", timeoutS=0.5)
    assert outcome.exit_code == 1
    assert "The stream has not ended within 0.5 s." in outcome.stderr


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("token", [TOKEN, ""])
async def test_the_token_authorises_a_stream(clients: NodeClients, sample_url: str, transport: str, token: str) -> None:
    # The events of `ticks` are bare numbers, in which the follower finds no end; without a token there are none.
    outcome = await follow(clients, sample_url, transport, "", document="subscription { ticks(count: 1) }", token=token)
    assert ("without a terminal event" if token else "Sign in.") in outcome.stderr
