"""Sums over the rows that pass as COPY's binary stream, by the server's own hash (`RowHash.POSTGRESQL`)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from domain.catalog.types import Enumeration
from domain.migrations.canonical import Link, link, may_exceed
from domain.migrations.digests import RowHash
from domain.migrations.transfer import WireFormat
from infra.connectors.native import has_native
from infra.connectors.postgresql import canonical

if TYPE_CHECKING:
    from domain.migrations.transfer import ColumnCopy, TableCopy

_MODIFIERS = re.compile(r"\([\d,-]+\)")
_NUMBERS = {
    ("smallint", Link.SMALL): "2",
    ("integer", Link.SMALL): "4",
    ("bigint", Link.LARGE): "8",
    ("boolean", Link.SMALL): "b",
    ("date", Link.DAY): "d",
    ("numeric", Link.DECIMAL): "n",
}
_TEXTS = {
    **dict.fromkeys(("text", "character varying", "varchar", "json", "xml"), "t"),
    **dict.fromkeys(("character", "bpchar"), "c"),
    "numeric": "N",
    "jsonb": "j",
    "bytea": "y",
    "timestamp without time zone": "s",
    "timestamp with time zone": "z",
    "time without time zone": "m",
    "uuid": "u",
}
"""The letters of the C helper, by how a column enters the chain of its row and by its type without modifiers."""


def passing_form(column: ColumnCopy) -> str:
    """Return how a column's values are read on their way, empty if they are not."""
    how, native = link(column.type), _MODIFIERS.sub("", column.source_native)
    if how is not Link.TEXT:
        is_cast = how is Link.DECIMAL and canonical.number("n", column.source_native, column.type) != "n"
        return "" if is_cast else _NUMBERS.get((native, how), "")
    if isinstance(column.type, Enumeration):
        return "t"
    form = _TEXTS.get(native, "")
    return form if form != "y" or may_exceed(column.type) else ""


def can_sum(copy: TableCopy) -> bool:
    """Tell whether the rows of a table are added up as they pass, by the hash that the server has of them."""
    return (
        has_native()
        and copy.format is WireFormat.PG_BINARY
        and not copy.treatments
        and len(copy.columns) <= canonical.CHAINED_MAX
        and all(passing_form(column) for column in copy.columns)
    )


class PassingSums:
    """Adds up the rows of one COPY; without hashes, or for a table that is not added up, there is nothing to do."""

    def __init__(self, copy: TableCopy) -> None:
        self.rows = 0
        self._sums = None
        if copy.sums == (RowHash.POSTGRESQL,) and can_sum(copy):
            from infra.connectors.native import _native  # noqa: PLC0415 - only where it could be built

            self._sums = _native.CopySums("".join(map(passing_form, copy.columns)))

    @property
    def has_work(self) -> bool:
        """Whether rows are added up."""
        return self._sums is not None

    def add(self, block: bytes) -> tuple[int, ...]:
        """Return the sum over a block of whole rows, which are counted.

        Nothing from the first one on that is not understood: that may be all right for the servers, who are asked then.
        """
        if self._sums is None:
            return ()
        try:
            rows, total = self._sums.take(block)
        except ValueError:
            self._sums = None
            return ()
        self.rows += rows
        return (total,)
