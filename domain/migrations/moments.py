"""Which state of a source its reading sessions see, and how it is told from other states."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum


@dataclass(frozen=True)
class MomentMark:
    """One thing by which a state of a source can be found again, in the source's own terms."""

    name: str
    """What it is, such as `wal position` or `gtid`."""
    value: str
    """Its value, as the source spells it."""


@dataclass(frozen=True)
class Moment:
    """A state of a source that reading sessions share.

    Two moments with the same identity, unless it is empty, hold the same rows: to go on at the other
    is to go on at the one. An empty identity says that the source gives no means to tell.
    """

    taken_at: str
    """When, in ISO 8601 and UTC, by the clock of the source (for files by ours)."""
    marks: tuple[MomentMark, ...] = ()
    """The proof: where in the source's history the state lies."""
    identity: str = ""
    """Equal for equal states of one source; empty where nobody can tell."""

    def is_same_as(self, other: Moment) -> bool:
        """Whether this surely is the same state."""
        return bool(self.identity) and self.identity == other.identity


def utc_text(time: datetime) -> str:
    """Return a time as ISO 8601 in UTC."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def distinct(moments: tuple[Moment, ...]) -> tuple[Moment, ...]:
    """Return the moments in their order without those that are the same as an earlier one."""
    kept: list[Moment] = []
    for moment in moments:
        if not any(moment.is_same_as(other) for other in kept):
            kept.append(moment)
    return tuple(kept)


class OnLostSnapshot(Enum):
    """What becomes of a run whose source no longer has the state that its rows were read in."""

    RESTART = "RESTART"
    """What was copied is taken back, and every table is copied again from one new state."""
    CONTINUE = "CONTINUE"
    """What was copied stays and the rest comes from a new state: right for a source at rest. The comparison
    tells; without one by digests the report claims no consistency across the two."""


CHOICES = (
    "choose RESTART to copy every table again from one new snapshot, or CONTINUE to keep what is copied and read the "
    "rest from a new snapshot, which is exact only if the source was at rest meanwhile"
)
"""The two choices, for people."""
