"""The rows of a chunk, as a condition that an index can answer."""

from __future__ import annotations

from dataclasses import dataclass

from domain.catalog.types import Binary, Date, Decimal, Integer, LogicalType, Text, Timestamp
from domain.kernel.errors import DatabaseError
from domain.migrations.transfer import Chunk, KeyRange, PhysicalRange, TableCopy, WholeTable
from infra.connectors.mysql.names import literal, quoted

KeyValue = int | str


@dataclass(frozen=True)
class KeyColumn:
    """A column of a key by which chunks are cut."""

    name: str
    type: LogicalType

    def literal(self, value: KeyValue) -> str:
        """Spell a bound so that it compares as the column does (a decimal by its digits, not as a double)."""
        match self.type:
            case Integer() | Decimal():
                return str(value)
            case Binary():
                return f"X'{value}'"
            case _:
                return literal(str(value))


def key_columns(copy: TableCopy) -> tuple[KeyColumn, ...]:
    """Return the columns of the copy's key, or none if the key has a type whose order we do not use.

    Floats, bits, labels (ordered by number) and MariaDB's UUID (ordered by its parts) are such types.
    """
    by_name = {column.source: column for column in copy.columns}
    found = []
    for name in copy.key:
        column = by_name.get(name)
        if column is None or column.source_native.lower().startswith("year"):
            return ()
        if not isinstance(column.type, Integer | Decimal | Text | Date | Timestamp | Binary):
            return ()
        found.append(KeyColumn(name, column.type))
    return tuple(found)


def condition(copy: TableCopy, chunk: Chunk) -> str:
    """Spell the condition for the rows of a chunk; empty for the whole table.

    Raises:
        DatabaseError: the chunk was cut for another engine or by another key.
    """
    match chunk.scope:
        case WholeTable():
            return ""
        case KeyRange(after, upto):
            key = key_columns(copy)
            if any(bound is not None and len(bound) != len(key) for bound in (after, upto)):
                raise DatabaseError(
                    f"chunk {chunk.number} of {copy.source} was cut by another key; plan the copy again"
                )
            return " AND ".join(
                [
                    *([above(key, after)] if after is not None else []),
                    *([up_to(key, upto)] if upto is not None else []),
                ]
            )
        case PhysicalRange():
            raise DatabaseError(f"MySQL has no physical row places, which chunk {chunk.number} of {copy.source} names")


def above(key: tuple[KeyColumn, ...], bound: tuple[KeyValue, ...]) -> str:
    """Spell `key > bound`, column after column: MySQL uses no index for a comparison of rows."""
    return _beyond(key, bound, ">", ">")


def up_to(key: tuple[KeyColumn, ...], bound: tuple[KeyValue, ...]) -> str:
    """Spell `key <= bound`, column after column."""
    return _beyond(key, bound, "<", "<=")


def _beyond(key: tuple[KeyColumn, ...], bound: tuple[KeyValue, ...], sign: str, last_sign: str) -> str:
    """Spell `(a, b) < (x, y)` as `(a < x OR (a = x AND b < y))`, the last column with its own sign."""
    column, value = key[0], bound[0]
    name, text = quoted(column.name), column.literal(value)
    if len(key) == 1:
        return f"{name} {last_sign} {text}"
    rest = _beyond(key[1:], bound[1:], sign, last_sign)
    return f"({name} {sign} {text} OR ({name} = {text} AND {rest}))"
