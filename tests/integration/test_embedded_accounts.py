"""Embedded servers run for root and for ordinary users, wherever the home and the programs are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from infra.embedded import place, process
from infra.embedded.stack import open_servers
from infra.settings import Settings
from tests.support.embedded import REPOSITORY, read, write


def test_a_long_or_odd_home_gets_its_sockets_elsewhere(open_folder: Path) -> None:
    for home in (open_folder / ("long-" * 20), open_folder / "it's, a home"):
        with open_servers(Settings(home=home)) as servers:
            assert servers.place is not None
            assert servers.place.sockets.parent == Path(tempfile.gettempdir())
            assert servers.place.sockets.stat().st_mode & 0o077 == 0
        servers.place.sockets.rmdir()


def test_a_home_that_cannot_be_made_is_named(open_folder: Path) -> None:
    (open_folder / "file").write_text("not a folder")

    with (
        pytest.raises(process.ServerFailed, match="file/home cannot be used: Not a directory; set WHERRY_HOME"),
        open_servers(Settings(home=open_folder / "file" / "home")),
    ):
        pytest.fail("started")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a home that its servers cannot reach")
async def test_root_with_a_home_out_of_reach_keeps_the_servers_files_in_the_systems_folder(open_folder: Path) -> None:
    secluded = open_folder / "secluded"
    secluded.mkdir(mode=0o700)
    settings = Settings(home=secluded / "home")
    try:
        with open_servers(settings) as servers:
            await write(servers)
            assert servers.place is not None
            assert servers.place.root.parent == place.SYSTEM_FOLDER
        with open_servers(settings) as servers:
            assert await read(servers) == ("wherry", b"wherry")
    finally:
        shutil.rmtree(place.prepare_place(settings.home).root)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's servers run as another account")
def test_programs_that_the_servers_account_cannot_reach_are_copied_once(open_folder: Path) -> None:
    secluded = open_folder / "secluded"
    secluded.mkdir(mode=0o700)
    (secluded / "programs").mkdir(mode=0o700)
    program = secluded / "programs" / "server"
    program.write_text("#!/bin/sh\nexec id -u\n")
    program.chmod(0o700)
    here = place.prepare_place(open_folder / "home")

    copy = here.reachable(secluded, ("programs",), "server-1")

    assert copy == here.root / "programs" / "server-1" == here.reachable(secluded, ("programs",), "server-1")
    assert here.account is not None
    said = process.run_tool((copy / "programs" / "server",), account=here.account, folder=here.root)
    assert said == str(here.account.uid)


@pytest.mark.skipif(os.geteuid() != 0, reason="already run by an ordinary user")
@pytest.mark.slow
def test_the_main_promises_hold_for_an_ordinary_user_too(open_folder: Path) -> None:
    account = process.server_account()
    python = next((path for path in interpreters() if can_run(path, account)), None)
    if python is None:
        pytest.skip("no Python of this version that an ordinary user can run")
    process.make_private_folder(open_folder / "user", account)

    process.run_tool(
        (python, "-I", "-c", AS_ORDINARY_USER, str(REPOSITORY), *sys.path),
        account=account,
        folder=open_folder / "user",
        timeout_s=200,
    )


AS_ORDINARY_USER = """
import sys
repository, *path = sys.argv[1:]
sys.path[:0] = path
import pytest
tests = [repository + "/tests/integration/test_embedded.py", "-k", "restart or killed or joins or password or account"]
settings = ["--rootdir", repository, "-c", repository + "/pyproject.toml", "-p", "no:cacheprovider"]
sys.exit(pytest.main([*tests, "-q", *settings]))
"""


def interpreters() -> list[Path]:
    """Return programs of this very version of Python: which packages are installed depends on the version."""
    found = (Path(sys.executable).resolve(), Path("/usr/bin/python3"))
    return [path for path in found if path.exists() and version_of(path) == sys.version.split()[0]]


def version_of(path: Path) -> str:
    return subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]


def can_run(path: Path, account: process.Account | None) -> bool:
    return process.can_traverse(path.parent, account)
