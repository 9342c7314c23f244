"""What COPY ... TO STDOUT is taken in."""

from __future__ import annotations

from dataclasses import dataclass

BLOCK_BYTES_MAX = 4 * 1024 * 1024
"""A block ends at about this size, as a batch of columns does; one larger row makes a block of its own."""


@dataclass(frozen=True)
class Block:
    """Some whole rows as the server sent them. The last block, and only that, has the number of all rows."""

    data: bytes
    rows: int | None = None


def rows_of(tag: str) -> int:
    """Return the number of rows that a command tag (`COPY 12`) speaks of."""
    return int(tag.rpartition(" ")[2])
