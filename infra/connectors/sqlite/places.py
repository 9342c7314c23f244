"""From what crosses to what SQLite stores, with a refusal where a column would change the value.

A target that we made has an exact place for every value; a table that was there before may have
a word whose affinity turns texts into numbers or numbers into texts.
"""

from __future__ import annotations

from typing import NoReturn

import pyarrow as pa

from domain.catalog.types import Carrier, Decimal, Integer, carrier
from domain.kernel.errors import ValueRejected
from domain.migrations.transfer import ColumnCopy
from infra.connectors.late import compute as pc
from infra.connectors.sqlite.types import Affinity, affinity
from infra.connectors.sqlite.values import INTEGER_EXACT_MAX

_LARGEST = 2**63 - 1
_LOOKS_NUMERIC = r"^[ \t\n\v\f\r]*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[ \t\n\v\f\r]*$"
_SAFE_NUMBER = r"^-?(?:0|[1-9]\d*)(?:\.\d+)?$"
_DOUBLE_DIGITS = 15
_AS_TEXT = frozenset({Affinity.TEXT, Affinity.BLOB})


def to_stored(column: ColumnCopy, array: pa.Array) -> pa.Array:
    """Return a column's values as they are bound: 64-bit integers, doubles, texts, bytes.

    Raises:
        ValueRejected: the column would not keep one of them as it is.
    """
    place = affinity(column.target_native)
    match carrier(column.type):
        case Carrier.UINT64:
            return _unsigned(column, array, place)
        case Carrier.FLOAT64:
            return _floats(column, array, place)
        case Carrier.INT64:
            if place is Affinity.REAL:
                _check_doubles(column, array)
        case Carrier.BOOL:
            array = array.cast(pa.int64())
        case Carrier.TEXT:
            if place not in _AS_TEXT:
                _check_texts(column, array)
        case Carrier.BYTES:
            pass
    return array


def _unsigned(column: ColumnCopy, array: pa.Array, place: Affinity) -> pa.Array:
    if place in _AS_TEXT:
        return array.cast(pa.large_string())
    largest = pc.max(array).as_py()
    if largest is not None and largest > _LARGEST:
        _reject(column, str(largest), "is beyond SQLite's integers")
    if place is Affinity.REAL:
        _check_doubles(column, array)
    return array


def _floats(column: ColumnCopy, array: pa.Array, place: Affinity) -> pa.Array:
    if pc.any(pc.is_nan(array)).as_py():
        _reject(column, "NaN", "would become NULL in SQLite")
    if place is Affinity.TEXT and array.null_count < len(array):
        _reject(column, str(pc.max(array).as_py()), "would be rounded to 15 digits by a column of text")
    return array


def _check_doubles(column: ColumnCopy, array: pa.Array) -> None:
    extremes = pc.min_max(array)
    for value in (extremes["min"].as_py(), extremes["max"].as_py()):
        if value is not None and abs(value) > INTEGER_EXACT_MAX:
            _reject(column, str(value), "would be rounded to a double")


def _check_texts(column: ColumnCopy, array: pa.Array) -> None:
    """Refuse texts that a column of numbers would change."""
    numeric = array.filter(pc.match_substring_regex(array, _LOOKS_NUMERIC))
    if len(numeric) == 0:
        return
    if not isinstance(column.type, Decimal | Integer):
        _reject(column, numeric[0].as_py(), "would become a number there")
    digits = pc.utf8_length(pc.replace_substring_regex(numeric, r"\D|^-?[0.]+", ""))
    unsafe = pc.or_(pc.greater(digits, _DOUBLE_DIGITS), pc.invert(pc.match_substring_regex(numeric, _SAFE_NUMBER)))
    rejected = numeric.filter(unsafe)
    if len(rejected):
        _reject(column, rejected[0].as_py(), "has more digits than a column of numbers keeps")


def _reject(column: ColumnCopy, value: str, why: str) -> NoReturn:
    raise ValueRejected(
        f"{value[:80]!r} {why}: column {column.target} is declared {column.target_native or 'without a type'}.",
        path=(column.target,),
    )
