"""Columns to CSV records, column by column."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from domain.catalog.model import Column
from domain.kernel.errors import ValueRejected
from infra.connectors.csv.dialect import Dialect
from infra.connectors.csv.values import spelled

LINE_END = "\n"


def header_line(names: Sequence[str], dialect: Dialect) -> bytes:
    """Return the record of the columns' names, nothing if files have none."""
    if not dialect.format.header:
        return b""
    fields = [_quoted(pa.array([name], pa.large_string()), dialect) for name in names]
    return _encoded(_lines(fields, dialect), dialect)


def rows_text(batch: pa.RecordBatch, columns: Sequence[Column], dialect: Dialect) -> bytes:
    """Return rows as records.

    Raises:
        ValueRejected: a value cannot be written in this format.
    """
    fields = [
        _quoted(spelled(column.type, values), dialect, name=column.name)
        for column, values in zip(columns, batch.columns, strict=True)
    ]
    return _encoded(_lines(fields, dialect), dialect)


def _quoted(texts: pa.Array, dialect: Dialect, *, name: str = "") -> pa.Array:
    """Put quotes around the fields that need them, and write NULL for NULL."""
    null = pa.scalar(dialect.format.null, pa.large_string())
    special = pc.or_(pc.match_substring_regex(texts, dialect.needs_quotes), pc.equal(texts, null))
    special = pc.fill_null(special, pa.scalar(value=False))
    if not pc.any(special).as_py():
        return pc.fill_null(texts, null)
    quote = dialect.format.quote
    if not quote:
        found = texts.filter(special)[0].as_py()
        raise ValueRejected(
            f"{found[:80]!r} cannot be written to column {name} without quotes; give the format a quote.", path=(name,)
        )
    mark = pa.scalar(quote, pa.large_string())
    nothing = pa.scalar("", pa.large_string())
    inner = pc.replace_substring(texts, quote, quote * 2)
    return pc.fill_null(pc.if_else(special, pc.binary_join_element_wise(mark, inner, mark, nothing), texts), null)


def _lines(fields: Sequence[pa.Array], dialect: Dialect) -> bytes:
    """Join fields to records; all of them lie behind one another in the buffer of the joined array."""
    delimiter = pa.scalar(dialect.format.delimiter, pa.large_string())
    end = pa.scalar(LINE_END, pa.large_string())
    nothing = pa.scalar("", pa.large_string())
    records = pc.binary_join_element_wise(*fields, delimiter) if len(fields) > 1 else fields[0]
    lines = pc.binary_join_element_wise(records, end, nothing)
    if not len(lines):
        return b""
    _, offsets, data = lines.buffers()
    places = pa.Array.from_buffers(pa.int64(), len(lines) + 1, [None, offsets], offset=lines.offset)
    return bytes(data[places[0].as_py() : places[len(lines)].as_py()])


def _encoded(text: bytes, dialect: Dialect) -> bytes:
    if dialect.is_utf8:
        return text
    try:
        return text.decode().encode(dialect.format.encoding)
    except UnicodeEncodeError as error:
        sign = error.object[error.start : error.start + 1]
        raise ValueRejected(
            f"The character {sign!r} has no place in {dialect.format.encoding}; write the files in utf-8."
        ) from None


class CsvWriter:
    """A CSV file that is being written; its first record names the columns if the format says so."""

    def __init__(self, path: Path, columns: tuple[Column, ...], dialect: Dialect) -> None:
        self._columns = columns
        self._dialect = dialect
        header = header_line([column.name for column in columns], dialect)
        self._file = path.open("wb")
        self._file.write(header)

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows."""
        self._file.write(rows_text(batch, self._columns, self._dialect))

    def close(self) -> None:
        """Write what is left, and see that it is on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def abandon(self) -> None:
        """Close the file."""
        self._file.close()
