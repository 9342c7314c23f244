"""The command line: `wherry migrate`, `wherry verify`, `wherry assess`, and what else is in `app`."""

from __future__ import annotations

import os
import sys
from importlib.abc import MetaPathFinder


def main() -> None:
    """Run the command that the process was given, and exit with its code.

    0 means success, 1 failure, 2 a command that cannot be understood, 130 stopped by Ctrl-C.
    """
    sys.meta_path.insert(0, WithoutPandas())

    from domain.kernel.failpoints import arm_from
    from workers.cli.app import build_app

    arm_from(os.environ)
    build_app()()


class WithoutPandas(MetaPathFinder):
    """Hides pandas. pyarrow imports it, wherever it is installed, to ask whether it was given any: half a second."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        """Find nothing; say of pandas that it is nowhere to be found.

        Raises:
            ModuleNotFoundError: it is pandas.
        """
        del path, target
        if fullname == "pandas":
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
