"""Where a CSV file is malformed: a slow and exact reader, used when the fast one has refused a block."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

from infra.connectors.csv.dialect import Dialect

NO_UTF8 = "this is no UTF-8; name the file's encoding (encoding=latin-1)"
_NO_UTF8_BUT_16 = "this is no UTF-8 but, by its first two bytes, UTF-16; name the file's encoding (encoding=utf-16)"


@dataclass(frozen=True)
class Field:
    """A field: where it begins, and its content; nothing for NULL."""

    start: int
    content: bytes | None


@dataclass(frozen=True)
class Record:
    """A record: where it begins, where the next one does, and its fields."""

    start: int
    end: int
    fields: tuple[Field, ...]


class Malformed(Exception):
    """The text is no CSV of strict form from a place on."""

    def __init__(self, place: int, reason: str) -> None:
        super().__init__(reason)
        self.place = place
        self.reason = reason


def records(text: bytes, dialect: Dialect, *, skip_empty: bool = True) -> Iterator[Record]:
    """Read a text record by record, as RFC 4180 says; a file's last record may lack its line break.

    Raises:
        Malformed: a quote or a carriage return stands where none may.
    """
    place = 0
    while place < len(text):
        start = place
        fields: list[Field] = []
        is_last = False
        while not is_last:
            field, place = _field(text, place, dialect)
            fields.append(field)
            is_last = text[place : place + 1] != dialect.delimiter
            place += 0 if is_last else 1
        is_empty = place == start
        place = _line_end(text, place)
        if not (is_empty and skip_empty):
            yield Record(start, place, tuple(fields))


def _field(text: bytes, place: int, dialect: Dialect) -> tuple[Field, int]:
    if dialect.quote and text.startswith(dialect.quote, place):
        found = dialect.field.match(text, place)
        if found is None or found["quoted"] is None:
            raise Malformed(place, "this quote is never closed")
        end = found.end()
        if end < len(text) and text[end : end + 1] not in (dialect.delimiter, b"\r", b"\n"):
            raise Malformed(end, "something stands behind a closing quote; quotes within quotes are doubled")
        return Field(place, found["quoted"].replace(dialect.quote * 2, dialect.quote)), end
    found = dialect.field.match(text, place)
    end = found.end() if found else place
    if dialect.quote and text.startswith(dialect.quote, end):
        raise Malformed(
            end, "a quote stands within a field without quotes; say quote=none if quotes are signs like any other"
        )
    content = text[place:end]
    return Field(place, None if content == dialect.format.null.encode() else content), end


def _line_end(text: bytes, place: int) -> int:
    if text.startswith(b"\r\n", place):
        return place + 2
    if text.startswith(b"\r", place) and place + 1 < len(text):
        raise Malformed(place, "a carriage return stands alone; lines end with LF or CRLF")
    return place + 1


def find_fault(text: bytes, columns: int, dialect: Dialect) -> Malformed | None:
    """Return the first fault of a block of records, or nothing."""
    try:
        for record in records(text, dialect, skip_empty=columns > 1):
            if len(record.fields) != columns:
                return Malformed(record.start, f"{len(record.fields)} fields instead of {columns}")
            for field in record.fields:
                try:
                    (field.content or b"").decode()
                except UnicodeDecodeError as error:
                    is_16 = text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
                    return Malformed(field.start + error.start, _NO_UTF8_BUT_16 if is_16 else NO_UTF8)
    except Malformed as fault:
        return fault
    return None


def position(text: bytes, place: int) -> tuple[int, int]:
    """Return how many lines end before a place, and the place's number among the characters of its line, from 1."""
    begin = text.rfind(b"\n", 0, place) + 1
    return text.count(b"\n", 0, place), len(text[begin:place].decode(errors="replace")) + 1
