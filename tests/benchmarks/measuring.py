"""One whole process, seen from outside: its wall time, its processor time and its memory, children included."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SAMPLE_INTERVAL_S = 0.05
SAID_BYTES_MAX = 2_000_000
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
TELLING = ("error", "exception", "fatal", "cannot", "invalid")
KIB = 1024


@dataclass(frozen=True)
class Command:
    """What to run. `environment` comes on top of ours."""

    argv: tuple[str | Path, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """How a command ran. `exit_code` is None for one that was stopped at its limit.

    `cpu_s` counts the command and its children, no server. `rss_bytes_max` is the largest sum over
    the tree of processes that was seen every 50 ms, and at least the peak of the largest process,
    which the kernel keeps.
    """

    wall_s: float
    cpu_s: float
    rss_bytes_max: int
    exit_code: int | None
    stdout: str
    stderr: str

    @property
    def last_words(self) -> str:
        """The last lines that speak of an error, or else the last lines."""
        said = COLOURS.sub("", f"{self.stdout}\n{self.stderr}")
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        telling = [line for line in lines if any(word in line.lower() for word in TELLING)]
        return " | ".join((telling or lines)[-4:])[-500:]


def measured(command: Command, folder: Path, limit_s: float) -> Run:
    """Run a command in `folder` to its end, or stop it after `limit_s`."""
    stdout, stderr = folder / "stdout", folder / "stderr"
    with stdout.open("wb") as out, stderr.open("wb") as err:
        started = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command.argv],
            cwd=folder,
            env={**_surroundings(), **command.environment},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        rss_bytes_max, ended = _watched(process.pid, started + limit_s)
        wall_s = time.perf_counter() - started
        if not ended:
            os.killpg(process.pid, signal.SIGKILL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return Run(
        wall_s,
        usage.ru_utime + usage.ru_stime,
        rss_bytes_max,
        process.returncode if ended else None,
        _end_of(stdout),
        _end_of(stderr),
    )


def _surroundings() -> dict[str, str]:
    """Return our environment without what would have Python compile its programs anew at every start."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _watched(pid: int, deadline: float) -> tuple[int, bool]:
    """Wait for a process and return the most memory its tree was seen to hold, and whether it ended in time."""
    rss_bytes_max = 0
    handle = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        while time.perf_counter() < deadline:
            if poll.poll(SAMPLE_INTERVAL_S * 1000):
                return rss_bytes_max, True
            now, peaks = zip(*map(_rss_bytes, _tree(pid)), strict=True)
            rss_bytes_max = max(rss_bytes_max, sum(now), *peaks)
        return rss_bytes_max, False
    finally:
        os.close(handle)


def _tree(pid: int) -> Iterator[int]:
    """Give a process and all that it and its children have started."""
    yield pid
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it may end while we look
            for child in (thread / "children").read_text().split():
                yield from _tree(int(child))


def _rss_bytes(pid: int) -> tuple[int, int]:
    """Return what a process holds now, and the most it has held since it became the program it is."""
    with suppress(FileNotFoundError, ProcessLookupError):  # as above
        lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        now, peak = (int(lines.get(name, "0 kB").split()[0]) * KIB for name in ("VmRSS", "VmHWM"))
        return now, peak
    return 0, 0


def _end_of(file: Path) -> str:
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - SAID_BYTES_MAX))
        return stream.read().decode(errors="replace")
