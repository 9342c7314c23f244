"""The command line: `wherry migrate`, `wherry verify`, `wherry assess`, and what else is in `app`."""

from __future__ import annotations

import gc
import os
import sys

from infra.hidden import hide_modules
from workers.cli.ending import end_while_starting

GARBAGE_EVERY = 20_000
"""How many new objects are kept between two searches for garbage: a start makes a hundred thousand, and hardly any."""


def main() -> None:
    """Run the command that the process was given, and exit with its code.

    0 means success, 1 failure, 2 a command that cannot be understood, 130 stopped by Ctrl-C.
    """
    end_while_starting()
    gc.set_threshold(GARBAGE_EVERY)
    hide_modules()

    from domain.kernel.failpoints import arm_from
    from workers.cli.app import build_app

    arm_from(os.environ)
    command = build_app(next(iter(sys.argv[1:]), ""))
    gc.freeze()  # what is imported by now stays: no search for garbage looks at it, least of all the last one
    try:
        command()
    finally:
        if "_duckdb" not in sys.modules:  # which takes what is never searched for lost, and says so
            gc.freeze()  # or all modules were searched for cycles before the end: a quarter of the start-up
