"""What columns of PostgreSQL cannot keep of other engines' values (`domain.migrations.limits`)."""

from __future__ import annotations

from domain.catalog.types import Date, Enumeration, Json, LogicalType, Opaque, Text, Timestamp
from domain.migrations.limits import Limit, NoNul, NoNulEscape, OneOf, RealDay, Utf8
from domain.migrations.transfer import ColumnCopy
from infra.connectors.limiting import limits_between
from infra.connectors.postgresql.types import meaning

_YEAR_FIRST = -4712
"""4713 BC, where date and timestamp begin."""

_DATE_YEAR_LAST, _TIMESTAMP_YEAR_LAST = 5_874_897, 294_276


def limits(column: ColumnCopy) -> tuple[Limit, ...]:
    """Name the limits of a column: texts hold no NUL, days are those of the calendar, labels are the type's own."""
    room = meaning(_in_full(column.target_native))
    return (*limits_between(column.type, room), *_own(column.type, room, column.target_native))


def _own(type_: LogicalType, room: LogicalType, native: str) -> tuple[Limit, ...]:
    match type_:
        case Date() if isinstance(room, Date):
            return (RealDay(_YEAR_FIRST, _DATE_YEAR_LAST, infinite=True),)
        case Timestamp() if isinstance(room, Timestamp):
            return (RealDay(_YEAR_FIRST, _TIMESTAMP_YEAR_LAST, infinite=True),)
        case Text() | Opaque():
            return (NoNul(), Utf8())
        case Json():
            return (NoNulEscape(), Utf8()) if native == "jsonb" else (Utf8(),)
        case Enumeration(labels=labels) if not isinstance(room, Text):
            return (OneOf(labels),)
        case _:
            return ()


def _in_full(native: str) -> str:
    """Spell a type as `format_type` does; our own declarations abbreviate one."""
    return native.replace("varchar", "character varying", 1) if native.startswith("varchar") else native
