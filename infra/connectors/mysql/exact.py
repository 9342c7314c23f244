"""Values that LOAD DATA would change without a word, found before they are sent.

The server warns of most changes (a warning undoes the chunk), but not of all: it drops digits of a second
that a column does not keep and spaces at the end of a CHAR, rounds fractions into whole numbers, takes
`2` for the second label of an ENUM, fills BINARY up with zero bytes, and makes `?` of what is not ASCII.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from domain.catalog.types import Bits, Carrier, Float, carrier
from domain.kernel.errors import ValueRejected
from infra.connectors.late import compute as pc
from infra.connectors.mysql.types import FLOAT_BITS, FRACTION_NAMES, INTEGER_BITS, Native, parse_native

if TYPE_CHECKING:
    from domain.catalog.model import TableName
    from domain.migrations.transfer import ColumnCopy

_SHOWN_CHARACTERS = 60
_WHOLE_NUMBER = r"^-?[0-9]+(\.0*)?$"


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


def _printed(values: pa.Array) -> pa.Array:
    """Return decimals as they would be printed after a detour over a double."""
    return values.cast(pa.float64()).cast(values.type)


def _require(table: TableName, column: ColumnCopy, values: pa.Array, fits: pa.Array, complaint: str) -> None:
    """Raise if a value (not NULL) does not fit, showing the first such."""
    misfits = values.filter(pc.and_(pc.invert(fits), pc.is_valid(values)))
    if len(misfits):
        shown = repr(misfits[0].as_py())[:_SHOWN_CHARACTERS]
        raise ValueRejected(f"{table}.{column.target}: {shown} {complaint}", path=(str(table), column.target))
