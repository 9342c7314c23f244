"""Values that the server would change without a word, found before they are sent.

The server warns of most changes (a warning undoes the chunk), but not of all: it drops digits of a second
that a column does not keep and spaces at the end of a CHAR, rounds fractions into whole numbers, takes
`2` for the second label of an ENUM, fills BINARY up with zero bytes, and makes `?` of what is not ASCII. Of a day
in the year 10000 it might take the first digits only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from domain.catalog.types import Bits, Carrier, Date, Decimal, Float, Timestamp, carrier
from domain.kernel.errors import ValueRejected
from infra.connectors.late import compute as pc
from infra.connectors.mysql.types import DECIMAL_NAMES, FLOAT_BITS, FRACTION_NAMES, INTEGER_BITS, Native, parse_native

if TYPE_CHECKING:
    from domain.catalog.model import TableName
    from domain.migrations.transfer import ColumnCopy

_SHOWN_CHARACTERS = 60
_WHOLE_NUMBER = r"^-?[0-9]+(\.0*)?$"
_DAY = r"^[0-9]{4}-.*[^C]$"
_DAY_BYTES, _STAMP_BYTES = 10, 26
_DAY_NAMES = frozenset({"date", "datetime", "timestamp"})
_NUMBER_NAMES = frozenset({*DECIMAL_NAMES, *FLOAT_BITS, *INTEGER_BITS})


def check_exact(table: TableName, column: ColumnCopy, values: pa.Array) -> None:
    """Check that every value has its exact place in the target column, as far as the server would not say so.

    Raises:
        ValueRejected: one has not; the message names the column and shows the value.
    """
    native = parse_native(column.target_native)
    form = carrier(column.type)
    if form is Carrier.FLOAT64:
        _check_float(table, column, native, values)
    elif form is Carrier.BYTES:
        if native.name == "binary":
            fits = pc.equal(pc.binary_length(values), native.length or 1)
            _require(table, column, values, fits, f"does not fill {column.target_native}")
    elif form is Carrier.TEXT:
        if isinstance(column.type, Date | Timestamp) and native.name in _DAY_NAMES:
            _check_days(table, column, values)
        elif isinstance(column.type, Decimal) and native.name in _NUMBER_NAMES:
            _check_finite(table, column, values)
        _check_text(table, column, native, values)


def _check_float(table: TableName, column: ColumnCopy, native: Native, values: pa.Array) -> None:
    _require(table, column, values, pc.is_finite(values), "has no place in MySQL")
    if native.name == "float" and column.type != Float(32):
        narrow = values.cast(pa.float32(), safe=False).cast(pa.float64())
        _require(table, column, values, pc.equal(narrow, values), "has more digits than FLOAT keeps")
    if native.name in INTEGER_BITS:
        _require(table, column, values, pc.equal(pc.trunc(values), values), "is no whole number")


def _check_text(table: TableName, column: ColumnCopy, native: Native, values: pa.Array) -> None:
    name = native.name
    if name in FRACTION_NAMES and native.fraction < 6:  # noqa: PLR2004 - digits of a canonical text
        fits = pc.ends_with(values, "0" * (6 - native.fraction))
        _require(table, column, values, fits, f"has more digits of a second than {column.target_native} keeps")
    elif name == "char":
        _require(table, column, values, pc.invert(pc.ends_with(values, " ")), "ends in spaces, which CHAR drops")
    elif name in INTEGER_BITS or name == "year":
        _require(table, column, values, pc.match_substring_regex(values, _WHOLE_NUMBER), "is no whole number")
    elif name == "enum":
        labels = pa.array(native.labels, values.type)
        _require(table, column, values, pc.is_in(values, value_set=labels), "is none of the ENUM's labels")
    elif name == "set":
        known = {"", *native.labels}
        found = [value for value in pc.unique(values).to_pylist() if value is not None]
        strangers = [value for value in found if not known.issuperset(value.split(","))]
        fits = pc.invert(pc.is_in(values, value_set=pa.array(strangers, values.type)))
        _require(table, column, values, fits, "has members that the SET does not know")
    elif name == "bit" and isinstance(column.type, Bits):
        fits = pc.equal(pc.utf8_length(values), native.length or 1)
        _require(table, column, values, fits, f"does not fill {column.target_native}")
    elif name in FLOAT_BITS:
        _require(table, column, values, pc.equal(_printed(values), values), "has no exact place in a floating point")
    if native.charset == "ascii":
        _require(table, column, values, pc.string_is_ascii(values), "is not ASCII")


def _check_days(table: TableName, column: ColumnCopy, values: pa.Array) -> None:
    """Check that days are of years 1 to 9999: others have more digits, or end in BC, or are `infinity`.

    Where no value holds a letter, none is shorter than a day of such a year, so the bytes of all tell. Arrow's
    functions are for the rest: their import takes longer than many a table.
    """
    text = _bytes_of(values)
    width = _DAY_BYTES if isinstance(column.type, Date) else _STAMP_BYTES
    expected = width * (len(values) - values.null_count)
    if len(text) != expected or b"i" in text or b"C" in text:
        fits = pc.match_substring_regex(values, _DAY)
        _require(table, column, values, fits, "is no day of years 1 to 9999")


def _check_finite(table: TableName, column: ColumnCopy, values: pa.Array) -> None:
    text = _bytes_of(values)
    if b"N" in text or b"I" in text:
        _require(table, column, values, pc.match_substring_regex(values, "[0-9]$"), "is no finite number")


def _bytes_of(values: pa.Array) -> bytes:
    """Return the bytes of all texts of a column, one after the other."""
    _, offsets, data = values.buffers()
    if data is None:
        return b""
    places = memoryview(offsets).cast("q")
    return bytes(memoryview(data)[places[values.offset] : places[values.offset + len(values)]])


def _printed(values: pa.Array) -> pa.Array:
    """Return decimals as they would be printed after a detour over a double."""
    return values.cast(pa.float64()).cast(values.type)


def _require(table: TableName, column: ColumnCopy, values: pa.Array, fits: pa.Array, complaint: str) -> None:
    """Raise if a value (not NULL) does not fit, showing the first such."""
    misfits = values.filter(pc.and_(pc.invert(fits), pc.is_valid(values)))
    if len(misfits):
        shown = repr(misfits[0].as_py())[:_SHOWN_CHARACTERS]
        raise ValueRejected(f"{table}.{column.target}: {shown} {complaint}", path=(str(table), column.target))
