"""`wherry api` and `wherry up` bring up a service that answers, mends itself and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import takewhile
from typing import TYPE_CHECKING

import pytest

from infra.embedded.ports import free_port
from infra.settings import Settings
from tests.support.embedded import REPOSITORY
from tests.support.processes import children, command_lines
from tests.support.waiting import wait_until
from workers.supervisor.programs import api_address, is_serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def settings(open_folder: Path) -> Settings:
    return Settings(home=open_folder / "home", port=free_port(), workers=1)


@contextmanager
def wherry(command: str, settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """Run a command of the command line in the background, and wait until it says that it is ready."""
    ours = {
        "WHERRY_HOME": str(settings.home),
        "WHERRY_PORT": str(settings.port),
        "WHERRY_WORKERS": str(settings.workers),
        "WHERRY_DATABASE_URL": "",
        "WHERRY_REDIS_URL": "",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "workers.cli", command],
        cwd=settings.home.parent,
        env={**os.environ, **ours, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        try:
            assert running.stdout is not None
            begun = list(takewhile(lambda line: not line.startswith("Ready."), running.stdout))
            assert running.poll() is None, begun
            yield running
        finally:
            running.terminate()
            output, _ = running.communicate(timeout=60)
            assert "Traceback" not in output, output


def ask(settings: Settings, query: str) -> object:
    request = urllib.request.Request(
        f"{api_address(settings)}/graphql",
        data=json.dumps({"query": query}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def pids(supervisor: int, program: str) -> list[int]:
    return [pid for pid, line in children(supervisor).items() if program in line]


def test_the_api_answers_and_a_termination_ends_it_and_its_servers_in_good_order(settings: Settings) -> None:
    with wherry("api", settings) as running:
        assert ask(settings, "{__typename}") == {"data": {"__typename": "Query"}}
        assert len(command_lines(settings.home)) >= 2

        running.terminate()

        assert running.wait(30) == 0
        assert command_lines(settings.home) == []
        assert not is_serving(settings)


def test_an_api_that_is_killed_comes_back(settings: Settings) -> None:
    with wherry("api", settings) as running:
        (before,) = pids(running.pid, "infra.serving")

        os.kill(before, signal.SIGKILL)

        wait_until(lambda: pids(running.pid, "infra.serving") not in ([], [before]))
        wait_until(lambda: is_serving(settings), timeout_s=60)
        assert ask(settings, "{__typename}") == {"data": {"__typename": "Query"}}


def test_a_killed_supervisor_takes_api_and_servers_with_it(settings: Settings) -> None:
    with wherry("api", settings) as running:
        (api,) = pids(running.pid, "infra.serving")

        running.kill()

        wait_until(lambda: not is_serving(settings) and command_lines(settings.home) == [])
        wait_until(lambda: not pid_exists(api))


def test_a_second_whole_stack_of_the_same_home_is_refused_with_a_reason(settings: Settings) -> None:
    with wherry("api", settings):
        second = subprocess.run(
            [sys.executable, "-m", "workers.cli", "up"],
            env={**os.environ, "WHERRY_HOME": str(settings.home), "PYTHONPATH": os.pathsep.join(sys.path)},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        assert second.returncode == 1
        assert f"the embedded servers of {settings.home} are already running" in second.stderr
        assert is_serving(settings)


@pytest.mark.skipif(find_spec("workers.main") is None, reason="there is no worker program yet")
def test_a_whole_stack_has_api_and_workers_and_mends_both(settings: Settings) -> None:
    with wherry("up", settings) as running:
        wait_until(lambda: len(pids(running.pid, "workers.main")) == settings.workers)
        (before,) = pids(running.pid, "workers.main")

        os.kill(before, signal.SIGKILL)

        wait_until(lambda: pids(running.pid, "workers.main") not in ([], [before]))
        running.terminate()
        assert running.wait(60) == 0
        assert command_lines(settings.home) == []


def pid_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("host", "address"),
    [("0.0.0.0", "http://127.0.0.1:80"), ("::", "http://[::1]:80"), ("db.example", "http://db.example:80")],
)
def test_the_address_shown_is_one_that_a_browser_can_open(host: str, address: str) -> None:
    assert api_address(Settings(host=host, port=80)) == address
