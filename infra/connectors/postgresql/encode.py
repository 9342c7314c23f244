"""From column batches to the bytes of COPY's text format, by whole columns."""

from __future__ import annotations

import binascii
import re
import struct
from typing import TYPE_CHECKING

import pyarrow as pa

from domain.kernel.errors import ValueRejected
from infra.connectors.late import compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.migrations.transfer import ColumnCopy, TableCopy

_ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))
"""What COPY reads as structure, and how it is written as data. The backslash comes first."""

_NULL = "\\N"
_BYTES_PREFIX = "\\\\x"
_VARCHAR = re.compile(r"(?:varchar|character varying)\((\d+)\)")
_MESSAGE_BYTES_MAX = 1024 * 1024


def encoded(copy: TableCopy, batch: pa.RecordBatch) -> Iterator[memoryview]:
    """Yield the rows of a batch as COPY text, in pieces of at most 1 MiB that need not end with a row.

    Raises:
        ValueRejected: a text holds the character NUL, which PostgreSQL cannot store, or is longer
            than its column.
    """
    if batch.num_rows == 0:
        return
    for column, target in zip(batch.columns, copy.columns, strict=True):
        _refuse_long(column, target)
    columns = [_as_text(batch.column(number), field) for number, field in enumerate(batch.schema)]
    columns[-1] = _joined(columns[-1], _word(""), separator="\n")
    lines = _joined(*columns, separator="\t")
    data = _data(lines)
    for start in range(0, len(data), _MESSAGE_BYTES_MAX):
        yield data[start : start + _MESSAGE_BYTES_MAX]


def _refuse_long(column: pa.Array, target: ColumnCopy) -> None:
    """Refuse texts longer than their column. PostgreSQL would, too, but silently cuts spaces at the end."""
    match = _VARCHAR.fullmatch(target.target_native)
    if match is None or not pa.types.is_large_string(column.type):
        return
    longest = pc.max(pc.utf8_length(column)).as_py()
    if longest is not None and longest > int(match[1]):
        text = (
            f"A text of {longest} characters does not fit column {target.target}, which is {target.target_native}. "
            "Shorten it at the source, or make the target's column longer."
        )
        raise ValueRejected(text)


def _as_text(column: pa.Array, field: pa.Field) -> pa.Array:
    """Return a column as COPY text. Floats are cast to the shortest text that reads back as the same number."""
    if pa.types.is_large_binary(field.type):
        return _hexed(column)
    if not pa.types.is_large_string(field.type):
        return pc.cast(column, pa.large_string())
    data = bytes(_data(column))
    if b"\0" in data and pc.any(pc.match_substring(column, "\0")).as_py():
        text = (
            f"A text in column {field.name} holds the character NUL, which PostgreSQL cannot store. "
            "Remove it at the source, or map the column to bytes."
        )
        raise ValueRejected(text)
    for character, escape in _ESCAPES:
        if character.encode() in data:
            column = pc.replace_substring(column, character, escape)
    return column


def _hexed(column: pa.Array) -> pa.Array:
    """Double every value from bytes to hex digits behind the prefix; the offsets double with them."""
    first = _offset(column, 0)
    offsets = pa.Array.from_buffers(pa.int64(), len(column) + 1, [None, column.buffers()[1]], offset=column.offset)
    doubled = pc.shift_left(pc.subtract(offsets, first), 1)
    digits = pa.py_buffer(binascii.hexlify(_data(column)))
    text = pa.Array.from_buffers(pa.large_string(), len(column), [None, doubled.buffers()[1], digits])
    prefixed = _joined(_word(_BYTES_PREFIX), text, separator="")
    if column.null_count == 0:
        return prefixed
    return pc.if_else(pc.is_valid(column), prefixed, pa.scalar(None, pa.large_string()))


def _joined(*columns: pa.Array | pa.Scalar, separator: str) -> pa.Array:
    """Join columns row by row; NULL becomes COPY's mark for it."""
    return pc.binary_join_element_wise(*columns, _word(separator), null_handling="replace", null_replacement=_NULL)


def _word(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())


def _data(column: pa.Array) -> memoryview:
    """Return the bytes of all values of a text or binary column, end to end."""
    data = column.buffers()[2]
    if data is None:
        return memoryview(b"")
    return memoryview(data)[_offset(column, 0) : _offset(column, len(column))]


def _offset(column: pa.Array, place: int) -> int:
    """Return where in the data buffer the value at a place begins."""
    (offset,) = struct.unpack_from("<q", column.buffers()[1], (column.offset + place) * 8)
    return int(offset)
