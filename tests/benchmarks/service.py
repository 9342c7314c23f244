"""The whole service beside servers set up as for real loads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.servers import Databases, databases
from tests.support.redis import find_program
from tests.support.stack import Stack, open_stack

Service = tuple[Databases, Stack]


@contextmanager
def service(home: Path, **settings: object) -> Iterator[Service]:
    """Give both database servers, which remember when each transaction was committed, and a stack without parts yet."""
    redis_program = find_program()
    assert redis_program is not None, "install Redis to measure"
    with (
        databases(track_commit_timestamp="on") as both,
        open_stack(both.postgresql, redis_program, home, log_level="warning", **settings) as stack,
    ):
        yield both, stack


def machine() -> str:
    """Say how busy the machine is, which every figure depends on."""
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
