"""The command line: `wherry migrate`, `wherry verify`, `wherry assess`, and what else is in `app`."""

from __future__ import annotations

import gc
import os
import sys

from workers.cli.ending import end_while_starting

HIDDEN = frozenset({"numpy", "pandas"})
"""What pyarrow imports, wherever it is installed, to ask whether it was given any; we never give it any."""

GARBAGE_EVERY = 20_000
"""How many new objects are kept between two searches for garbage: a start makes a hundred thousand, and hardly any."""


def main() -> None:
    """Run the command that the process was given, and exit with its code.

    0 means success, 1 failure, 2 a command that cannot be understood, 130 stopped by Ctrl-C.
    """
    end_while_starting()
    gc.set_threshold(GARBAGE_EVERY)
    sys.meta_path.insert(0, WithoutHidden())

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


class WithoutHidden:
    """Hides modules that would cost every command a tenth to half of a second for nothing."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        """Find nothing; say of what is hidden that it is nowhere to be found.

        Raises:
            ModuleNotFoundError: it is hidden.
        """
        del path, target
        if fullname in HIDDEN:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
