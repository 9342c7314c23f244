"""Cutting tables into chunks whose numbers survive an interruption."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from domain.kernel.codec import fingerprint
from domain.kernel.errors import SchemaDrift
from domain.migrations.plan import RunOptions
from domain.migrations.transfer import Capabilities, Chunk, ChunkScope, TableCopy, WholeTable

_NUMBER_BITS = 31


def chunk_rows(options: RunOptions, target: Capabilities) -> int:
    """Return how many rows to commit at once: as many as are asked for, but whole groups of the target's storage.

    If about one group is asked for, it is as many groups as the target stores side by side.
    """
    asked = options.chunk_rows / target.rows_together
    groups = int(asked) or round(asked)
    return max(groups, target.groups_at_once) * target.rows_together if groups else options.chunk_rows


def large_rows(copy: TableCopy, rows_max: int, target: Capabilities) -> int:
    """Return how many rows of a table to commit at once: fewer where the target would hold too much at once.

    It is a power of two, so that an estimate that is a little different gives the same chunks.
    """
    size = copy.size_bytes / max(1, copy.row_estimate)
    if size * target.rows_held <= target.held_bytes_max:
        return rows_max
    fitting = max(1, int(target.held_bytes_max / size))
    return min(rows_max, 1 << (fitting.bit_length() - 1))


def left_of(copy: TableCopy, chunks: tuple[Chunk, ...], done: Collection[int]) -> tuple[Chunk, ...]:
    """Return the chunks of a table that are not among those that are done, by their numbers.

    Raises:
        SchemaDrift: a chunk that is done is none of the table's as it is now, so going on could lose or
            double rows.
    """
    if set(done) == {_number(WholeTable())}:
        return ()  # it was expected to be small, and is copied as a whole
    if not set(done) <= {chunk.number for chunk in chunks}:
        raise SchemaDrift(
            f"table {copy.source} has changed since this run was interrupted; start it afresh to copy it as it is now",
            path=(str(copy.source),),
        )
    return tuple(chunk for chunk in chunks if chunk.number not in done)


def numbered(chunks: Iterable[Chunk]) -> tuple[Chunk, ...]:
    """Give every chunk of a table the number that its scope makes.

    A receipt knows a chunk only by number. With numbers counted from zero a table that changed
    between two attempts could have other rows under the same number, and they would be taken for
    copied.
    """
    taken: dict[int, Chunk] = {}
    for chunk in chunks:
        number = _number(chunk.scope)
        while number in taken:
            number = (number + 1) % 2**_NUMBER_BITS
        taken[number] = replace(chunk, number=number)
    return tuple(taken.values())


def _number(scope: ChunkScope) -> int:
    number: int = int(fingerprint(scope), 16) % 2**_NUMBER_BITS
    return number
