"""The pages a browser gets: the built one, the explanation when it is not built, and the way to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from infra.web_pages import BrowsersToPage, page_routes

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    return tmp_path / "dist"


@pytest.fixture
def browser(dist: Path) -> TestClient:
    api = BrowsersToPage(PlainTextResponse("the API"))
    return TestClient(Starlette(routes=[Route("/graphql", api), *page_routes(dist)]), follow_redirects=False)


def build(dist: Path) -> None:
    (dist / "graphiql").mkdir(parents=True)
    (dist / "graphiql" / "index.html").write_text("<title>GraphiQL</title>")
    (dist / "assets").mkdir()
    (dist / "assets" / "graphiql-B5l50gKF.js").write_text("export {};")


def test_the_page_is_sent_with_a_policy_that_names_no_other_host(browser: TestClient, dist: Path) -> None:
    build(dist)
    answer = browser.get("/graphiql/")
    assert answer.status_code == 200
    assert answer.text == "<title>GraphiQL</title>"
    assert answer.headers["cache-control"] == "no-cache"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert "//" not in policy
    assert "*" not in policy


def test_files_with_a_hash_in_their_name_may_be_kept_for_good(browser: TestClient, dist: Path) -> None:
    build(dist)
    answer = browser.get("/assets/graphiql-B5l50gKF.js")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "content-security-policy" in answer.headers


def test_a_file_that_is_not_there_is_not_kept(browser: TestClient, dist: Path) -> None:
    build(dist)
    answer = browser.get("/assets/graphiql-00000000.js")
    assert answer.status_code == 404
    assert "cache-control" not in answer.headers


def test_files_outside_the_built_folder_stay_out_of_reach(browser: TestClient, dist: Path) -> None:
    build(dist)
    assert browser.get("/assets/%2e%2e/graphiql/index.html").status_code == 404
    assert browser.get("/assets/..%2f..%2f..%2fetc/passwd").status_code == 404


def test_before_the_build_the_page_says_what_to_run(browser: TestClient) -> None:
    answer = browser.get("/graphiql/")
    assert answer.status_code == 503
    assert "make setup" in answer.text
    assert "npm ci &amp;&amp; npm run build" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert browser.get("/assets/any.js").status_code == 404


def test_a_build_made_while_the_server_runs_is_found_without_a_restart(browser: TestClient, dist: Path) -> None:
    assert browser.get("/graphiql/").status_code == 503
    assert browser.get("/assets/graphiql-B5l50gKF.js").status_code == 404
    build(dist)
    assert browser.get("/graphiql/").status_code == 200
    assert browser.get("/assets/graphiql-B5l50gKF.js").status_code == 200


def test_the_address_without_a_slash_leads_to_the_page(browser: TestClient, dist: Path) -> None:
    build(dist)
    assert browser.get("/graphiql", follow_redirects=True).text == "<title>GraphiQL</title>"


def test_behind_a_proxy_with_a_path_the_redirects_stay_below_that_path(dist: Path) -> None:
    build(dist)
    api = BrowsersToPage(PlainTextResponse("the API"))
    inner = Starlette(routes=[Route("/graphql", api), *page_routes(dist)])
    browser = TestClient(Starlette(routes=[Mount("/tools/wherry", inner)]))
    answer = browser.get("/tools/wherry/graphql", headers={"Accept": "text/html"})
    assert answer.text == "<title>GraphiQL</title>"
    assert answer.url.path == "/tools/wherry/graphiql/"


def test_a_browser_that_opens_the_api_is_led_to_the_page(browser: TestClient) -> None:
    answer = browser.get("/graphql", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "graphiql/"


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/event-stream", "application/x-text/html"])
def test_a_program_that_opens_the_api_is_not_led_away(browser: TestClient, accept: str) -> None:
    assert browser.get("/graphql", headers={"Accept": accept}).text == "the API"
    assert browser.post("/graphql", headers={"Accept": accept}).text == "the API"
