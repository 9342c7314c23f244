"""Who of the workers does what: a migration's work is cut into assignments that are leased, one job each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from uuid import UUID

from domain.kernel.errors import ValidationFailed
from domain.kernel.messages import Job

PREPARE = "prepare"
FINISH = "finish"
ROLLBACK = "rollback"

_LANE = "lane"
_JOBS = {PREPARE: "prepare_migration", _LANE: "copy_lane", FINISH: "finish_migration", ROLLBACK: "rollback_migration"}


@dataclass(frozen=True)
class Assignment:
    """A part of a migration's work for one job of one worker.

    `epoch` is that of the ticket under which it was given out (0 before there is one), `sequence`
    counts the times it was given out, so that a job that comes twice or too late is known for what
    it is. The whole of it is the job's key.
    """

    migration_id: UUID
    task: str
    epoch: int
    sequence: int

    @classmethod
    def lane(cls, migration_id: UUID, number: int, epoch: int) -> Self:
        """Return the first assignment of a lane under a ticket."""
        return cls(migration_id, f"{_LANE}-{number}", epoch, 1)

    @classmethod
    def of_key(cls, key: str) -> Self:
        """Return the assignment that a job's key names.

        Raises:
            ValidationFailed: the key names none.
        """
        try:
            migration_id, task, epoch, sequence = key.split(":")
            return cls(UUID(migration_id), task, int(epoch), int(sequence))
        except ValueError:
            raise ValidationFailed(f"{key!r} is no job of ours") from None

    @property
    def key(self) -> str:
        """The job's key."""
        return f"{self.migration_id}:{self.task}:{self.epoch}:{self.sequence}"

    @property
    def is_lane(self) -> bool:
        """Whether it is to copy chunks."""
        return self.task.startswith(_LANE)

    @property
    def job(self) -> Job:
        """The job that does it."""
        name = _JOBS[_LANE if self.is_lane else self.task]
        return Job(key=self.key, name=name, subject=self.migration_id)
