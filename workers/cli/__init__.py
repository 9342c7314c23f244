"""The command line: `wherry migrate`, `wherry verify`, `wherry assess`, and what else is in `app`."""

from __future__ import annotations

import os


def main() -> None:
    """Run the command that the process was given, and exit with its code.

    0 means success, 1 failure, 2 a command that cannot be understood, 130 stopped by Ctrl-C.
    """
    from domain.kernel.failpoints import arm_from
    from workers.cli.app import build_app

    arm_from(os.environ)
    build_app()()
