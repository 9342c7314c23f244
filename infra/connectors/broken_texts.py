"""Columns of texts some of which are no UTF-8 (`domain.migrations.broken_texts`): Arrow only carries them."""

from __future__ import annotations

import pyarrow as pa

from domain.migrations.broken_texts import text_of_bytes
from domain.migrations.limits import Value


def is_sound(column: pa.Array) -> bool:
    """Whether all texts of a column are UTF-8."""
    if not pa.types.is_large_string(column.type):
        return True
    try:
        column.cast(pa.large_binary()).cast(pa.large_string())
    except pa.ArrowInvalid:
        return False
    return True


def values_of(column: pa.Array) -> list[Value]:
    """Return the values of a column, whatever bytes its texts hold."""
    if is_sound(column):
        found: list[Value] = column.to_pylist()
        return found
    raw = column.cast(pa.large_binary()).to_pylist()
    return [None if value is None else text_of_bytes(value) for value in raw]
