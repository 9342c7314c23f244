"""A crowd of subscribers as a test sees it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.support.cli import ROOT
from tests.support.crowd.follower import Wanted

Json = dict[str, Any]

LINE_BYTES_MAX = 1_000_000


@dataclass(frozen=True)
class Standing:
    """Where the subscribers of a crowd stand."""

    connected: int = 0
    over: int = 0
    lowest: int = 0
    """The lowest of the last numbers that they have seen; 0 while one has seen nothing."""


@dataclass
class Crowd:
    """Subscribers in some processes."""

    subscribers: int
    files: list[Path]
    _standings: list[Standing]
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _broken: list[int] = field(default_factory=list)
    _listening: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def standing(self) -> Standing:
        """Where all of them stand."""
        return Standing(
            connected=sum(one.connected for one in self._standings),
            over=sum(one.over for one in self._standings),
            lowest=min(one.lowest for one in self._standings),
        )

    @property
    def _is_over(self) -> bool:
        return self.standing.over == self.subscribers

    async def until(self, condition: Callable[[Standing], bool], timeout_s: float) -> None:
        """Wait until the crowd stands so."""
        try:
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait_for(lambda: condition(self.standing) or self._broken or self._is_over)
        except TimeoutError:
            raise AssertionError(f"the crowd stands at {self.standing} after {timeout_s} s") from None
        assert not self._broken, "a process of subscribers ended early"
        assert condition(self.standing), f"the stream was over too early: {self.standing}"

    async def ended(self) -> None:
        """Wait until all processes have written down what they saw and ended."""
        await asyncio.gather(*self._listening)
        assert not self._broken, "a process of subscribers failed"

    def seen(self) -> list[Json]:
        """Return what each subscriber has seen, once all are done."""
        return [seen for file in self.files for seen in json.loads(file.read_text())]

    def listen(self, number: int, process: asyncio.subprocess.Process) -> None:
        """Take in what a process tells, to its end."""
        self._listening.append(asyncio.create_task(self._listen(number, process)))

    async def _listen(self, number: int, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            await self._note(number, Standing(**json.loads(line)))
        if await process.wait() != 0:
            async with self._changed:
                self._broken.append(number)
                self._changed.notify_all()

    async def _note(self, number: int, standing: Standing) -> None:
        async with self._changed:
            self._standings[number] = standing
            self._changed.notify_all()


@asynccontextmanager
async def gathered(wanted: Wanted, subscribers: int, processes: int, folder: Path) -> AsyncIterator[Crowd]:
    """Give a crowd that follows, spread over processes; what is left of it at the end is ended."""
    crowd = Crowd(subscribers, [folder / f"crowd-{n}.json" for n in range(processes)], [Standing()] * processes)
    started: list[asyncio.subprocess.Process] = []
    try:
        for number, file in enumerate(crowd.files):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.support.crowd"),
                cwd=ROOT,
                env=dict(os.environ),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=LINE_BYTES_MAX,
            )
            started.append(process)
            count = subscribers // processes + (number < subscribers % processes)
            asked = {"wanted": asdict(wanted), "count": count, "seed": 1_000_000 * number, "file": str(file)}
            assert process.stdin is not None
            process.stdin.write(json.dumps(asked).encode() + b"\n")
            crowd.listen(number, process)
        yield crowd
    finally:
        for process in started:
            with suppress(ProcessLookupError):
                process.kill()
        await asyncio.gather(*crowd._listening)
