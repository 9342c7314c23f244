"""By which hashes the two ends of a run are compared, and what was added up of rows on their way.

If both know a cheap hash, each digests its table by that; a source that hands rows on as its server sends
them adds them up on their way instead, and its server only counts its rows. If each knows another one, the rows are
digested on their way by both: what was carried is compared with the source by the source's hash and
with the target by the target's. The target always says itself what it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from domain.kernel.values import Rows
from domain.migrations.digests import Digest, RowHash
from domain.migrations.transfer import Batch, Capabilities, TableCopy, WireFormat, sums_nothing


@dataclass(frozen=True)
class Hashing:
    """The hash that each end is asked for first. MD5 decides if they do not prove that the ends are equal."""

    source: RowHash = RowHash.MD5
    target: RowHash = RowHash.MD5
    passes: Callable[[TableCopy], bool] = sums_nothing
    """Tells whether the source's part of a comparison is what was added up of a table's rows on their way."""

    @property
    def is_chained(self) -> bool:
        """Whether each end has a hash of its own."""
        return self.source is not self.target

    @property
    def is_carried(self) -> bool:
        """Whether the ends are compared by way of the rows that were carried."""
        return self.is_chained or self.passes is not sums_nothing

    @property
    def of_ends(self) -> Hashing:
        """What is left where nothing is known of the rows that were carried."""
        return Hashing() if self.is_chained else Hashing(self.source, self.target)


BY_MD5 = Hashing()
"""What any two ends can be compared by."""


def hashing_between(source: Capabilities, target: Capabilities) -> Hashing:
    """Choose the cheapest way to compare two engines."""
    for hash_ in RowHash:
        if hash_ in source.row_hashes & target.row_hashes:
            return Hashing(hash_, hash_, source.sums_passing)
    if source.sums_rows:
        for here in _carried(source):
            for there in _carried(target):
                return Hashing(here, there)
    return BY_MD5


def _carried(engine: Capabilities) -> Iterable[RowHash]:
    return [hash_ for hash_ in RowHash if hash_ in engine.row_hashes and hash_.is_of_row_texts]


class CarriedRows:
    """The digests of the rows that one process has carried, by both hashes of a chain, or the one that ends share.

    They need not be whole: a table of which other processes have carried a part is not equal to it.
    """

    def __init__(self, hashing: Hashing, tables: Iterable[int]) -> None:
        self._hashing = hashing
        self._hashes = (hashing.source, hashing.target) if hashing.is_chained else (hashing.source,)
        self._found = {number: tuple(Digest(Rows(0), 0, hash_) for hash_ in self._hashes) for number in tables}

    def summed(self, copy: TableCopy) -> TableCopy:
        """Have the source add up what it reads of a table, if that is of use."""
        is_summed = not copy.treatments and copy.format is WireFormat.ARROW
        wanted = is_summed if self._hashing.is_chained else self._hashing.passes(copy)
        return replace(copy, sums=self._hashes) if wanted and copy.number in self._found else copy

    def add(self, copy: TableCopy, passed: CarriedChunk) -> None:
        """Add a chunk that is in the target."""
        if passed.sums is not None and copy.number in self._found:
            self._found[copy.number] = tuple(
                replace(known, rows=Rows(known.rows + passed.rows), total=known.total + more)
                for known, more in zip(self._found[copy.number], passed.sums, strict=True)
            )

    def prove(self, copy: TableCopy, source: Digest, target: Digest) -> bool:
        """Tell whether a table was carried as it is in the source, and is in the target as it was carried.

        Of rows that the source added up as they passed it has only said how many it has.
        """
        found = self._found.get(copy.number)
        if self._hashing.passes(copy):
            return found == (target,) and source.rows == target.rows
        return found == (source, target)


class CarriedChunk:
    """What was added up over the batches of one chunk; nothing if a batch came without its sums."""

    def __init__(self) -> None:
        self.rows = 0
        self.sums: tuple[int, ...] | None = None
        self._is_summed = True

    def add(self, batch: Batch) -> None:
        """Add a batch."""
        self.rows += batch.rows
        self._is_summed = self._is_summed and bool(batch.sums)
        sums = self.sums or (0,) * len(batch.sums)
        self.sums = tuple(map(sum, zip(sums, batch.sums, strict=True))) if self._is_summed else None
