"""The GraphiQL page in a real browser: it works, it keeps no token, and it asks no other machine for anything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.api import create_project
from tests.support.sample_api import TOKEN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conformance.conftest import NodeClients
    from tests.support.api import LiveApi

PNG = b"\x89PNG\r\n\x1a\n"


def is_png(file: Path) -> bool:
    return file.read_bytes().startswith(PNG)


async def browse(
    clients: NodeClients, chromium: Path, url: str, screenshot: Path, token: str, subscription: str, expected: str
) -> dict[str, int]:
    """Run the script; return its summary."""
    options = json.dumps({"token": token, "subscription": subscription, "expected": expected})
    outcome = await clients.run("graphiql.mjs", url, str(screenshot), options, CHROMIUM=str(chromium))
    assert outcome.exit_code == 0, outcome.stderr
    assert is_png(screenshot)
    summary: dict[str, int] = json.loads(outcome.stdout)
    return summary


@pytest.mark.usefixtures("built_pages")
async def test_a_person_runs_an_example_and_a_subscription_and_nothing_leaves_this_machine(
    clients: NodeClients, chromium: Path, live_api: LiveApi, tmp_path: Path
) -> None:
    ada = await live_api.signed_in()
    project_id = await create_project(ada)
    subscription = f'subscription Activity {{ projectActivity(projectId: "{project_id}") {{ sequence }} }}'
    screenshot = tmp_path / "graphiql.png"
    summary = await browse(clients, chromium, live_api.url, screenshot, ada.token, subscription, '"sequence"')
    assert summary["foreign"] == 0
    assert summary["sockets"] == 1
    assert summary["tabs"] >= 1


@pytest.mark.usefixtures("built_pages")
async def test_the_last_event_of_a_stream_of_a_hundred_is_shown(
    clients: NodeClients, chromium: Path, sample_url: str, tmp_path: Path
) -> None:
    subscription = "subscription Ticks { ticks(count: 100) }"
    screenshot = tmp_path / "graphiql.png"
    summary = await browse(clients, chromium, sample_url, screenshot, TOKEN, subscription, '"ticks": 99')
    assert summary["foreign"] == 0
