"""The hash of a row column after column, each by the server's own function (`domain.migrations.canonical.Link`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.catalog.types import Carrier, carrier
from domain.migrations.canonical import (
    CHAIN_KIND_BITS,
    CHAIN_KINDS_AT_ONCE,
    Frame,
    Link,
    frame,
    inline_max,
    link,
    may_exceed,
)
from infra.connectors.postgresql import canonical
from infra.connectors.postgresql.names import identifier

if TYPE_CHECKING:
    from collections.abc import Iterable

    from domain.migrations.digests import DigestColumn

_WHOLE = frozenset({"smallint", "integer", "bigint"})
_NATIVES = {
    Link.SMALL: frozenset({*_WHOLE, "boolean"}),
    Link.LARGE: _WHOLE,
    Link.DAY: frozenset({"date"}),
}
"""The types whose values the functions take as they are."""

_ABSENT, _ZERO, _NEGATIVE = 1, 2, 3


def can_chain(columns: tuple[DigestColumn, ...]) -> bool:
    """Tell whether the columns are few enough, and of the types that the steps are for."""
    return len(columns) <= canonical.CHAINED_MAX and all(
        column.native in _NATIVES.get(link(column.type), (column.native,)) for column in columns
    )


def chained(columns: Iterable[DigestColumn], *, utf8: bool, as_printed: bool) -> str:
    """Return the expression of a row's hash; by texts as the server prints them, or by canonical ones."""
    found, kinds = "0", list[str]()
    for column in columns:
        found = _step(column, found, utf8=utf8, as_printed=as_printed)
        kinds.append(_kind(column, 1 << CHAIN_KIND_BITS * len(kinds)))
        if len(kinds) == CHAIN_KINDS_AT_ONCE:
            found, kinds = f"hashint4extended({' + '.join(kinds)}, {found})", []
    return f"hashint4extended({' + '.join(kinds)}, {found})" if kinds else found


def _step(column: DigestColumn, seed: str, *, utf8: bool, as_printed: bool) -> str:
    """Return the expression of the hash with a column's value added to it."""
    name = identifier(column.name)
    match link(column.type):
        case Link.SMALL if column.native == "boolean":
            return f"hashint4extended(CASE WHEN {name} THEN 1 ELSE 0 END, {seed})"
        case Link.SMALL:
            of = "hashint8extended" if column.native == "bigint" else "hashint4extended"
            return f"{of}(coalesce({name}, 0), {seed})"
        case Link.LARGE:
            value = f"coalesce({name}, 0)::bigint"
            return f"hashint8extended({value}, hashint4extended(({value} >> 32)::integer, {seed}))"
        case Link.DAY:
            zero = "date '2000-01-01'"
            days = (
                f"CASE WHEN isfinite({name}) THEN {name} - {zero} WHEN {name} > {zero} THEN 2147483647 "
                f"WHEN {name} < {zero} THEN -2147483648 ELSE 0 END"
            )
            return f"hashint4extended({days}, {seed})"
        case Link.DECIMAL:
            return f"hash_numeric_extended(coalesce({_number(column)}, 0), {seed})"
        case Link.TEXT:
            text = _printed(column, utf8=utf8) if as_printed else _content(column, utf8=utf8)
            return f"hashtextextended(coalesce({text}, '') COLLATE \"C\", {seed})"


def _kind(column: DigestColumn, worth: int) -> str:
    """Return the expression of what a column's step does not say of its value."""
    if link(column.type) is Link.DECIMAL:
        number = _number(column)
        return (
            f"CASE WHEN {number} > 0 THEN 0 WHEN {number} < 0 THEN {_NEGATIVE * worth} "
            f"WHEN {number} IS NULL THEN {_ABSENT * worth} ELSE {_ZERO * worth} END"
        )
    return f"CASE WHEN {identifier(column.name)} IS NULL THEN {_ABSENT * worth} ELSE 0 END"


def _number(column: DigestColumn) -> str:
    """Return the expression of a decimal with the places that its canonical text has."""
    return canonical.number(identifier(column.name), column.native, column.type)


def _content(column: DigestColumn, *, utf8: bool) -> str:
    """Return the expression of what stands in the frame of a column's part of the row's text."""
    name, how, is_bytes = identifier(column.name), frame(column.type), carrier(column.type) is Carrier.BYTES
    text = name if is_bytes else canonical.text(name, column.native, column.type)
    content = text if is_bytes or utf8 else f"convert_to({text}, 'UTF8')"
    if how is Frame.HASHED:
        return f"md5({content})"
    spelled = f"encode({text}, 'hex')" if is_bytes else text
    if how is Frame.SIZED and may_exceed(column.type):
        return f"CASE WHEN octet_length({content}) > {inline_max(column.type)} THEN md5({content}) ELSE {spelled} END"
    return spelled


def _printed(column: DigestColumn, *, utf8: bool) -> str:
    """Return the expression of a text that has no other reader than another server of this kind."""
    if carrier(column.type) is Carrier.BYTES:
        return _content(column, utf8=utf8)
    return f"({identifier(column.name)})::text"
