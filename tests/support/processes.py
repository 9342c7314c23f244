"""Processes as the operating system sees them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def running_in(folder: Path) -> Iterator[Path]:
    """Give the /proc entries of the processes whose present folder is `folder` or below it."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink().is_relative_to(folder):
                yield entry
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue


def children(pid: int) -> dict[int, str]:
    """Return the command lines of a process's children, by their ids."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it may end while we look
            after_name = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(after_name[1]) == pid:
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def command_lines(folder: Path) -> list[str]:
    """Return the command lines of the processes that run in `folder`."""
    found = []
    for entry in running_in(folder):
        with suppress(FileNotFoundError, ProcessLookupError):  # it may end while we look
            found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def open_sockets(folder: Path) -> set[str]:
    """Return the inode numbers of the sockets that processes running in `folder` hold."""
    found = set()
    for entry in running_in(folder):
        with suppress(FileNotFoundError, ProcessLookupError):  # it may end while we look
            found |= {link.readlink().name for link in (entry / "fd").iterdir()}
    return {name.removeprefix("socket:[").removesuffix("]") for name in found if name.startswith("socket:")}


def listening_tcp_sockets() -> set[str]:
    """Return the inode numbers of every TCP socket on this machine that listens."""
    tables = [table for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")) if table.exists()]
    rows = [line.split() for table in tables for line in table.read_text().splitlines()[1:]]
    return {row[9] for row in rows if row[3] == "0A"}
