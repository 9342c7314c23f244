"""Where other tools come from: Debian's packages, and virtual environments below `.bench/peers`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from infra.embedded import binaries
from tests.benchmarks.choices import FOLDER
from tests.benchmarks.tools import NotHere

INSTALL_LIMIT_S = 900
ALONE = {
    "DO_NOT_TRACK": "1",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1,localhost",
}
"""For a tool that may want to report or to fetch: it reaches nothing but the servers of the benchmark."""


def debian_program(name: str) -> Path:
    """Return a program of the Debian package of the same name; root installs it when it is missing.

    Raises:
        NotHere: it is missing, and cannot be installed.
    """
    found = binaries.program_on_machine(name)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        _run("apt-get", "-qq", "update")
        _run("apt-get", "-qq", "-y", "install", "--no-install-recommends", name)
        found = binaries.program_on_machine(name)
    if found is None:
        raise NotHere(f"{name} is not installed: apt-get install {name}")
    return found


def environment(name: str, *requirements: str) -> Path:
    """Return the folder of programs of a virtual environment that holds these packages, made when it is not there.

    Raises:
        NotHere: the packages cannot be installed.
    """
    folder = FOLDER / "peers" / name
    mark = folder / "installed"
    wanted = "\n".join(requirements)
    if not mark.exists() or mark.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(folder))
        _run(str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input", *requirements)
        mark.write_text(wanted)
    return folder / "bin"


def _run(*argv: str) -> None:
    """Run an installer. Raises NotHere with its last words."""
    try:
        finished = subprocess.run(
            argv,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NotHere(f"{' '.join(argv)} did not end within {INSTALL_LIMIT_S} s") from error
    if finished.returncode != 0:
        raise NotHere(f"{' '.join(argv)} failed: {finished.stdout.strip()[-500:]}")
