"""Run programs in stages: start them in order, start again what crashes, stop them in reverse."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from infra.embedded import process
from workers.supervisor.signals import Signals

START_S = 90
DRAIN_S = 30
HURRY_S = 3
READY_INTERVAL_S = 0.02
RESTART_FIRST_S = 0.5
RESTART_MAX_S = 30.0
STEADY_S = 60.0
IDLE_S = 60.0


class Kid:
    """A program of the tree, which is started again when it ends by itself.

    The pause before that doubles with each crash, and is short again after a steady while.
    """

    def __init__(self, program: process.Program) -> None:
        self.program = program
        self.server = process.start(program)
        self.due: float | None = None
        self._pause_s = RESTART_FIRST_S
        self._started = time.monotonic()

    def plan_restart(self, now: float) -> str:
        """Decide when to start it again, and return a sentence about that."""
        if now - self._started > STEADY_S:
            self._pause_s = RESTART_FIRST_S
        self.due = now + self._pause_s
        said = f"{self.program.name} ended with code {self.server.exit_code}; starting it again in {self._pause_s:g} s"
        self._pause_s = min(self._pause_s * 2, RESTART_MAX_S)
        return said

    def restart(self, now: float) -> None:
        """Start it again."""
        self.server = process.start(self.program)
        self.due, self._started = None, now


class Tree:
    """Stages of programs; those of one stage start and stop together.

    Whoever runs the tree is the parent of every program, and none outlives it.
    """

    def __init__(
        self, stages: Sequence[Sequence[process.Program]], say: Callable[[str], None], drain_s: float = DRAIN_S
    ) -> None:
        """Plan to run `stages`; `say` takes the sentences that an operator should read."""
        self._drain_s = drain_s
        self._plan = stages
        self._say = say
        self._stages: list[list[Kid]] = []

    def run(self, on_ready: Callable[[], None]) -> None:
        """Run until a signal asks to stop; call `on_ready` once everything is ready.

        A first signal lets every program finish what it does, for at most `drain_s` a stage; a second
        one hurries. Raises ServerFailed when a program does not become ready the first time.
        """
        with Signals() as signals:
            try:
                if all(self._start(stage, signals) for stage in self._plan):
                    on_ready()
                    self._look_after(signals)
            finally:
                self._stop(signals)

    def _start(self, programs: Sequence[process.Program], signals: Signals) -> bool:
        """Start a stage and wait until it is ready; tell whether to go on."""
        stage: list[Kid] = []
        self._stages.append(stage)
        stage.extend(Kid(program) for program in programs)  # one by one: should a start fail, the others are stopped
        waiting = stage
        deadline = time.monotonic() + START_S
        while waiting := [kid for kid in waiting if not kid.server.is_ready()]:
            if signals.wait(READY_INTERVAL_S):
                return False
            if time.monotonic() > deadline:
                raise waiting[0].server.late(START_S)
        return True

    def _look_after(self, signals: Signals) -> None:
        """Start again whatever ends, until a signal asks to stop."""
        kids = [kid for stage in self._stages for kid in stage]
        pause_s = 0.0  # one of them may have ended while the others were starting
        while not signals.wait(pause_s):
            now = time.monotonic()
            for kid in kids:
                if kid.due is not None and kid.due <= now:
                    kid.restart(now)
                elif kid.due is None and not kid.server.is_alive:
                    self._tell(kid.plan_restart(now))
            pause_s = min((kid.due - now for kid in kids if kid.due is not None), default=IDLE_S)
        self._tell("Stopping. A second signal hurries.")

    def _stop(self, signals: Signals) -> None:
        """Stop the stages, the last one first."""
        in_time_s = self._drain_s
        for stage in reversed(self._stages):
            for kid in stage:
                kid.server.ask_to_stop()
            deadline = time.monotonic() + in_time_s
            while any(kid.server.is_alive for kid in stage) and time.monotonic() < deadline:
                if signals.wait(deadline - time.monotonic()):
                    in_time_s = HURRY_S
                    deadline = time.monotonic() + in_time_s
            for kid in stage:
                if kid.server.is_alive:
                    self._tell(f"{kid.program.name} did not end in time and was killed")
                kid.server.stop(timeout_s=0)

    def _tell(self, sentence: str) -> None:
        """Tell the operator; a terminal that is gone keeps nobody from stopping in good order."""
        with suppress(OSError):
            self._say(sentence)
