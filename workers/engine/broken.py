"""Columns of texts some of which are no UTF-8: what of Arrow can be trusted with them, and their values."""

from __future__ import annotations

import pyarrow as pa

from domain.migrations.broken_texts import bytes_of_text, is_broken, text_of_bytes
from domain.migrations.limits import Value


def broken(column: pa.Array) -> pa.Array | None:
    """Tell which values of a column are no UTF-8; nothing if all are."""
    if not pa.types.is_large_string(column.type):
        return None
    raw = column.cast(pa.large_binary())
    try:
        raw.cast(pa.large_string())
    except pa.ArrowInvalid:
        return pa.array([value is not None and is_broken(text_of_bytes(value)) for value in raw.to_pylist()])
    return None


def values_of(column: pa.Array) -> list[Value]:
    """Return the values of a column, whatever bytes its texts hold."""
    if broken(column) is None:
        found: list[Value] = column.to_pylist()
        return found
    raw = column.cast(pa.large_binary()).to_pylist()
    return [None if value is None else text_of_bytes(value) for value in raw]


def column_of(values: list[Value], type_: pa.DataType) -> pa.Array:
    """Return values as a column of a type."""
    if not pa.types.is_large_string(type_):
        return pa.array(values, type_)
    raw = [None if value is None else bytes_of_text(str(value)) for value in values]
    return pa.array(raw, pa.large_binary()).view(type_)
