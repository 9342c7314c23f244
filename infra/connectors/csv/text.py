"""The text of a CSV file as UTF-8, whatever it is stored as, in blocks of whole records."""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, cast

from domain.kernel.errors import DatabaseError
from infra.connectors.csv.dialect import Dialect

BLOCK_BYTES = 2 * 1024 * 1024
"""A block is about this large, or as large as its one record."""

RECORD_BYTES_MAX = 1024 * 1024 * 1024
"""Longest record; one without end is far more often a quote that is never closed."""

MARK = codecs.BOM_UTF8
"""What some programs put before UTF-8; it is no part of the text."""

Read = Callable[[int], bytes]


def open_bytes(path: Path) -> AbstractContextManager[IO[bytes]]:
    """Open a file for reading, unpacked if it is packed."""
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def reader(file: IO[bytes], path: Path, dialect: Dialect, *, at_start: bool) -> Read:
    """Return a function that gives the next bytes of a file's text in UTF-8, none at its end.

    Raises (when called):
        DatabaseError: the bytes are none of the encoding.
    """
    if dialect.is_utf8:
        start = file.read(len(MARK)) if at_start else b""
        return _after(b"" if start == MARK else start, file.read)
    decoder = codecs.getincrementaldecoder(dialect.format.encoding)("strict")
    lines = 0

    def read(size: int) -> bytes:
        nonlocal lines
        while True:
            data = file.read(size)
            try:
                text = decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                line = lines + 1 + error.object[: error.start].count(b"\n")
                raise DatabaseError(
                    f"{path}, line {line}: this is no {dialect.format.encoding}; name the file's encoding."
                ) from error
            lines += text.count("\n")
            if text or not data:
                return text.removeprefix("\ufeff").encode()

    return read


def _after(start: bytes, read: Read) -> Read:
    kept = [start]

    def first(size: int) -> bytes:
        return kept.pop() + read(size) if kept else read(size)

    return first


def limited(read: Read, size: int | None) -> Read:
    """Return a function that reads on only up to so many bytes."""
    if size is None:
        return read
    left = size

    def bounded(wanted: int) -> bytes:
        nonlocal left
        data = read(min(wanted, left))
        left -= len(data)
        return data

    return bounded


def blocks(read: Read, quote: bytes, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Cut a text that begins with a record into blocks of whole records.

    A line break ends a record exactly if an even number of quotes stand before it: a field in quotes has two
    around it and two for each one inside. That holds for files of strict form; what is read is checked for it.

    Raises:
        DatabaseError: a record has no end.
    """
    rest, step = b"", size
    while data := read(step):
        rest += data
        end = record_end(rest, quote)
        if end:
            yield rest[:end]
            rest, step = rest[end:], size
        elif len(rest) > RECORD_BYTES_MAX:
            raise DatabaseError(f"A record is longer than {RECORD_BYTES_MAX} bytes; is a quote never closed?")
        else:
            step = min(2 * step, RECORD_BYTES_MAX)
    if rest:
        yield rest


def record_end(text: bytes, quote: bytes) -> int:
    """Return where the last whole record of a text ends, 0 if none does."""
    place = text.rfind(b"\n")
    if not quote:
        return place + 1
    total = text.count(quote)
    behind = text.count(quote, place + 1) if place >= 0 else 0
    while place >= 0 and (total - behind) % 2:
        previous = text.rfind(b"\n", 0, place)
        behind += text.count(quote, previous + 1, place)
        place = previous
    return place + 1
