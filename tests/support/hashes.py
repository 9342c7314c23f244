"""The hashes of row texts once more, in plain Python and slowly."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

from domain.catalog.types import LogicalType
from domain.kernel.values import Rows
from domain.migrations.canonical import Carried, digest_text, hash_text
from domain.migrations.digests import Digest, RowHash

_WORD = 0xFFFFFFFF
_CASTAGNOLI = 0x82F63B78


def row_hash(by: RowHash, text: bytes) -> int:
    """The hash of a row's text."""
    match by:
        case RowHash.LOOKUP3:
            return _lookup3(text)
        case RowHash.CRC:
            return zlib.crc32(text) * _crc32c(text)
        case _:
            return int(hash_text(text)[:15], 16)


def digest_of(by: RowHash, types: Sequence[LogicalType], rows: Iterable[Sequence[Carried]]) -> Digest:
    """The digest of some rows of carried values."""
    texts = [b"".join(digest_text(type_, value) for type_, value in zip(types, row, strict=True)) for row in rows]
    return Digest(Rows(len(texts)), sum(row_hash(by, text) for text in texts), by)


def _crc32c(text: bytes) -> int:
    rest = _WORD
    for byte in text:
        rest ^= byte
        for _ in range(8):
            rest = rest >> 1 ^ (_CASTAGNOLI if rest & 1 else 0)
    return rest ^ _WORD


def _lookup3(text: bytes) -> int:
    start = 0x9E3779B9 + len(text) + 3923095 & _WORD
    words = [start, start, start]
    blocks, rest = divmod(len(text), 12)
    for place in range(blocks):
        _add(words, text[12 * place : 12 * place + 12])
        for step, turn in enumerate((4, 6, 8, 16, 19, 4)):
            here, before, after = step % 3, (step + 2) % 3, (step + 1) % 3
            words[here] = (words[here] - words[before] & _WORD) ^ _turned(words[before], turn)
            words[before] = words[before] + words[after] & _WORD
    tail = text[len(text) - rest :]
    _add(words, tail[:8].ljust(8, b"\0") + b"\0" + tail[8:].ljust(3, b"\0"))
    for step, turn in enumerate((14, 11, 25, 16, 4, 14, 24)):
        here, before = (step + 2) % 3, (step + 1) % 3
        words[here] = (words[here] ^ words[before]) - _turned(words[before], turn) & _WORD
    found = words[1] << 32 | words[2]
    return found - (1 << 64) if found >> 63 else found


def _add(words: list[int], block: bytes) -> None:
    for place in range(3):
        words[place] = words[place] + int.from_bytes(block[4 * place : 4 * place + 4], "little") & _WORD


def _turned(word: int, bits: int) -> int:
    return (word << bits | word >> (32 - bits)) & _WORD
