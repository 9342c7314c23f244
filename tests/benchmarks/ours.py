"""Wherry as it is measured: the whole command, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig

from domain.connections.values import Endpoint, Engine
from tests.benchmarks.choices import FOLDER
from tests.benchmarks.measuring import Command
from tests.benchmarks.tools import Job
from tests.support.cli import ROOT, url

WITH_DIGEST = "wherry"
COPY_ONLY = "wherry copy"
BYTECODE = FOLDER / "bytecode"


class Wherry:
    """`wherry migrate`; every engine to every engine."""

    needs_table = False

    def __init__(self, name: str, *options: str) -> None:
        self.name = name
        self._options = options

    def does(self, source: Engine, target: Engine) -> bool:
        """Tell that it does."""
        return True

    def install(self) -> None:
        """Compile all that it may import, as an installer does, so that no run pays for that."""
        packages = (ROOT / name for name in ("domain", "infra", "schema", "workers"))
        compiler = [sys.executable, "-m", "compileall", "-q", sysconfig.get_path("purelib"), *map(str, packages)]
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(BYTECODE)}
        subprocess.run(compiler, env=environment, stdout=subprocess.DEVNULL, check=False)  # packages hold odd files

    def command(self, job: Job) -> Command:
        """Return the command."""
        return migrate(job.source, job.target, *self._options)


def migrate(source: Endpoint, target: Endpoint, *options: str) -> Command:
    """Return `wherry migrate` as a process of its own."""
    argv = (sys.executable, "-m", "workers.cli", "migrate", url(source), url(target), "--json")
    return Command((*argv, *options), {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(BYTECODE)})


OURS = (Wherry(COPY_ONLY, "--verify", "none"), Wherry(WITH_DIGEST))
