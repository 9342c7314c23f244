"""Making declared columns fit each other: index entries, row sizes, both ends of foreign keys.

MySQL indexes at most 3,072 bytes of a row and holds at most 65,535 bytes of declared columns in one;
engines without such limits hand us keys over unbounded text. Only columns that must be compared as a
whole (primary keys, unique indexes, references) get a bound; an ordinary index takes a prefix instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from domain.catalog.types import Integer
from domain.connections.values import Engine
from infra.connectors.mysql.capabilities import CHARACTER_BYTES, KEY_BYTES_MAX, PAGE_BYTES_MAX, ROW_BYTES_MAX
from infra.connectors.mysql.declare import LONG_BYTES, LONG_TEXT, Declared, declare
from infra.connectors.mysql.types import DECIMAL_NAMES, parse_native

if TYPE_CHECKING:
    from domain.catalog.model import DatabaseSchema, Table, TableName

Columns = dict[str, Declared]
Place = tuple[str, str]
"""A table's and a column's name."""

_POINTER_BYTES = 12
_OUTSIDE_BYTES = 40
_MOVABLE_BYTES = 255
_NUMBER_BYTES = {"tinyint": 1, "smallint": 2, "mediumint": 3, "int": 4, "bigint": 8, "bit": 8, "set": 8, "enum": 2}
_OTHER_BYTES = 8


def declared_columns(wanted: DatabaseSchema) -> dict[TableName, Columns]:
    """Return the type of every column of the wanted tables."""
    if wanted.engine is Engine.MYSQL:
        return {
            table.name: {column.name: Declared(column.native) for column in table.columns} for table in wanted.tables
        }
    types = {table.name: {column.name: declare(column.type) for column in table.columns} for table in wanted.tables}
    _widen_references(wanted, types)
    for table in wanted.tables:
        _fit_keys(table, types[table.name])
        _fit_row(table, types[table.name])
    return types


def index_bytes(native: str) -> int | None:
    """Return how many bytes a column takes in an index, None if it has no bound."""
    column = parse_native(native)
    match column.name:
        case "varchar" | "char":
            width = 1 if column.charset == "ascii" else CHARACTER_BYTES
            return (column.length or 1) * width
        case "varbinary" | "binary":
            return column.length or 1
        case "longtext" | "text" | "mediumtext" | "tinytext" | "longblob" | "blob" | "mediumblob" | "tinyblob" | "json":
            return None
        case name if name in DECIMAL_NAMES:
            return (column.length or 10) // 2 + 1
        case name:
            return _NUMBER_BYTES.get(name, _OTHER_BYTES)


def shares(natives: Iterable[str]) -> list[int]:
    """Divide the bytes of an index entry among its columns: small ones get what they need, the rest equal parts."""
    needs = [index_bytes(native) for native in natives]
    left = KEY_BYTES_MAX
    given = [0] * len(needs)
    by_need = sorted(
        range(len(needs)), key=lambda place: KEY_BYTES_MAX + 1 if needs[place] is None else needs[place] or 0
    )
    for number, place in enumerate(by_need):
        equal = left // (len(needs) - number)
        need = needs[place]
        given[place] = equal if need is None else min(need, equal)
        left -= given[place]
    return given


def _widen_references(wanted: DatabaseSchema, types: Mapping[TableName, Columns]) -> None:
    """Give whole numbers that refer to each other one type, the widest of them, as MySQL demands."""
    names = {table.name.name: table for table in wanted.tables}
    groups: dict[Place, set[Place]] = {}
    for table in wanted.tables:
        for key in table.foreign_keys:
            for here, there in zip(key.columns, key.referenced_columns, strict=True):
                first, second = (table.name.name, here), (key.references.name, there)
                joined = groups.get(first, {first}) | groups.get(second, {second})
                groups.update(dict.fromkeys(joined, joined))
    for place, group in groups.items():
        kinds = [_integer(names, each) for each in group]
        whole = [kind for kind in kinds if kind is not None]
        if len(set(whole)) < 2 or len(whole) != len(kinds):  # noqa: PLR2004 - one kind alone needs no widening
            continue
        is_signed = any(kind.signed for kind in whole)
        bits = max(kind.bits * (1 if kind.signed == is_signed else 2) for kind in whole)
        table = names[place[0]]
        wide = declare(Integer(next((size for size in (8, 16, 24, 32, 64) if size >= bits), 128), is_signed))
        if types[table.name][place[1]].native != wide.native:
            types[table.name][place[1]] = Declared(wide.native, "widened to the type of the column it refers to")


def _integer(tables: Mapping[str, Table], place: Place) -> Integer | None:
    table = tables.get(place[0])
    column = table.column(place[1]) if table else None
    return column.type if column is not None and isinstance(column.type, Integer) else None


def whole_keys(table: Table) -> list[tuple[str, ...]]:
    """Return the columns of each key of a table whose values are compared as a whole."""
    keys = [table.primary_key.columns] if table.primary_key else []
    keys.extend(
        tuple(part.column for part in index.parts)
        for index in table.indexes
        if index.unique and not index.predicate and all(part.column for part in index.parts)
    )
    keys.extend(key.columns for key in table.foreign_keys)
    return keys


def _fit_keys(table: Table, types: Columns) -> None:
    for key in whole_keys(table):
        known = [name for name in key if name in types]
        for name, share in zip(known, shares(types[name].native for name in known), strict=True):
            types[name] = _bounded(types[name], share)


def _bounded(declared: Declared, bytes_max: int) -> Declared:
    """Bound a text or binary column so that it takes no more than `bytes_max` bytes in an index."""
    need = index_bytes(declared.native)
    if need is not None and need <= bytes_max:
        return declared
    column = parse_native(declared.native)
    if column.name in ("longblob", "varbinary"):
        return Declared(f"VARBINARY({bytes_max})", f"at most {bytes_max} bytes, since MySQL indexes no more")
    if need is None or column.name == "varchar":
        length = bytes_max // CHARACTER_BYTES
        return Declared(f"VARCHAR({length})", f"at most {length} characters, since MySQL indexes no more")
    return declared


def _fit_row(table: Table, types: Columns) -> None:
    """Move the widest columns that are in no whole key out of the row until it fits its limits."""
    keyed = {name for key in whole_keys(table) for name in key}
    for size, limit in ((_row_bytes, ROW_BYTES_MAX), (_page_bytes, PAGE_BYTES_MAX)):
        while sum(size(declared.native) for declared in types.values()) > limit:
            movable = [name for name in types if name not in keyed and size(types[name].native) > _OUTSIDE_BYTES]
            movable = [name for name in movable if parse_native(types[name].native).name in ("varchar", "varbinary")]
            if not movable:
                return
            name = max(movable, key=lambda each: size(types[each].native))
            is_text = parse_native(types[name].native).name == "varchar"
            types[name] = replace(types[name], native=LONG_TEXT if is_text else LONG_BYTES)


def _row_bytes(native: str) -> int:
    """Return how many bytes a column counts towards the limit of declared bytes."""
    size = index_bytes(native)
    return _POINTER_BYTES if size is None else size + 2


def _page_bytes(native: str) -> int:
    """Return how many bytes of a column must lie in its row's page; InnoDB moves only long values out of it."""
    size = index_bytes(native)
    return _OUTSIDE_BYTES if size is None or size > _MOVABLE_BYTES else size + 2
