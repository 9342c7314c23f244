"""The real clock and the real source of ids."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from uuid import UUID


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment, in UTC."""
        return datetime.now(UTC)


def first_epoch() -> int:
    """Return the epoch under which a run begins that nobody remembers: the time, in milliseconds since 1970.

    A run of the same name may have been there and been forgotten, and somebody may sleep who still holds a
    ticket for it. That one must not be taken for a ticket of this run, so counting never begins at the same number.
    """
    return time.time_ns() // 1_000_000


class SystemIds:
    """UUIDs of version 7 (RFC 9562, 5.7): 48 bits of milliseconds, then 74 random bits."""

    def new(self) -> UUID:
        """Return a new id; it sorts after those made in earlier milliseconds."""
        milliseconds = time.time_ns() // 1_000_000
        random_a, random_b = secrets.randbits(12), secrets.randbits(62)
        return UUID(int=milliseconds << 80 | 7 << 76 | random_a << 64 | 0b10 << 62 | random_b)
