"""A tree of processes starts in order, mends itself, and ends as one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.embedded import REPOSITORY
from tests.support.processes import children, command_lines
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

# A program that notes its start and its end, and is ready when it has said so.
NOTING = """
echo "$1 starts" >> log; echo $$ > $1.new; mv $1.new $1.pid
trap 'echo "$1 ends" >> log; exit 0' TERM
touch $1.ready
while :; do sleep 0.05; done
"""
STUBBORN = "echo $$ > $1.new; mv $1.new $1.pid; trap '' TERM; touch $1.ready; while :; do sleep 0.05; done"
FAILING = "echo 'no room' >&2; exit 3"

RUN_TREE = """
import json, sys
from pathlib import Path
from infra.embedded.process import Program
from workers.supervisor.tree import Tree

folder = Path(sys.argv[1])

def program(name, script):
    ready, log = folder / (name + ".ready"), folder / (name + ".log")
    return Program(name, ("/bin/sh", "-c", script, "sh", name), folder, ready.exists, log)

stages = [[program(*one) for one in stage] for stage in json.loads(sys.argv[2])]
Tree(stages, lambda text: print(text, flush=True)).run(lambda: print("ready", flush=True))
"""

Stages = list[list[tuple[str, str]]]


@contextmanager
def tree(folder: Path, stages: Stages) -> Iterator[subprocess.Popen[str]]:
    """Run a tree in a process of its own, with what it says on its output."""
    with subprocess.Popen(
        [sys.executable, "-c", RUN_TREE, str(folder), json.dumps(stages)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.kill()
    wait_until(lambda: command_lines(folder) == [])


def said(running: subprocess.Popen[str]) -> str:
    assert running.stdout is not None
    return running.stdout.readline().strip()


def pid_of(folder: Path, name: str) -> int:
    return int((folder / f"{name}.pid").read_text())


def test_stages_start_in_order_and_end_in_reverse(tmp_path: Path) -> None:
    with tree(tmp_path, [[("server", NOTING)], [("api", NOTING)], [("worker", NOTING)]]) as running:
        assert said(running) == "ready"

        running.send_signal(signal.SIGTERM)

        assert running.wait(20) == 0
    notes = (tmp_path / "log").read_text().splitlines()
    assert notes == ["server starts", "api starts", "worker starts", "worker ends", "api ends", "server ends"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_and_a_closed_terminal_end_the_tree_too(tmp_path: Path, number: signal.Signals) -> None:
    with tree(tmp_path, [[("api", NOTING)]]) as running:
        assert said(running) == "ready"

        running.send_signal(number)

        assert running.wait(20) == 0
    assert (tmp_path / "log").read_text().splitlines() == ["api starts", "api ends"]


def test_what_crashes_is_started_again_each_time_after_a_longer_pause(tmp_path: Path) -> None:
    with tree(tmp_path, [[("server", NOTING)], [("worker", NOTING)]]) as running:
        assert said(running) == "ready"
        server, worker = pid_of(tmp_path, "server"), pid_of(tmp_path, "worker")

        os.kill(worker, signal.SIGKILL)
        assert said(running) == "worker ended with code -9; starting it again in 0.5 s"
        wait_until(lambda: pid_of(tmp_path, "worker") != worker)
        os.kill(pid_of(tmp_path, "worker"), signal.SIGKILL)
        assert said(running) == "worker ended with code -9; starting it again in 1 s"
        second = pid_of(tmp_path, "worker")
        wait_until(lambda: pid_of(tmp_path, "worker") != second)

        assert pid_of(tmp_path, "server") == server


def test_what_ends_while_the_others_are_starting_is_started_again_too(tmp_path: Path) -> None:
    late = NOTING.replace("touch $1.ready", "while [ ! -e go ]; do sleep 0.05; done; touch $1.ready")
    with tree(tmp_path, [[("server", NOTING)], [("api", late)]]) as running:
        wait_until((tmp_path / "api.pid").exists)
        before = pid_of(tmp_path, "server")

        os.kill(before, signal.SIGKILL)
        wait_until(lambda: before not in children(running.pid) or "sh" not in children(running.pid)[before])
        (tmp_path / "go").touch()

        assert said(running) == "ready"
        assert said(running) == "server ended with code -9; starting it again in 0.5 s"
        wait_until(lambda: pid_of(tmp_path, "server") != before)


def test_nothing_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    with tree(tmp_path, [[("server", NOTING)], [("api", NOTING), ("worker", NOTING)]]) as running:
        assert said(running) == "ready"
        assert len(command_lines(tmp_path)) >= 3

        running.kill()

        wait_until(lambda: command_lines(tmp_path) == [])


def test_a_second_signal_hurries_and_what_does_not_end_is_killed(tmp_path: Path) -> None:
    with tree(tmp_path, [[("server", NOTING)], [("worker", STUBBORN)]]) as running:
        assert said(running) == "ready"

        running.send_signal(signal.SIGINT)
        assert said(running) == "Stopping. A second signal hurries."
        running.send_signal(signal.SIGTERM)

        assert said(running) == "worker did not end in time and was killed"
        assert running.wait(20) == 0
    assert (tmp_path / "log").read_text().splitlines()[-1] == "server ends"


def test_a_program_that_does_not_start_ends_the_tree_and_says_why(tmp_path: Path) -> None:
    with tree(tmp_path, [[("server", NOTING)], [("api", FAILING)], [("worker", NOTING)]]) as running:
        _, errors = running.communicate(timeout=20)

        assert running.returncode != 0
        assert "api ended with code 3: no room" in errors
    notes = (tmp_path / "log").read_text().splitlines()
    assert notes == ["server starts", "server ends"]
    assert not (tmp_path / "worker.pid").exists()


def test_a_signal_before_everything_is_ready_ends_the_tree(tmp_path: Path) -> None:
    never_ready = NOTING.replace("touch $1.ready", "touch $1.begun")
    with tree(tmp_path, [[("server", never_ready)]]) as running:
        wait_until((tmp_path / "server.begun").exists)

        running.send_signal(signal.SIGTERM)

        assert running.wait(20) == 0
        assert running.stdout is not None
        assert running.stdout.read() == ""


def test_a_terminal_that_is_gone_does_not_disturb_the_end(tmp_path: Path) -> None:
    with tree(tmp_path, [[("server", NOTING)], [("worker", NOTING)]]) as running:
        assert said(running) == "ready"
        assert running.stdout is not None
        running.stdout.close()

        running.send_signal(signal.SIGHUP)

        running.wait(20)
    notes = (tmp_path / "log").read_text().splitlines()
    assert notes == ["server starts", "worker starts", "worker ends", "server ends"]
