"""Where the embedded servers keep their files, and whose turn it is to run them.

    <home>/embedded.lock          held by the process that runs the servers
    <home>/servers.lock           held by the servers themselves, until the last of them is gone
    <home>/embedded/postgresql/   the cluster
    <home>/embedded/valkey/       the append-only file
    <home>/embedded/run/          the sockets; nobody else may enter
    <home>/embedded/log/          what the servers say
    <home>/embedded/programs/     copies of the programs, where the servers' account cannot reach ours

Root's servers run as `nobody`, who cannot reach a folder below root's own home. Then the
folder `embedded` is /var/lib/wherry/<digest of the home's path> instead.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import stat
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from infra.embedded import process

if TYPE_CHECKING:
    from collections.abc import Iterator

SYSTEM_FOLDER = Path("/var/lib/wherry")
SOCKET_FOLDER_BYTES_MAX = 85  # a socket's whole path has at most 103 bytes on macOS, 107 on Linux
SERVERS_END_S = 30
POLL_INTERVAL_S = 0.05


class AlreadyRunning(process.ServerFailed):
    """Another process runs the embedded servers of this home."""


@dataclass(frozen=True)
class Place:
    """The folders of one home's embedded servers, and the account that owns them."""

    home: Path
    root: Path
    account: process.Account | None

    @property
    def sockets(self) -> Path:
        """The folder of the sockets: below the shared temporary folder where our own path will not do.

        It must be short, and must need no quoting in an address or in a server's settings.
        """
        folder = self.root / "run"
        if re.fullmatch(rf"[A-Za-z0-9/._-]{{1,{SOCKET_FOLDER_BYTES_MAX}}}", str(folder)):
            return folder
        return Path(tempfile.gettempdir()) / f"wherry-{os.geteuid()}-{_digest(self.root)}"

    @property
    def logs(self) -> Path:
        """The folder of what the servers say."""
        return self.root / "log"

    def private_folder(self, folder: Path) -> Path:
        """Create a folder that only the servers' account may enter, and return it.

        Raises ServerFailed when somebody else was there first.
        """
        owners = {os.geteuid(), self.account.uid if self.account else os.geteuid()}
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners:
            raise process.ServerFailed(f"{folder} belongs to somebody else; remove it or set TMPDIR")
        return process.make_private_folder(folder, self.account)

    def reachable(self, base: Path, parts: tuple[str, ...], name: str) -> Path:
        """Return `base`, or a folder called `name` with copies of its `parts` that the servers' account can reach.

        Programs find their libraries by where they lie, so parts keep their places below the base.
        """
        if process.can_traverse(base / parts[0], self.account):
            return base
        copy = self.root / "programs" / name
        if not copy.exists():
            unfinished = copy.with_name(f"{name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            for part in parts:
                shutil.copytree(base / part, unfinished / part, symlinks=True)
            _open_to_all(unfinished)
            unfinished.rename(copy)
        return copy


def prepare_place(home: Path) -> Place:
    """Create the folders of `home`'s embedded servers and return them.

    Raises ServerFailed when a folder cannot be created.
    """
    account = process.server_account()
    try:
        _make_passable(home, account)
        root = home / "embedded" if process.can_traverse(home, account) else SYSTEM_FOLDER / _digest(home)
        place = Place(home, root, account)
        for folder in (place.root, place.root / "programs"):
            _make_passable(folder, account)
        place.logs.mkdir(mode=0o700, exist_ok=True)
        place.private_folder(place.sockets)
    except OSError as error:
        raise process.ServerFailed(
            f"{error.filename} cannot be used: {error.strerror}; set WHERRY_HOME to a folder of yours"
        ) from error
    return place


@contextmanager
def claim(place: Place) -> Iterator[int]:
    """Hold the right to run the servers of a home; give the descriptor of a lock to hand on to them.

    The servers hold that lock too, so after a crash of the process that ran them this waits until
    the last one is gone. Raises AlreadyRunning while another process holds the right.
    """
    with ExitStack() as opened:
        ours = opened.enter_context(_opened(place.home / "embedded.lock"))
        if not _try_lock(ours):
            raise AlreadyRunning(
                f"the embedded servers of {place.home} are already running; stop them, "
                "or set WHERRY_HOME to another folder"
            )
        servers = opened.enter_context(_opened(place.home / "servers.lock"))
        pause = Event()
        for _ in range(int(SERVERS_END_S / POLL_INTERVAL_S)):
            if _try_lock(servers):
                break
            pause.wait(POLL_INTERVAL_S)
        else:
            raise process.ServerFailed(f"servers that an earlier run left in {place.root} do not end; end them by hand")
        yield servers


@contextmanager
def _opened(lock: Path) -> Iterator[int]:
    """Open a lock file, which is never removed; closing it gives our hold on it up."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    """Take the lock unless somebody else has it; tell whether we have it now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make_passable(folder: Path, account: process.Account | None) -> None:
    """Create a folder of ours; the servers' account, when it is another, may pass but not look."""
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(0o711 if account else 0o700)


def _open_to_all(folder: Path) -> None:
    """Let everybody read a copied folder, and run the programs in it."""
    folder.chmod(0o755)
    for part in folder.rglob("*"):
        if not part.is_symlink():
            runnable = part.is_dir() or part.stat().st_mode & stat.S_IXUSR
            part.chmod(0o755 if runnable else 0o644)


def _digest(path: Path) -> str:
    """Return a short name that stands for a path."""
    return hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:16]
