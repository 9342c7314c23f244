"""Columns whose values are of several storage classes, on their way from one SQLite file to another.

Elsewhere a column has one type, and such values become texts or bytes (`profile`). Another SQLite file
can keep each as it is, so each crosses as a text that begins with the letter of its class, and is bound
as a value of that class: `coalesce` of four parameters, one of which is not NULL.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

import pyarrow as pa

from domain.catalog.mixed import MIXED, StorageClass
from domain.catalog.types import LogicalType

_EXACT_DOUBLE = "_wherry_exact_double"


def add_functions(connection: sqlite3.Connection) -> None:
    """Let a session spell doubles so that no bit is lost; SQLite's own texts of them are rounded."""
    connection.create_function(_EXACT_DOUBLE, 1, float.hex, deterministic=True)


def selected(column: str, type_: LogicalType) -> str:
    """Spell what is selected of a column, which is given quoted."""
    if type_ != MIXED:
        return column
    spelled = {
        StorageClass.INTEGER: column,
        StorageClass.REAL: f"{_EXACT_DOUBLE}({column})",
        StorageClass.TEXT: column,
        StorageClass.BLOB: f"hex({column})",
    }
    cases = " ".join(f"WHEN '{each.name.lower()}' THEN '{each}' || {value}" for each, value in spelled.items())
    return f"CASE typeof({column}) {cases} END"


def parted(values: pa.Array) -> list[pa.Array]:
    """Return the values of each class, integers, doubles, texts and blobs, NULL where one is of another class."""
    found = values.cast(pa.large_binary()).to_pylist()
    return [
        _of(StorageClass.INTEGER, found, int, pa.int64()),
        _of(StorageClass.REAL, found, lambda text: float.fromhex(text.decode()), pa.float64()),
        _of(StorageClass.TEXT, found, bytes, pa.large_binary()).view(pa.large_string()),
        _of(StorageClass.BLOB, found, lambda text: bytes.fromhex(text.decode()), pa.large_binary()),
    ]


def _of(
    class_: StorageClass,
    found: Sequence[bytes | None],
    read: Callable[[bytes], int | float | bytes],
    type_: pa.DataType,
) -> pa.Array:
    letter = class_.encode()
    return pa.array([read(each[1:]) if each and each.startswith(letter) else None for each in found], type_)
