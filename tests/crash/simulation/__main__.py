"""Histories by their seeds: `python -m tests.crash.simulation postgresql://... 0 100`.

Takes an empty database. Prints one JSON document for each history; exit code 1 if any is wrong.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import tempfile
from pathlib import Path

import structlog

from tests.crash.simulation.history import History
from tests.crash.simulation.processes import Parts
from tests.crash.simulation.setting import Setting, prepare
from tests.crash.simulation.store import ControlServer

BATCH = 25
"""So many histories are lived through in one forked process, which takes what they leave behind with it."""

LEASE_S = 5.0
"""Shorter than usual, so that more happens in less time."""


def main(dsn: str, first: int, upto: int) -> int:
    """Live through the histories of the seeds from `first` up to but not including `upto`."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    exit_code = 0
    with tempfile.TemporaryDirectory() as home:
        parts = Parts.below(Path(home), worker_lease_s=LEASE_S)
        setting = asyncio.run(prepare(dsn, parts))
        for begin in range(first, upto, BATCH):
            sys.stdout.flush()
            child = os.fork()
            if child == 0:
                os._exit(_lived(range(begin, min(begin + BATCH, upto)), dsn, parts, setting))
            _, status = os.waitpid(child, 0)
            exit_code = max(exit_code, os.waitstatus_to_exitcode(status))
    return exit_code


def _lived(seeds: range, dsn: str, parts: Parts, setting: Setting) -> int:
    kept, exit_code = [], 0
    server = ControlServer(dsn)
    for seed in seeds:
        history = History(seed, server, parts, setting)
        kept.append(history)
        outcome = history.run()
        gc.freeze()  # what histories leave behind need not be looked through again and again
        sys.stdout.write(json.dumps(vars(outcome)) + "\n")
        sys.stdout.flush()
        exit_code = 1 if outcome.wrong else exit_code
    return exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
