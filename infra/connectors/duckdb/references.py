"""Which foreign keys DuckDB can have, and in which order their tables are made."""

from __future__ import annotations

from collections.abc import Sequence

from domain.catalog.model import DatabaseSchema, ForeignKey, Index, Table, TableName


class References:
    """The foreign keys of a wanted schema, sorted out.

    DuckDB makes them only together with their table, after the one they refer to, which must
    have a primary key or a unique constraint of the same types; and it checks each row as it
    comes. So tables in a circle lack one, and a table never refers to itself.
    """

    def __init__(self, wanted: DatabaseSchema, natives: dict[TableName, dict[str, str]]) -> None:
        self._tables = {table.name: table for table in wanted.tables}
        self._natives = natives
        self._kept: dict[TableName, list[ForeignKey]] = {table.name: [] for table in wanted.tables}
        self.left_out: list[tuple[TableName, ForeignKey, str]] = []
        """Table, key, and why it is left out."""
        for table in wanted.tables:
            for key in table.foreign_keys:
                reason = self._why_not(table, key)
                if reason:
                    self.left_out.append((table.name, key, reason))
                else:
                    self._kept[table.name].append(key)
        self.order = self._sorted()
        """All tables, each after those it refers to."""

    def of(self, table: TableName) -> tuple[ForeignKey, ...]:
        """The foreign keys that a table will have."""
        return tuple(self._kept[table])

    def points_at(self, table: TableName) -> bool:
        """Whether others refer to a table, which then cannot be altered and needs its keys from the start."""
        return any(key.references == table for keys in self._kept.values() for key in keys)

    def _why_not(self, table: Table, key: ForeignKey) -> str:
        """Say why DuckDB cannot have a foreign key; nothing if it may."""
        if key.references == table.name:
            return "DuckDB refuses rows that come together with the rows of the same table they refer to."
        other = self._tables.get(key.references)
        if other is None:
            return f"There is no table {key.references}."
        keys = [other.primary_key.columns] if other.primary_key else []
        keys += [columns_of(index) for index in other.indexes if is_constraint(index)]
        if key.referenced_columns not in keys:
            return f"{key.references} has no primary key or unique constraint on these columns in this order."
        here, there = self._natives[table.name], self._natives[key.references]
        if [here[name] for name in key.columns] != [there[name] for name in key.referenced_columns]:
            return "DuckDB needs the same types on both sides of a reference."
        return ""

    def _sorted(self) -> tuple[TableName, ...]:
        """Put the tables in order; a key that closes a circle is left out."""
        order: list[TableName] = []
        waiting = dict.fromkeys(self._kept)
        while waiting:
            ready = [name for name in waiting if not waiting.keys() & self._parents(name)]
            for name in ready:
                del waiting[name]
            order += ready
            if not ready:
                self._break_circle(waiting)
        return tuple(order)

    def _parents(self, table: TableName) -> set[TableName]:
        return {key.references for key in self._kept[table]}

    def _break_circle(self, waiting: dict[TableName, None]) -> None:
        """Leave out the first key that refers to a table which waits as well."""
        name, key = next((name, key) for name in waiting for key in self._kept[name] if key.references in waiting)
        self._kept[name].remove(key)
        self.left_out.append((name, key, "It closes a circle of references, which DuckDB cannot make."))


def columns_of(index: Index) -> tuple[str, ...]:
    """The columns of an index, in order."""
    return tuple(part.column for part in index.parts)


def is_constraint(index: Index) -> bool:
    """Whether an index is a unique constraint, which references may point at."""
    return index.constraint and index.unique and not index.predicate and all(columns_of(index))


def natives_of(tables: Sequence[Table]) -> dict[TableName, dict[str, str]]:
    """The native types of tables' columns, by name."""
    return {table.name: {column.name: column.native for column in table.columns} for table in tables}
