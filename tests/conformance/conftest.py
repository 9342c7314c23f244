"""The Node clients: installed once, run against a live server."""

from __future__ import annotations

import asyncio
import fcntl
import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from infra.embedded import binaries
from infra.web_pages import DIST
from tests.support.notes import noted
from tests.support.sample_api import sample_app
from tests.support.servers import Missing
from tests.support.web_server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
INSTALL_TIMEOUT_S = 240
SCRIPT_TIMEOUT_S = 180


@dataclass(frozen=True)
class Outcome:
    """What a script printed and how it ended."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class NodeClients:
    """Runs the scripts of this folder."""

    node: Path

    async def run(self, script: str, *arguments: str, **environment: str) -> Outcome:
        """Run a script to its end, leaving the event loop free for a server in this process."""
        process = await asyncio.create_subprocess_exec(
            self.node,
            script,
            *arguments,
            cwd=HERE,
            env={**os.environ, **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            stdout, stderr = await asyncio.wait_for(process.communicate(), SCRIPT_TIMEOUT_S)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        assert process.returncode is not None
        return Outcome(process.returncode, stdout.decode(), stderr.decode())


@pytest.fixture(scope="session")
def clients(request: pytest.FixtureRequest, node: Path) -> NodeClients:
    """The clients, with the packages of the lock file."""
    with _alone(HERE):
        _install(request, HERE)
    return NodeClients(node)


@pytest.fixture(scope="session")
def built_pages(request: pytest.FixtureRequest, node: Path) -> None:
    """The pages as Vite builds them from the present sources."""
    web = DIST.parent
    sources = [file for folder in ("graphiql", "../../schema/examples") for file in (web / folder).rglob("*")]
    sources += [file for file in web.iterdir() if file.is_file()]
    page = DIST / "graphiql" / "index.html"
    with _alone(web):
        _install(request, web)
        if not page.exists() or page.stat().st_mtime < max(file.stat().st_mtime for file in sources):
            _npm(request, web, "run", "build")


@pytest.fixture(scope="session")
def sample_url() -> Iterator[str]:
    """The address of the sample API."""
    with serving(sample_app()) as url:
        yield url


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes of this run from using npm in a folder meanwhile."""
    with (folder / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(request: pytest.FixtureRequest, folder: Path) -> None:
    """Install the packages of the lock file, unless the present ones come from it."""
    installed = folder / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (folder / "package-lock.json").stat().st_mtime:
        _npm(request, folder, "ci", "--no-audit", "--no-fund")
        installed.touch()


def _npm(request: pytest.FixtureRequest, folder: Path, *arguments: str) -> None:
    """Run npm, or skip the test and say so loudly at the end of the run."""
    npm = binaries.program_on_machine("npm")
    if npm is None:
        _skip(request, "npm", "npm is not installed (apt-get install npm)")
    try:
        subprocess.run(
            [npm, *arguments], cwd=folder, check=True, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S
        )
    except subprocess.CalledProcessError as failed:
        if arguments[0] != "ci":
            pytest.fail(f"npm {' '.join(arguments)} failed: {failed.stderr}")
        _skip(request, "npm packages", f"npm ci failed in {folder.name} (is there a package registry?)")


def _skip(request: pytest.FixtureRequest, name: str, reason: str) -> NoReturn:
    """Skip the test, and list the reason at the end of the run."""
    noted(request.config, Missing).append(Missing(name, reason))
    pytest.skip(reason)
