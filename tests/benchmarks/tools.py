"""What every measured tool is: Wherry, the floor and the peers alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from domain.connections.values import Engine

if TYPE_CHECKING:
    from pathlib import Path

    from domain.connections.values import Endpoint
    from tests.benchmarks.generation import Prepared
    from tests.benchmarks.measuring import Command


class NotHere(Exception):
    """A tool is not installed and could not be; the message says what to do."""


@dataclass(frozen=True)
class Job:
    """Move one data set from a loaded source to an empty target. `folder` is empty and the tool's own."""

    source: Endpoint
    target: Endpoint
    prepared: Prepared
    folder: Path

    @property
    def table(self) -> str:
        """The name of the one table, in source and target."""
        return self.prepared.data_set.name


class Tool(Protocol):
    """Something that moves a table.

    `name` is how it is chosen and printed. `needs_table` tells that the target's table, with its
    primary key, is made for it before the clock starts.
    """

    name: str
    needs_table: bool

    def does(self, source: Engine, target: Engine) -> bool:
        """Tell whether the tool claims to do a pair."""

    def install(self) -> None:
        """Make the tool ready to run, not measured. Raises NotHere."""

    def command(self, job: Job) -> Command:
        """Return the one command that does the job; files that it needs are written to the job's folder."""
