"""Histories by their seeds: `python -m tests.crash.simulation postgresql://... 0 100`.

Takes an empty database. Prints one JSON document for each history; exit code 1 if any is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import structlog

from tests.crash.simulation.history import History
from tests.crash.simulation.processes import Parts
from tests.crash.simulation.sabotage import RULES
from tests.crash.simulation.server import ControlServer
from tests.crash.simulation.setting import Setting, prepare

BATCH = 25
"""So many histories are lived through in one forked process, which takes what they leave behind with it."""

LEASE_S = 3.0
"""Shorter than usual, so that more happens in less time."""


@dataclass(frozen=True)
class Telling:
    """How histories are told."""

    dsn: str
    is_whole: bool
    """With everything that happened."""
    until_wrong: bool
    """No further than the first one that is wrong."""


def main(telling: Telling, first: int, upto: int) -> int:
    """Live through the histories of the seeds from `first` up to but not including `upto`."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    exit_code = 0
    with tempfile.TemporaryDirectory() as home:
        parts = Parts.below(Path(home), worker_lease_s=LEASE_S)
        setting = asyncio.run(prepare(telling.dsn, parts))
        for begin in range(first, upto, BATCH):
            sys.stdout.flush()
            child = os.fork()
            if child == 0:
                os._exit(_lived(range(begin, min(begin + BATCH, upto)), telling, parts, setting))
            _, status = os.waitpid(child, 0)
            exit_code = max(exit_code, os.waitstatus_to_exitcode(status))
            if exit_code and telling.until_wrong:
                break
    return exit_code


def _lived(seeds: range, telling: Telling, parts: Parts, setting: Setting) -> int:
    kept, exit_code = [], 0
    server = ControlServer(telling.dsn, setting.reset)
    gc.disable()  # what is collected, and when, must not depend on what happened before
    for seed in seeds:
        history = History(seed, server, parts, setting, is_told=telling.is_whole)
        kept.append(history)
        outcome = history.run()
        sys.stdout.write(json.dumps(vars(outcome)) + "\n")
        sys.stdout.flush()
        exit_code = 1 if outcome.wrong else exit_code
        if exit_code and telling.until_wrong:
            break
    return exit_code


def _asked_for() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.crash.simulation")
    parser.add_argument("dsn")
    parser.add_argument("first", type=int)
    parser.add_argument("upto", type=int)
    parser.add_argument("--whole", action="store_true", help="print everything that happened")
    parser.add_argument("--until-wrong", action="store_true", help="stop after the first history that is wrong")
    parser.add_argument("--without", choices=RULES, default="", help="a rule of the product to be taken away")
    return parser.parse_args()


if __name__ == "__main__":
    asked = _asked_for()
    with RULES[asked.without]():
        sys.exit(main(Telling(asked.dsn, asked.whole, asked.until_wrong), asked.first, asked.upto))
