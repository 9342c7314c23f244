"""What columns of DuckDB cannot keep of other engines' values (`domain.migrations.limits`)."""

from __future__ import annotations

from domain.catalog.types import (
    Bits,
    Carrier,
    Date,
    Decimal,
    Enumeration,
    Json,
    LogicalType,
    Opaque,
    Text,
    Timestamp,
    carrier,
)
from domain.migrations.limits import Filled, Finite, Limit, OneOf, RealDay, Utf8
from domain.migrations.transfer import ColumnCopy
from infra.connectors.duckdb.types import DECIMAL, meaning
from infra.connectors.limiting import limits_between

_DATE_YEARS = (-5_877_640, 5_881_579)
_TIMESTAMP_YEARS = (-290_307, 294_246)


def limits(column: ColumnCopy) -> tuple[Limit, ...]:
    """Name the limits of a column: days are those of the calendar, decimals are finite, bits are some."""
    room = meaning(column.target_native)
    filled = (Filled(),) if isinstance(room, Bits) and carrier(column.type) is Carrier.TEXT else ()
    return (*limits_between(column.type, room), *_own(column.type, room, column.target_native), *filled)


def _own(type_: LogicalType, room: LogicalType, native: str) -> tuple[Limit, ...]:
    match type_:
        case Date() if isinstance(room, Date):
            return (RealDay(*_DATE_YEARS, infinite=True),)
        case Timestamp() if isinstance(room, Timestamp):
            return (RealDay(*_TIMESTAMP_YEARS, infinite=True),)
        case Text() | Json() | Opaque():
            return (Utf8(),)
        case Decimal() if DECIMAL.fullmatch(native):
            return (Finite(),)
        case Enumeration(labels=labels) if not isinstance(room, Text):
            return (OneOf(labels),)
        case _:
            return ()
