"""What columns of MySQL and MariaDB cannot keep of other engines' values (`domain.migrations.limits`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.catalog.types import Date, Decimal, Enumeration, Float, Json, LogicalType, Opaque, Text, Timestamp
from domain.migrations.limits import Between, Finite, Limit, OneOf, RealDay, Utf8
from infra.connectors.limiting import limits_between
from infra.connectors.mysql.types import logical_type, parse_native

if TYPE_CHECKING:
    from domain.migrations.transfer import ColumnCopy

_TIMESTAMPS = Between("1970-01-01 00:00:01.000000", "2038-01-19 03:14:07.999999")
"""What TIMESTAMP holds in every server; MariaDB since 11.5 holds more."""


def limits(column: ColumnCopy) -> tuple[Limit, ...]:
    """Name the limits of a column: numbers are finite, days are those of years 1 to 9999, key texts are short."""
    room = logical_type(parse_native(column.target_native))
    own = _own(column.type, room)
    if isinstance(column.type, Enumeration) and column.source_native == column.target_native:
        own = (OneOf(column.type.labels),)  # '' beside the labels is what sessions without strict mode made of others
    return (*limits_between(column.type, room), *own)


def _own(type_: LogicalType, room: LogicalType) -> tuple[Limit, ...]:
    match type_:
        case Date() | Timestamp() if isinstance(room, Timestamp) and room.zoned:
            return (RealDay(), _TIMESTAMPS)
        case Date() | Timestamp() if not isinstance(room, Text):
            return (RealDay(),)
        case Text() | Json() | Opaque():
            return (Utf8(),)
        case Float() | Decimal() if not isinstance(room, Text):
            return (Finite(),)
        case _:
            return ()
