"""Sums of hashes over rows as they cross, added up by the C helper (`domain.migrations.digests.Digest`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from domain.catalog.types import Carrier, LogicalType, carrier
from domain.migrations.canonical import Frame, Link, frame, inline_max, link
from domain.migrations.digests import RowHash
from infra.connectors.native import has_native

if TYPE_CHECKING:
    import pyarrow as pa

    from infra.connectors.native._native import Shape

LETTERS = {RowHash.MD5: "m", RowHash.CRC: "c", RowHash.LOOKUP3: "l", RowHash.TEXT: "t"}
"""How the C helper calls the hashes that it knows."""

NATIVE_HASHES = frozenset(LETTERS) - {RowHash.MD5} if has_native() else frozenset()
"""The hashes that are cheap where the C helper digests the rows itself, as no server does."""

_LINKS = {Link.SMALL: "i", Link.LARGE: "I", Link.DAY: "d", Link.DECIMAL: "n", Link.TEXT: "t"}


def links(types: Iterable[LogicalType]) -> str:
    """Say by which step each column enters the chain of its row, in letters of the C helper."""
    return "".join(_LINKS[link(type_)] for type_ in types)


class RowSummer:
    """Adds up the hashes of the texts of rows with columns of some types; without hashes there is nothing to do."""

    def __init__(self, types: Iterable[LogicalType], hashes: tuple[RowHash, ...]) -> None:
        known = tuple(types)
        self._shapes, self._links = [_shape(type_) for type_ in known] if hashes else [], links(known)
        self._letters = "".join(LETTERS[hash_] for hash_ in hashes)

    def sums(self, batch: pa.RecordBatch) -> tuple[int, ...]:
        """Return the sum over the rows of a batch for each hash; the helper must have been built."""
        if not self._letters:
            return ()
        from infra.connectors.native import _native  # noqa: PLC0415 - only where it could be built

        return _native.batch_digest(batch, self._shapes, self._letters, self._links)


def _shape(type_: LogicalType) -> Shape:
    """Return how texts and bytes are spelled in the text of their row; words need not be told."""
    match frame(type_):
        case Frame.PLAIN:
            return ("t", 0, 0)
        case Frame.HASHED:
            return ("h", 0, 0)
        case Frame.SIZED:
            return ("y" if carrier(type_) is Carrier.BYTES else "S", inline_max(type_), 0)
