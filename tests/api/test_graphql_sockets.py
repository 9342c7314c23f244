"""GraphQL over WebSocket: who gets in, what is refused, and with which close code."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from tests.support.sample_api import STREAMS, TOKEN, sample_app

if TYPE_CHECKING:
    from collections.abc import Iterator

PROTOCOL = "graphql-transport-ws"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(sample_app()) as client:
        yield client


def open_socket(client: TestClient, **headers: str) -> WebSocketTestSession:
    return client.websocket_connect("/graphql", subprotocols=[PROTOCOL], headers=headers)


def sign_in(socket: WebSocketTestSession, params: dict[str, object] | None = None) -> None:
    socket.send_json({"type": "connection_init", "payload": params})
    assert socket.receive_json() == {"type": "connection_ack"}


def subscribe(socket: WebSocketTestSession, query: str, id_: str = "1") -> None:
    socket.send_json({"type": "subscribe", "id": id_, "payload": {"query": query}})


def close_code(socket: WebSocketTestSession) -> int:
    try:
        while True:
            socket.receive_json()
    except WebSocketDisconnect as closed:
        return closed.code


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
def test_a_subscription_is_authorised_by_the_connection_parameters(client: TestClient, name: str) -> None:
    with open_socket(client) as socket:
        sign_in(socket, {name: f"Bearer {TOKEN}"})
        subscribe(socket, "subscription { ticks(count: 2) }")
        received = [socket.receive_json() for _ in range(3)]
    assert [message.get("payload") for message in received] == [{"data": {"ticks": 0}}, {"data": {"ticks": 1}}, None]
    assert received[-1] == {"id": "1", "type": "complete"}


def test_without_a_token_the_socket_opens_and_the_resolver_refuses(client: TestClient) -> None:
    with open_socket(client) as socket:
        sign_in(socket)
        subscribe(socket, "subscription { ticks(count: 2) }")
        assert socket.receive_json()["payload"]["errors"][0]["message"] == "Sign in."


def test_a_token_that_is_not_known_closes_the_socket(client: TestClient) -> None:
    with open_socket(client) as socket:
        socket.send_json({"type": "connection_init", "payload": {"Authorization": "Bearer stolen"}})
        assert close_code(socket) == 4403


def test_a_context_that_refuses_closes_the_socket(client: TestClient) -> None:
    with open_socket(client, **{"X-Flood": "1"}) as socket:
        assert close_code(socket) == 4429


@pytest.mark.parametrize("protocols", [["graphql-ws"], ["graphql-sse"], []])
def test_other_protocols_are_refused(client: TestClient, protocols: list[str]) -> None:
    with client.websocket_connect("/graphql", subprotocols=protocols) as socket:
        assert close_code(socket) == 4406


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://console.example.evil.example"])
def test_a_page_of_another_site_cannot_open_a_socket(client: TestClient, origin: str) -> None:
    with pytest.raises(WebSocketDisconnect), open_socket(client, Origin=origin):
        pass


@pytest.mark.parametrize("origin", ["https://console.example", "http://testserver"])
def test_our_own_pages_and_those_allowed_can(client: TestClient, origin: str) -> None:
    with open_socket(client, Origin=origin) as socket:
        sign_in(socket)


def test_an_operation_before_the_acknowledgement_closes_the_socket(client: TestClient) -> None:
    with open_socket(client) as socket:
        subscribe(socket, "{ health }")
        assert close_code(socket) == 4401


def test_a_second_initialisation_closes_the_socket(client: TestClient) -> None:
    with open_socket(client) as socket:
        sign_in(socket)
        socket.send_json({"type": "connection_init"})
        assert close_code(socket) == 4429


def test_a_second_operation_of_the_same_name_closes_the_socket(client: TestClient) -> None:
    with open_socket(client) as socket:
        sign_in(socket)
        subscribe(socket, 'subscription { steps(stream: "silent", after: 4) { sequence } }')
        subscribe(socket, "{ health }")
        assert close_code(socket) == 4409


def test_a_socket_that_never_initialises_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.graphql_http.CONNECTION_INIT_TIMEOUT", timedelta(seconds=0.05))
    with TestClient(sample_app()) as client, open_socket(client) as socket:
        assert close_code(socket) == 4408


def test_a_socket_runs_twenty_operations_at_once_and_not_one_more(client: TestClient) -> None:
    with open_socket(client) as socket:
        sign_in(socket)
        for number in range(20):
            subscribe(socket, 'subscription { steps(stream: "silent", after: 4) { sequence } }', str(number))
        subscribe(socket, "{ health }", "one more")
        refusal = {"id": "one more", "type": "error", "payload": [{"message": "Subscription limit reached"}]}
        assert socket.receive_json() == refusal
        socket.send_json({"type": "complete", "id": "0"})
        subscribe(socket, "{ health }", "after one ended")
        assert socket.receive_json()["payload"] == {"data": {"health": "ok"}}


@pytest.mark.parametrize("query", ["{ nothing }", "{ health" + " @a" * 9 + " }", "subscription { nothing }"])
def test_a_document_that_may_not_run_is_answered_by_an_error(client: TestClient, query: str) -> None:
    with open_socket(client) as socket:
        sign_in(socket)
        subscribe(socket, query)
        message = socket.receive_json()
        assert (message["type"], message["id"]) == ("error", "1")
        assert message["payload"]


def test_a_document_that_cannot_be_read_closes_the_socket(client: TestClient) -> None:
    with open_socket(client) as socket:
        sign_in(socket)
        subscribe(socket, "{ health")
        assert close_code(socket) == 4400


MALFORMED: list[Any] = [
    5,
    None,
    "text",
    [],
    {},
    {"type": 5},
    {"type": ["subscribe"]},
    {"type": "next"},
    {"type": "subscribe"},
    {"type": "subscribe", "id": "1"},
    {"type": "subscribe", "id": 1, "payload": {"query": "{ health }"}},
    {"type": "subscribe", "id": ["1"], "payload": {"query": "{ health }"}},
    {"type": "subscribe", "id": "1", "payload": "{ health }"},
    {"type": "subscribe", "id": "1", "payload": {"query": ["{ health }"]}},
    {"type": "subscribe", "id": "1", "payload": {"query": "{ health }", "variables": 5}},
    {"type": "subscribe", "id": "1", "payload": {"query": "{ health }", "operationName": {}}},
    {"type": "complete"},
    {"type": "complete", "id": {}},
    {"type": "connection_init", "payload": 5},
]


@pytest.mark.parametrize("message", MALFORMED, ids=str)
@pytest.mark.parametrize("acknowledged", [True, False])
def test_a_message_of_the_wrong_shape_closes_the_socket(
    client: TestClient,
    message: object,
    acknowledged: bool,
) -> None:
    with open_socket(client) as socket:
        if acknowledged:
            sign_in(socket)
        socket.send_json(message)
        assert close_code(socket) == 4400


@pytest.mark.parametrize("text", ["", "{", "[" * 30_000, "9" * 5000, '{"type":"ping"'])
def test_a_frame_that_is_no_json_closes_the_socket(client: TestClient, text: str) -> None:
    with open_socket(client) as socket:
        socket.send_text(text)
        assert close_code(socket) == 4400


def test_a_binary_frame_closes_the_socket(client: TestClient) -> None:
    with open_socket(client) as socket:
        socket.send_bytes(b'{"type":"ping"}')
        assert close_code(socket) == 4400


@pytest.mark.parametrize("seed", range(10))
def test_messages_in_any_order_end_in_an_answer_or_a_close_code_of_the_protocol(client: TestClient, seed: int) -> None:
    chance = random.Random(seed)
    sound = [
        {"type": "connection_init"},
        {"type": "ping"},
        {"type": "pong"},
        {"type": "subscribe", "id": "1", "payload": {"query": "{ health }"}},
        {"type": "subscribe", "id": "2", "payload": {"query": 'subscription { steps(stream: "good") { sequence } }'}},
        {"type": "complete", "id": "1"},
        {"type": "complete", "id": "2"},
    ]
    for _ in range(20):
        with open_socket(client) as socket:
            for _ in range(chance.randrange(1, 8)):
                socket.send_json(chance.choice(sound if chance.random() < 0.9 else MALFORMED))
            socket.send_json({"type": "nonsense"})
            assert close_code(socket) in {4400, 4401, 4409, 4429}


def test_a_stream_arrives_in_order_and_complete(client: TestClient) -> None:
    with open_socket(client) as socket:
        sign_in(socket)
        subscribe(socket, 'subscription { steps(stream: "good", after: 1) { sequence terminal } }')
        received = [socket.receive_json() for _ in range(len(STREAMS["good"]))]
    assert [message["payload"]["data"]["steps"]["sequence"] for message in received[:-1]] == [2, 3, 4]
    assert received[-1]["type"] == "complete"
