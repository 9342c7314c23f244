"""What columns of SQLite cannot keep of other engines' values (`domain.migrations.limits`)."""

from __future__ import annotations

from domain.catalog.mixed import MIXED
from domain.catalog.types import Float, Integer, Json, Opaque, Text
from domain.migrations.limits import Finite, Limit, Utf8, Whole
from domain.migrations.transfer import ColumnCopy
from infra.connectors.sqlite.types import Affinity, affinity

_INTEGERS = Whole(-(2**63), 2**63 - 1)


def limits(column: ColumnCopy) -> tuple[Limit, ...]:
    """Name the limits of a column: SQLite makes NULL of NaN, and whole numbers end at 64 bits."""
    place = affinity(column.target_native)
    if column.type == MIXED:
        return ()
    match column.type:
        case Text() | Json() | Opaque():
            return (Utf8(),)
        case Float():
            return (Finite(infinite=True),)
        case Integer(bits=64, signed=False) if place not in (Affinity.TEXT, Affinity.BLOB):
            return (_INTEGERS,)
        case _:
            return ()
