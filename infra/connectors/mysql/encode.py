r"""From Arrow batches to the input of LOAD DATA, a column at a time.

The input is bytes (`CHARACTER SET binary`): values apart by tabs, rows by line feeds, `\N` for NULL,
and a backslash before a backslash, tab or line feed within a value; NUL is `\0`. Text is UTF-8 and enters
the usual utf8mb4 columns as it is; for other columns the statement names its character set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from domain.catalog.types import (
    Bits,
    Carrier,
    Date,
    Decimal,
    Duration,
    Integer,
    Time,
    Timestamp,
    Uuid,
    carrier,
)
from infra.connectors.late import compute as pc
from infra.connectors.mysql.exact import check_exact
from infra.connectors.mysql.names import quoted, table_sql
from infra.connectors.mysql.types import (
    BYTE_NAMES,
    CHARACTER_NAMES,
    DECIMAL_NAMES,
    FLOAT_BITS,
    FRACTION_NAMES,
    GEOMETRY_NAMES,
    INTEGER_BITS,
    LABEL_NAMES,
    UTF8_SUBSETS,
    parse_native,
)
from infra.connectors.native import has_native

if TYPE_CHECKING:
    from domain.migrations.transfer import ColumnCopy, TableCopy

_NULL = pa.scalar(b"\\N", pa.large_binary())
_ESCAPES = ((b"\\", b"\\\\"), (b"\t", b"\\\t"), (b"\n", b"\\\n"), (b"\0", b"\\0"))
_TAB = pa.scalar(b"\t", pa.large_binary())
_LINE_FEED = pa.scalar(b"\n", pa.large_binary())
_EMPTY = pa.scalar(b"", pa.large_binary())
_YEAR_DIGITS = 4
_DIRECT_NAMES = frozenset(
    {*INTEGER_BITS, *DECIMAL_NAMES, *FLOAT_BITS, *FRACTION_NAMES, *BYTE_NAMES, *GEOMETRY_NAMES, "date", "year"}
)


@dataclass(frozen=True)
class Place:
    """Where a value goes: a column directly, or an expression over the value, which stands in for `{}`."""

    column: str
    expression: str = "{}"

    @property
    def is_direct(self) -> bool:
        """Whether the value is stored as it is given."""
        return self.expression == "{}"


def places(copy: TableCopy) -> tuple[Place, ...]:
    """Say where the values of each column of a copy go."""
    return tuple(Place(column.target, _expression(column)) for column in copy.columns)


def load_sql(copy: TableCopy, token: str) -> str:
    """Spell the statement whose input `encode` makes; the server will ask for it by the token.

    Where one column needs an expression, integers are assigned as well: with a SET clause that does
    not name it, MariaDB numbers a row whose AUTO_INCREMENT column is given as 0.
    """
    given = places(copy)
    assigns = not all(place.is_direct for place in given)
    fields, assigned = [], []
    for number, (place, column) in enumerate(zip(given, copy.columns, strict=True)):
        if place.is_direct and not (assigns and parse_native(column.target_native).name in INTEGER_BITS):
            fields.append(quoted(place.column))
        else:
            fields.append(f"@v{number}")
            assigned.append(f"{quoted(place.column)} = {place.expression.format(f'@v{number}')}")
    return (
        f"LOAD DATA LOCAL INFILE '{token}' INTO TABLE {table_sql(copy.target)} CHARACTER SET binary "
        r"FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n' "
        f"({', '.join(fields)})" + (f" SET {', '.join(assigned)}" if assigned else "")
    )


def encode(copy: TableCopy, batch: pa.RecordBatch) -> memoryview:
    """Spell a batch as input of LOAD DATA.

    Raises:
        ValueRejected: a value has no exact place in its column, and the server would not say so.
    """
    if not batch.num_rows:
        return memoryview(b"")
    for column, values in zip(copy.columns, batch.columns, strict=True):
        check_exact(copy.target, column, values)
    if has_native():
        from infra.connectors.native import _native  # noqa: PLC0415 - only where it could be built

        return memoryview(_native.load_text(batch, "".join(_form(column) for column in copy.columns)))
    fields = []
    for column, values in zip(copy.columns, batch.columns, strict=True):
        fields.append(pc.fill_null(_spelled(column, values), _NULL))
    rows = pc.binary_join_element_wise(*fields, _TAB)
    lines = pc.binary_join_element_wise(rows, _EMPTY, _LINE_FEED)
    return _content(lines)


def _expression(column: ColumnCopy) -> str:
    """Spell what makes the column's value of the bytes given for it."""
    native = parse_native(column.target_native)
    if native.name == "bit":
        return "CAST(CONV({}, 2, 10) AS UNSIGNED)" if isinstance(column.type, Bits) else "CAST({} AS UNSIGNED)"
    if native.name in _DIRECT_NAMES or carrier(column.type) is not Carrier.TEXT:
        return "{}"
    if native.name in CHARACTER_NAMES | LABEL_NAMES and native.charset in UTF8_SUBSETS:
        return "{}"
    return "CONVERT({} USING utf8mb4)"


def _form(column: ColumnCopy) -> str:
    """Say how the C helper spells a column."""
    if carrier(column.type) is Carrier.INT64 and parse_native(column.target_native).name == "year":
        return "Y"
    return "p" if isinstance(column.type, Integer | Decimal | Date | Time | Timestamp | Duration | Uuid) else "-"


def _spelled(column: ColumnCopy, values: pa.Array) -> pa.Array:
    """Spell each value as bytes, NULL staying NULL."""
    match carrier(column.type):
        case Carrier.TEXT | Carrier.BYTES:
            return _escaped(values.cast(pa.large_binary()))
        case Carrier.BOOL:
            return values.cast(pa.int8()).cast(pa.large_string()).cast(pa.large_binary())
        case _:
            text = values.cast(pa.large_string())
    if parse_native(column.target_native).name == "year":  # YEAR takes 0 for 2000, and 0000 for 0
        text = pc.utf8_lpad(text, _YEAR_DIGITS, "0")
    return text.cast(pa.large_binary())


def _escaped(values: pa.Array) -> pa.Array:
    """Escape what would end a value or a row; most columns hold none of it, which a look at their bytes tells."""
    for sign, escape in _ESCAPES:
        if sign in values.buffers()[2].to_pybytes() if values.buffers()[2] is not None else False:
            values = pc.replace_substring(values, sign, escape)
    return values


def _content(values: pa.Array) -> memoryview:
    """Return all values one after the other, as they lie in memory."""
    _, offsets, data = values.buffers()
    places_ = memoryview(offsets).cast("q")
    return memoryview(data)[places_[values.offset] : places_[values.offset + len(values)]]
