"""Run the tools in turn, round after round, so that what disturbs the machine disturbs them alike."""

from __future__ import annotations

import shutil
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.benchmarks.floors import Floor
from tests.benchmarks.measuring import Run, measured
from tests.benchmarks.tools import Job, NotHere

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.benchmarks.choices import Choices
    from tests.benchmarks.generation import Prepared
    from tests.benchmarks.pairs import Pair
    from tests.benchmarks.servers import Databases
    from tests.benchmarks.tools import Tool

MIB = 1024 * 1024


@dataclass
class Outcome:
    """The runs of one tool. `error` says why there are none, or no more."""

    runs: list[Run] = field(default_factory=list)
    error: str = ""

    @property
    def is_measured(self) -> bool:
        """Whether there is a time to compare."""
        return bool(self.runs) and not self.error

    @property
    def wall_s(self) -> float:
        """The median time."""
        return statistics.median(run.wall_s for run in self.runs)

    @property
    def cpu_s(self) -> float:
        """The median processor time of the tool's own processes."""
        return statistics.median(run.cpu_s for run in self.runs)

    @property
    def rss_mib_max(self) -> float:
        """The most memory that any run held."""
        return max(run.rss_bytes_max for run in self.runs) / MIB


class Rounds:
    """All tools on one pair and one data set."""

    def __init__(self, databases: Databases, pair: Pair, prepared: Prepared, choices: Choices, folder: Path) -> None:
        self._databases = databases
        self._pair = pair
        self._prepared = prepared
        self._choices = choices
        self._folder = folder

    def run(self, tools: Sequence[Tool]) -> dict[str, Outcome]:
        """Measure and return what each tool did, by its name."""
        outcomes = {tool.name: Outcome() for tool in tools}
        for tool in tools:
            try:
                tool.install()
            except NotHere as reason:
                outcomes[tool.name].error = f"NOT RUN: {reason}"
        for number in range(self._choices.rounds):
            turn = number % len(tools) if tools else 0
            for tool in (*tools[turn:], *tools[:turn]):
                outcome = outcomes[tool.name]
                if not outcome.error and not (outcome.runs and outcome.runs[0].wall_s > self._choices.once_s):
                    self._run(tool, outcome)
        return outcomes

    def _run(self, tool: Tool, outcome: Outcome) -> None:
        """Run a tool once on a fresh target, and look at what it left there."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        if isinstance(tool, Floor):
            self._databases.floor_file_written(self._prepared)
        source = self._databases.source(self._pair.source, self._prepared)
        with self._databases.target(self._pair.target, self._prepared, with_table=tool.needs_table) as target:
            job = Job(source, target, self._prepared, self._folder)
            run = measured(tool.command(job), self._folder, self._choices.limit_s)
            print(f"  {self._pair.name} {self._prepared.data_set.name} {tool.name}: {run.wall_s:.2f} s", flush=True)
            outcome.runs.append(run)
            if run.exit_code is None:
                outcome.error = f"stopped after {run.wall_s:.0f} s"
            elif run.exit_code != 0:
                outcome.error = f"exit code {run.exit_code}: {run.last_words}"
            else:
                outcome.error = self._missing(job)

    def _missing(self, job: Job) -> str:
        """Say what is wrong with the number of rows in the target, or nothing."""
        try:
            counted = self._databases.run(job.target, f"SELECT count(*) FROM {job.table}")
        except Exception as error:  # noqa: BLE001 - whatever the driver says is the finding
            return f"the target cannot be counted: {' '.join(str(error).split())[:300]}"
        return "" if counted == str(self._prepared.rows) else f"{counted} rows of {self._prepared.rows} arrived"
