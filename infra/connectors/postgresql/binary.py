"""Which tables cross by binary COPY with the help of C, and in which form each column does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.catalog.types import (
    Bits,
    Carrier,
    Date,
    Decimal,
    Duration,
    Enumeration,
    Integer,
    LogicalType,
    Text,
    Time,
    Timestamp,
    Uuid,
    carrier,
)
from domain.kernel.errors import ValueRejected
from domain.migrations.limits import Utf8
from infra.connectors.native import has_native
from infra.connectors.postgresql import canonical
from infra.connectors.postgresql.names import identifier

if TYPE_CHECKING:
    import pyarrow as pa

    from domain.migrations.transfer import ColumnCopy, TableCopy

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

_INTEGERS = {"smallint": "2", "integer": "4", "bigint": "8"}
_NUMERIC = re.compile(r"numeric(\(\d+,\d+\))?")
_VARCHAR = re.compile(r"(?:varchar|character varying)(?:\((\d+)\))?")
_MOMENTS = re.compile(r"(timestamp|time|interval)(?:\(\d\))?(?: (with|without) time zone)?")
_BITS = re.compile(r"bit(?: varying)?(?:\(\d+\))?")
_PLAIN_TEXTS = frozenset({"text", "json", "xml"})


@dataclass(frozen=True)
class CopyForms:
    """The form of each column (see the helper), and the most characters of each text, 0 for no limit."""

    letters: str
    limits: tuple[int, ...]

    def encoded(self, copy: TableCopy, batch: pa.RecordBatch) -> bytes:
        """Spell a batch as rows of binary COPY.

        Raises:
            ValueRejected: a value has no exact place in its column.
        """
        from infra.connectors.native import _native  # noqa: PLC0415 - only where it could be built

        try:
            return _native.copy_binary(batch, self.letters, self.limits)
        except _native.Misfit as error:
            place, reason, shown = error.args
            column = copy.columns[place]
            text = (
                f"A value of column {column.target}, which is {column.target_native}, {reason}: {shown!r}. "
                "Change it at the source, or give the column another type."
            )
            raise ValueRejected(text, path=(str(copy.target), column.target)) from error


def writing_forms(copy: TableCopy) -> CopyForms | None:
    """Return the forms in which a table's columns are sent, or None if one has no binary form here."""
    if not has_native() or not copy.columns:
        return None
    letters = [_writing_form(column) for column in copy.columns]
    if not all(letters):
        return None
    limits = [_VARCHAR.fullmatch(column.target_native) for column in copy.columns]
    return CopyForms("".join(letters), tuple(int(match[1] or 0) if match else 0 for match in limits))


def _writing_form(column: ColumnCopy) -> str:
    """Return the form of a column by its type there and the carrier of its values; empty if there is none."""
    native, type_ = column.target_native, column.type
    match carrier(type_):
        case Carrier.INT64 | Carrier.UINT64:
            return _INTEGERS.get(native, "n" if _NUMERIC.fullmatch(native) else "")
        case Carrier.FLOAT64:
            return {"real": "e", "double precision": "f"}.get(native, "")
        case Carrier.BOOL:
            return "b" if native == "boolean" else ""
        case Carrier.BYTES:
            return "y" if native == "bytea" else ""
        case Carrier.TEXT:
            return _spelled_form(native, type_)


def _spelled_form(native: str, type_: LogicalType) -> str:
    if native in _PLAIN_TEXTS or _VARCHAR.fullmatch(native) or isinstance(type_, Enumeration):
        return "t"
    moment = _MOMENTS.fullmatch(native)
    match type_:
        case Decimal() | Integer():
            return "n" if _NUMERIC.fullmatch(native) else ""
        case Date():
            return "d" if native == "date" else ""
        case Timestamp():
            return "s" if moment and moment[1] == "timestamp" else ""
        case Time(zoned=False):
            return "m" if moment and moment[1] == "time" and moment[2] != "with" else ""
        case Duration():
            return "i" if moment and moment[1] == "interval" else ""
        case Uuid():
            return "u" if native == "uuid" else ""
        case Bits():
            return "B" if _BITS.fullmatch(native) else ""
        case _:
            return "j" if native == "jsonb" else ""


def raw_columns(copy: TableCopy) -> frozenset[str]:
    """Return the columns of texts that are read as bytes, since the server sends no text that is not UTF-8."""
    return frozenset(each.on.column for each in copy.treatments if isinstance(each.on.limit, Utf8))


def raw_text(column: ColumnCopy) -> str:
    """Return the expression of the bytes of a text, in a database in SQL_ASCII."""
    text = canonical.text(identifier(column.source), column.source_native, column.type)
    return f"convert_to({text}, 'SQL_ASCII')"


def reading_forms(copy: TableCopy) -> tuple[str, tuple[str, ...]] | None:
    """Return the forms in which columns are read, and the expressions to select; None without the helper."""
    if not has_native() or not copy.columns:
        return None
    raw = raw_columns(copy)
    chosen = [("t", raw_text(each)) if each.source in raw else _reading_form(each) for each in copy.columns]
    if not all(form for form, _ in chosen):
        return None
    return "".join(form for form, _ in chosen), tuple(sql for _, sql in chosen)


def _reading_form(column: ColumnCopy) -> tuple[str, str]:
    """Return the form and the expression whose binary value has it; what has no form of its own is read as text."""
    name, native, type_ = identifier(column.source), column.source_native, column.type
    match carrier(type_):
        case Carrier.INT64:
            known = _INTEGERS.get(native, "o" if native == "oid" else "")
            return (known, name) if known else ("8", f"{name}::bigint")
        case Carrier.FLOAT64:
            return {"real": ("e", name), "double precision": ("f", name)}.get(native, ("f", f"{name}::float8"))
        case Carrier.BOOL:
            return ("b", name) if native == "boolean" else ("b", f"{name}::boolean")
        case Carrier.BYTES:
            return ("y" if native == "bytea" else "", name)
        case Carrier.TEXT:
            return _reading_text(name, native, type_)
        case Carrier.UINT64:
            return "", name


def _reading_text(name: str, native: str, type_: LogicalType) -> tuple[str, str]:
    moment = _MOMENTS.fullmatch(native)
    if isinstance(type_, Decimal) and _NUMERIC.fullmatch(native):
        wanted = native if type_.precision is None else f"numeric({type_.precision},{type_.scale or 0})"
        return "n", name if native == wanted else f"{name}::{wanted}"
    if isinstance(type_, Date) and native == "date":
        return "d", name
    if isinstance(type_, Timestamp) and moment and moment[1] == "timestamp":
        return "s", name
    if isinstance(type_, Time) and not type_.zoned and moment and moment[1] == "time" and moment[2] != "with":
        return "m", name
    if isinstance(type_, Uuid) and native == "uuid":
        return "u", name
    if native == "jsonb":
        return "j", name
    if native in ("text", "json") or (isinstance(type_, Text) and _VARCHAR.fullmatch(native)):
        return "t", name
    return "t", f"({canonical.text(name, native, type_)})::text"
