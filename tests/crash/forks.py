"""Runs in forked children, as tests ask for them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.cli import ROOT

KILLED = -9
FORK_SERVERS = 2
"""As many as a small machine has cores; visits of boundaries are shared out among them."""


@dataclass(frozen=True)
class Run:
    """How a run ended. `site` is the failpoint that acted, empty if none did."""

    exit_code: int
    said: str

    @property
    def site(self) -> str:
        """The failpoint that acted."""
        found = [line.split()[1] for line in self.said.splitlines() if line.startswith("failpoint ")]
        return found[-1] if found else ""


class ForkServer:
    """A process that forks."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(
        self, source: str, target: str, failpoints: str = "", *, on_existing: str = "FAIL", takes_back: bool = False
    ) -> Run:
        """Do one run, or take it back, in a process of its own."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order: dict[str, str | bool] = {"source": source, "target": target, "failpoints": failpoints}
        order |= {"on_existing": on_existing, "takes_back": takes_back}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return Run(answer["exit_code"], answer["said"])


@contextmanager
def fork_server() -> Iterator[ForkServer]:
    """Start a server, and end it at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.fork_server"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield ForkServer(process)
    finally:
        process.communicate()
