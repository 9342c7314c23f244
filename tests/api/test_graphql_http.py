"""GraphQL over HTTP and server-sent events: what the specifications ask, and what comes in hostile or broken."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from tests.support.sample_api import TOKEN, sample_app

if TYPE_CHECKING:
    from collections.abc import Iterator

GRAPHQL_JSON = "application/graphql-response+json"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(sample_app()) as client:
        yield client


def code(body: dict[str, list[dict[str, dict[str, str]]]]) -> str:
    (error,) = body["errors"]
    return error["extensions"]["code"]


@pytest.mark.parametrize("accept", [GRAPHQL_JSON, "application/json", "*/*", f"{GRAPHQL_JSON}, application/json;q=0.9"])
def test_an_operation_is_answered_in_the_media_type_the_client_names(client: TestClient, accept: str) -> None:
    answer = client.post("/graphql", json={"query": "{ health }"}, headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.json() == {"data": {"health": "ok"}}
    media_type = GRAPHQL_JSON if GRAPHQL_JSON in accept else "application/json"
    assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"


@pytest.mark.parametrize(
    "body",
    [
        {"query": "{ health"},
        {"query": "{ nothing }"},
        {"query": "mutation M($n: Int!) { double(number: $n) }", "variables": {"n": "two"}},
        {"query": "{ health" + " @a" * 9 + " }"},
    ],
)
def test_a_request_of_which_nothing_ran_has_no_data_and_status_400_in_the_new_media_type_only(
    client: TestClient, body: dict[str, object]
) -> None:
    answer = client.post("/graphql", json=body, headers={"Accept": GRAPHQL_JSON})
    assert answer.status_code == 400
    assert answer.json().keys() == {"errors"}
    answer = client.post("/graphql", json=body, headers={"Accept": "application/json"})
    assert answer.status_code == 200
    assert answer.json().keys() == {"errors"}


def test_an_operation_that_ran_and_failed_has_data_and_status_200(client: TestClient) -> None:
    answer = client.post("/graphql", json={"query": "{ viewer }"}, headers={"Accept": GRAPHQL_JSON})
    assert answer.status_code == 200
    assert answer.json()["data"] is None
    assert answer.json()["errors"][0]["path"] == ["viewer"]


def test_the_token_of_the_request_reaches_the_resolver(client: TestClient) -> None:
    answer = client.post("/graphql", json={"query": "{ viewer }"}, headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.json() == {"data": {"viewer": "somebody"}}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_only_post_is_answered(client: TestClient, method: str) -> None:
    answer = client.request(method, "/graphql?query={health}")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/plain; application/json",
        "application/jsonx",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
    ],
)
def test_a_body_that_is_not_declared_as_json_is_refused_so_that_no_form_of_another_site_gets_in(
    client: TestClient, content_type: str
) -> None:
    answer = client.post("/graphql", content=b'{"query":"{ health }"}', headers={"Content-Type": content_type})
    assert answer.status_code == 415
    assert code(answer.json()) == "VALIDATION_FAILED"


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", 'Application/JSON; charset="UTF-8"'])
def test_json_in_utf_8_is_taken_however_it_is_written(client: TestClient, content_type: str) -> None:
    answer = client.post("/graphql", content=b'{"query":"{ health }"}', headers={"Content-Type": content_type})
    assert answer.json() == {"data": {"health": "ok"}}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"5",
        b'"{ health }"',
        b'[{"query":"{ health }"}]',
        b"[" * 100_000,
        b'{"query":"{ health }","variables":{"n":' + b"9" * 5000 + b"}}",
        b'{"query":"\xff"}',
        b'{"query":5}',
        b"{}",
        b'{"query":"{ health }","variables":[]}',
        b'{"query":"{ health }","extensions":1}',
        b'{"query":"{ health }","operationName":["x"]}',
        b'{"query":"query A { health } query B { health }","operationName":"C"}',
        b'{"query":"fragment f on Query { health }"}',
    ],
)
def test_a_body_that_is_no_operation_is_refused_with_status_400(client: TestClient, body: bytes) -> None:
    answer = client.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert code(answer.json()) == "VALIDATION_FAILED"
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


def test_a_subscription_is_not_answered_by_one_document(client: TestClient) -> None:
    answer = client.post("/graphql", json={"query": "subscription { steps(stream: 1) { sequence } }"})
    assert answer.status_code == 406
    assert "text/event-stream" in answer.json()["errors"][0]["message"]


def test_a_body_beyond_256_kib_is_refused_declared_or_not(client: TestClient) -> None:
    body = json.dumps({"query": "{ health }", "variables": {"text": "x" * 256 * 1024}}).encode()
    assert client.post("/graphql", content=body, headers={"Content-Type": "application/json"}).status_code == 413
    halves = iter((body[:1000], body[1000:]))
    assert client.post("/graphql", content=halves, headers={"Content-Type": "application/json"}).status_code == 413


def test_a_request_refused_by_its_context_says_why(client: TestClient) -> None:
    answer = client.post("/graphql", json={"query": "{ health }"}, headers={"X-Flood": "1"})
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "2"
    assert answer.json() == {"errors": [{"message": "Slow down.", "extensions": {"code": "RATE_LIMITED"}}]}


def events(client: TestClient, query: str) -> list[tuple[str, str]]:
    answer = client.post("/graphql", json={"query": query}, headers={"Accept": "text/event-stream"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream"
    assert "\r" not in answer.text
    blocks = [block.split("\n") for block in answer.text.removesuffix("\n\n").split("\n\n")]
    return [(event.removeprefix("event: "), data.removeprefix("data: ")) for event, data in blocks]


def test_a_stream_of_server_sent_events_has_every_event_and_its_end(client: TestClient) -> None:
    sent = events(client, 'subscription { steps(stream: "good") { sequence } }')
    assert [name for name, _ in sent] == ["next"] * 4 + ["complete"]
    assert [json.loads(data)["data"]["steps"]["sequence"] for _, data in sent[:-1]] == [1, 2, 3, 4]


@pytest.mark.parametrize("query", ["subscription { nothing }", "subscription {", "{ viewer }"])
def test_a_failure_is_a_server_sent_event_too(client: TestClient, query: str) -> None:
    first, last = events(client, query)
    assert json.loads(first[1])["errors"]
    assert last == ("complete", "")
