"""The hashes of row texts once more, in plain Python and slowly."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Sequence
from datetime import date

from domain.catalog.types import LogicalType
from domain.kernel.values import Rows
from domain.migrations.canonical import Carried, Frame, Link, digest_text, frame, hash_text, link
from domain.migrations.digests import Digest, RowHash

_WORD = 0xFFFFFFFF
_DOUBLE_WORD = (1 << 64) - 1
_CASTAGNOLI = 0x82F63B78


def row_hash(by: RowHash, text: bytes) -> int:
    """The hash of a text."""
    match by:
        case RowHash.LOOKUP3:
            return _signed(_lookup3(text, 0))
        case RowHash.TEXT:
            return _lookup3(text, 0)
        case RowHash.CRC:
            return zlib.crc32(text) * _crc32c(text)
        case _:
            return int(hash_text(text)[:15], 16)


def digest_of(by: RowHash, types: Sequence[LogicalType], rows: Iterable[Sequence[Carried]]) -> Digest:
    """The digest of some rows of carried values."""
    hashes = [_of_row(by, types, row) for row in rows]
    return Digest(Rows(len(hashes)), sum(hashes), by)


def _of_row(by: RowHash, types: Sequence[LogicalType], row: Sequence[Carried]) -> int:
    if by is RowHash.LOOKUP3:
        return _signed(_chained(types, row))
    return row_hash(by, b"".join(digest_text(type_, value) for type_, value in zip(types, row, strict=True)))


def _chained(types: Sequence[LogicalType], row: Sequence[Carried]) -> int:
    found = 0
    for start in range(0, len(types), 15):
        kinds = 0
        for place, (type_, value) in enumerate(zip(types[start : start + 15], row[start : start + 15], strict=True)):
            found, kind = _linked(type_, value, found)
            kinds |= kind << 2 * place
        found = _word(kinds, found)
    return found


def _linked(type_: LogicalType, value: Carried, seed: int) -> tuple[int, int]:
    """The hash with a value added to it, and what that does not say: 1 NULL, 2 zero, 3 negative."""
    how = link(type_)
    if value is None:
        known = {Link.LARGE: "0", Link.SMALL: "0", Link.DAY: "2000-01-01", Link.DECIMAL: "0"}.get(how)
        return (_lookup3(b"", seed) if known is None else _step(how, known, seed)), 1
    found = digest_text(type_, value)
    content = found.partition(b":")[2] if frame(type_) is Frame.SIZED else found[:-1]
    if how is Link.TEXT:
        return _lookup3(content, seed), 0
    if not _is_known(how, content):
        return _lookup3(content, seed), 0
    kind = (2 if not content.strip(b"-0.") else 3 if content.startswith(b"-") else 0) if how is Link.DECIMAL else 0
    return _step(how, content.decode(), seed), kind


def _is_known(how: Link, content: bytes) -> bool:
    """Whether a text is of its column's kind; any other is taken as it is, and MD5 will decide."""
    pattern = {Link.DAY: rb"-?infinity|\d{4,}-\d\d-\d\d( BC)?", Link.DECIMAL: rb"-?\d+(\.\d+)?"}.get(how, rb"-?\d+")
    return re.fullmatch(pattern, content) is not None


def _step(how: Link, value: str, seed: int) -> int:
    match how:
        case Link.SMALL:
            return _folded(int(value), seed)
        case Link.LARGE:
            return _folded(int(value), _word(int(value) >> 32, seed))
        case Link.DAY:
            return _word(_days(value), seed)
        case _:
            return _decimal(value.removeprefix("-"), seed)


def _word(value: int, seed: int) -> int:
    return _lookup3((value & _WORD).to_bytes(4, "little"), seed)


def _folded(value: int, seed: int) -> int:
    return _word(value ^ (value >> 32 if value >= 0 else ~(value >> 32)), seed)


def _days(text: str) -> int:
    if text.endswith("infinity"):
        return -(1 << 31) if text.startswith("-") else (1 << 31) - 1
    day, _, before = text.partition(" ")
    year, month, of_month = (int(part) for part in day.split("-"))
    year = 1 - year if before else year
    turns = (year - 2000) // 400  # a calendar of the same days begins every 400 years
    return date(year - 400 * turns, month, of_month).toordinal() - date(2000, 1, 1).toordinal() + turns * 146_097


def _decimal(text: str, seed: int) -> int:
    whole, _, places = text.partition(".")
    whole, places = whole.zfill(-(-len(whole) // 4) * 4), places.ljust(-(-len(places) // 4) * 4, "0")
    groups = [int((whole + places)[at : at + 4]) for at in range(0, len(whole + places), 4)]
    weight = len(whole) // 4 - 1
    while groups and groups[0] == 0:
        groups, weight = groups[1:], weight - 1
    while groups and groups[-1] == 0:
        groups.pop()
    if not groups:
        return seed - 1 & _DOUBLE_WORD
    return _lookup3(struct.pack(f"<{len(groups)}h", *groups), seed) ^ weight & _DOUBLE_WORD


def _crc32c(text: bytes) -> int:
    rest = _WORD
    for byte in text:
        rest ^= byte
        for _ in range(8):
            rest = rest >> 1 ^ (_CASTAGNOLI if rest & 1 else 0)
    return rest ^ _WORD


def _lookup3(text: bytes, seed: int) -> int:
    start = 0x9E3779B9 + len(text) + 3923095 & _WORD
    words = [start, start, start]
    if seed:
        _add(words, struct.pack("<III", seed >> 32, seed & _WORD, 0))
        _mix(words)
    blocks, rest = divmod(len(text), 12)
    for place in range(blocks):
        _add(words, text[12 * place : 12 * place + 12])
        _mix(words)
    tail = text[len(text) - rest :]
    _add(words, tail[:8].ljust(8, b"\0") + b"\0" + tail[8:].ljust(3, b"\0"))
    for step, turn in enumerate((14, 11, 25, 16, 4, 14, 24)):
        here, before = (step + 2) % 3, (step + 1) % 3
        words[here] = (words[here] ^ words[before]) - _turned(words[before], turn) & _WORD
    return words[1] << 32 | words[2]


def _mix(words: list[int]) -> None:
    for step, turn in enumerate((4, 6, 8, 16, 19, 4)):
        here, before, after = step % 3, (step + 2) % 3, (step + 1) % 3
        words[here] = (words[here] - words[before] & _WORD) ^ _turned(words[before], turn)
        words[before] = words[before] + words[after] & _WORD


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word


def _add(words: list[int], block: bytes) -> None:
    for place in range(3):
        words[place] = words[place] + int.from_bytes(block[4 * place : 4 * place + 4], "little") & _WORD


def _turned(word: int, bits: int) -> int:
    return (word << bits | word >> (32 - bits)) & _WORD
