"""Start server programs so that none outlives the process that started it, and stop them by pid."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from domain.kernel.errors import WherryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import BinaryIO

POLL_INTERVAL_S = 0.02
LOG_TAIL_BYTES = 4_000
LOG_BYTES_MAX = 10_000_000
LAUNCHER = Path(__file__).with_name("launch.py")


class ServerFailed(WherryError):
    """A server program could not be started, or did not become ready in time."""


@dataclass(frozen=True)
class Account:
    """The operating system account that a server runs as."""

    uid: int
    gid: int


def server_account() -> Account | None:
    """Return the account to give a server, or None to keep our own.

    As root that is `nobody`: PostgreSQL refuses to run as root, and no server needs root's rights.
    """
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def can_traverse(folder: Path, account: Account | None) -> bool:
    """Tell whether `account`, which owns none of the parents, can reach `folder` by its path."""
    if account is None:
        return True
    resolved = folder.resolve()
    return all(part.stat().st_mode & 0o001 for part in (resolved, *resolved.parents) if part.exists())


def make_private_folder(folder: Path, account: Account | None) -> Path:
    """Create `folder`, readable only by `account` (or by us when that is None), and return it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    return folder


def clean_environment(home: Path) -> dict[str, str]:
    """Return an environment in which no variable of ours (PGDATA, PGPORT, ...) changes a server."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "HOME": str(home)}


def run_tool(
    argv: Sequence[str | Path], *, account: Account | None, folder: Path, stdin: bytes = b"", timeout_s: float = 60
) -> str:
    """Run a server's own tool to its end, in `folder`, as `account`, and return what it printed.

    Raises ServerFailed with the tool's own words when it fails or takes too long.
    """
    name = Path(argv[0]).name
    try:
        finished = subprocess.run(  # noqa: S603 - programs are found by us, arguments are a list, there is no shell
            [str(part) for part in argv],
            cwd=folder,
            env=clean_environment(folder),
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except subprocess.TimeoutExpired as error:
        raise ServerFailed(f"{name} did not end within {timeout_s:.0f} s") from error
    said = finished.stdout.decode(errors="replace").strip()
    if finished.returncode != 0:
        raise ServerFailed(f"{name} ended with code {finished.returncode}: {said[-LOG_TAIL_BYTES:]}")
    return said


@dataclass(frozen=True)
class Program:
    """A program to run: what it is given, when it is ready, and which signal ends it without loss.

    The kernel sends the same signal when the process that started it is gone. `log` takes its
    output; without one it writes where we write. `environment` replaces the clean one. `stdin`
    takes settings that must not show in a list of processes. `held` are file descriptors that stay
    open, and locked, for as long as the program runs.
    """

    name: str
    argv: tuple[str | Path, ...]
    folder: Path
    is_ready: Callable[[], bool]
    log: Path | None = None
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    environment: Mapping[str, str] | None = None
    stdin: bytes = b""
    held: tuple[int, ...] = ()


class ServerProcess:
    """A running program, ended by `stop` or, at the latest, with the process that started it."""

    def __init__(self, program: Program, popen: subprocess.Popen[bytes]) -> None:
        self.program = program
        self._popen = popen

    @property
    def pid(self) -> int:
        """The process id, which the program keeps for all its life."""
        return self._popen.pid

    @property
    def is_alive(self) -> bool:
        """Whether the program is still running."""
        return self._popen.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The code that the program ended with, negative for a signal; None while it runs."""
        return self._popen.poll()

    def wait_ready(self, timeout_s: float = 60) -> None:
        """Return once the program is ready; raise ServerFailed when it ends or time runs out."""
        for _ in range(int(timeout_s / POLL_INTERVAL_S)):
            if self.is_ready():
                return
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(POLL_INTERVAL_S)
        raise self.late(timeout_s)

    def is_ready(self) -> bool:
        """Tell whether the program is ready; raise ServerFailed when it has ended."""
        if not self.is_alive:
            raise ServerFailed(f"{self.program.name} ended with code {self.exit_code}{self._last_words()}")
        return self.program.is_ready()

    def late(self, timeout_s: float) -> ServerFailed:
        """Return the failure of a program that was not ready in time."""
        return ServerFailed(f"{self.program.name} was not ready after {timeout_s:.0f} s{self._last_words()}")

    def ask_to_stop(self) -> None:
        """Send the signal that ends the program, and do not wait."""
        if self.is_alive:
            self._popen.send_signal(self.program.stop_signal)

    def stop(self, timeout_s: float = 20) -> None:
        """End the program: ask, and after `timeout_s` insist. Does nothing when it has already ended."""
        self.ask_to_stop()
        try:
            self._popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()

    def kill(self) -> None:
        """End the program at once, as a crash does, and wait until it has ended."""
        self._popen.kill()
        self._popen.wait()

    def _last_words(self) -> str:
        """Return the end of the program's log, to follow a sentence."""
        if self.program.log is None:
            return ""
        return ": " + self.program.log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip()


def start(program: Program) -> ServerProcess:
    """Start a program in a session of its own, where the terminal's Ctrl-C does not reach it.

    Call it from the main thread: the kernel ends the program with the *thread* that started it.
    Raises ServerFailed from any other thread.
    """
    if threading.current_thread() is not threading.main_thread():
        raise ServerFailed(f"{program.name} must be started from the main thread")
    account = f"{program.account.uid}:{program.account.gid}" if program.account else "-"
    launch = [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), str(int(program.stop_signal)), account]
    with ExitStack() as opened:
        log = opened.enter_context(_open_log(program.log)) if program.log else None
        popen = subprocess.Popen(  # noqa: S603 - as above
            [*launch, *(str(part) for part in program.argv)],
            cwd=program.folder,
            env=program.environment or clean_environment(program.folder),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT if log else None,
            start_new_session=True,
            pass_fds=program.held,
        )
    _hand_over(popen, program.stdin)
    return ServerProcess(program, popen)


@contextmanager
def running(program: Program) -> Iterator[ServerProcess]:
    """Give a program that has become ready, and stop it at the end, also when it never became ready."""
    server = start(program)
    try:
        server.wait_ready()
        yield server
    finally:
        server.stop()


def _hand_over(popen: subprocess.Popen[bytes], text: bytes) -> None:
    """Write `text`, which fits into a pipe, to the program's input and close it."""
    stream = popen.stdin
    if stream is None:
        return
    with suppress(BrokenPipeError), stream:  # a program that ended at once is found by wait_ready
        stream.write(text)


def _open_log(log: Path) -> BinaryIO:
    """Open a log to append to; one that has grown large becomes `<name>.1` first."""
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_name(f"{log.name}.1"))
    return log.open("ab")
