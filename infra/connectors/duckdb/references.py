"""Which foreign keys DuckDB can have, and in which order their tables are made anew."""

from __future__ import annotations

from collections.abc import Sequence

from domain.catalog.model import DatabaseSchema, ForeignKey, Table, TableName


class References:
    """The foreign keys of a wanted schema, sorted out.

    A table is made anew after the tables it refers to, so tables in a circle, or one that refers
    to itself, have none. A reference needs a primary key or a unique constraint of the same types.
    """

    def __init__(self, wanted: DatabaseSchema, built: Sequence[Table]) -> None:
        self._tables = {table.name: table for table in wanted.tables}
        self._built = {table.name: made for table, made in zip(wanted.tables, built, strict=True)}
        self._kept: dict[TableName, list[ForeignKey]] = {}
        self.left_out: list[tuple[TableName, ForeignKey, str]] = []
        """Table, key, and why it is left out."""
        for table in wanted.tables:
            for key in table.foreign_keys:
                reason = self._why_not(table, key)
                if reason:
                    self.left_out.append((table.name, key, reason))
                else:
                    self._kept.setdefault(table.name, []).append(key)
        self.order = self._sorted()
        """The tables that have references, each after those it refers to."""

    def of(self, table: TableName) -> tuple[ForeignKey, ...]:
        """The foreign keys that a table will have."""
        return tuple(self._kept.get(table, ()))

    def _why_not(self, table: Table, key: ForeignKey) -> str:
        """Say why DuckDB cannot have a foreign key; nothing if it may."""
        if key.references == table.name:
            return "DuckDB checks a reference before the row it needs in the same table may be there."
        other = self._tables.get(key.references)
        if other is None:
            return f"There is no table {key.references}."
        keys = [other.primary_key.columns] if other.primary_key else []
        keys += [
            tuple(part.column for part in index.parts) for index in other.indexes if index.constraint and index.unique
        ]
        if key.referenced_columns not in keys:
            return f"{key.references} has no primary key or unique constraint on these columns in this order."
        if self._natives(table.name, key.columns) != self._natives(key.references, key.referenced_columns):
            return "DuckDB needs the same types on both sides of a reference."
        return ""

    def _natives(self, table: TableName, columns: Sequence[str]) -> list[str]:
        return [column.native for name in columns if (column := self._built[table].column(name)) is not None]

    def _sorted(self) -> tuple[TableName, ...]:
        """Put the tables in order; a key that closes a circle is left out."""
        order: list[TableName] = []
        waiting = set(self._kept)
        while waiting:
            ready = [
                name
                for name in self._kept
                if name in waiting and not waiting & {key.references for key in self.of(name)}
            ]
            if not ready:
                self._break_circle(waiting)
                waiting &= set(self._kept)
                continue
            order += ready
            waiting -= set(ready)
        return tuple(order)

    def _break_circle(self, waiting: set[TableName]) -> None:
        """Leave out one key of a circle: the first that refers to a table which waits as well."""
        name = next(name for name in self._kept if name in waiting)
        key = next(key for key in self.of(name) if key.references in waiting)
        self._kept[name].remove(key)
        if not self._kept[name]:
            del self._kept[name]
        self.left_out.append((name, key, "It closes a circle of references, which DuckDB cannot make."))
