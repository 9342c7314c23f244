"""How a wanted schema is built in MySQL: its tables, the statements, and a report line for every object."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from domain.catalog.model import TableName
from domain.catalog.names import mentions
from domain.catalog.numbering import sequence_of
from domain.connections.values import Engine
from domain.migrations.inventory import inventory
from domain.migrations.schema_plan import ObjectKind, Phase, SchemaObject, SchemaPlan
from infra.connectors.draft import Draft
from infra.connectors.mysql.capabilities import ONE_AT_A_TIME
from infra.connectors.mysql.ddl_objects import (
    Clause,
    code_rule,
    foreign_key_sql,
    index_names,
    index_rule,
    sequence_sql,
    sequence_standing,
    view_rules,
)
from infra.connectors.mysql.declare import is_exact, same_engine
from infra.connectors.mysql.fit import Columns, declared_columns
from infra.connectors.mysql.names import cut, literal, quoted, quoted_list, table_sql
from infra.connectors.mysql.types import INTEGER_BITS, parse_native
from infra.connectors.sql.expressions import alike, transpile

if TYPE_CHECKING:
    from domain.catalog.model import Column, DatabaseSchema, Index, Table

_FOREIGN_OPTIONS = "DEFAULT CHARACTER SET utf8mb4 COLLATE /*M! utf8mb4_nopad_bin */ /*!80000 utf8mb4_0900_bin */"
"""Collations of MariaDB and MySQL in which two texts are equal only if they are the same, spaces included."""

_OWN_OPTIONS = "DEFAULT CHARACTER SET utf8mb4"
_NOT_BUILT = {
    ObjectKind.TRIGGER: "its body is code, which is not translated; create it by hand",
    ObjectKind.ROUTINE: "its body is code, which is not translated; create it by hand",
    ObjectKind.TYPE: "MySQL has no types of its own; each column of the type spells it out",
    ObjectKind.OTHER: "MySQL has nothing like it, or it is not copied",
    ObjectKind.DEFAULT: "the column's values are numbered or computed",
}


def plan_schema(wanted: DatabaseSchema) -> SchemaPlan:
    """Say how to build a schema here."""
    planner = _Planner(wanted)
    planner.add_sequences()
    tables = tuple(planner.add_table(table) for table in wanted.tables)
    for table, made in zip(wanted.tables, tables, strict=True):
        planner.add_indexes(table, made)
    for table in wanted.tables:
        planner.add_foreign_keys(table)
    for table, made in zip(wanted.tables, tables, strict=True):
        planner.add_next_value(table, made)
        planner.add_defaults(table, made)
        planner.add_checks(table)
    planner.add_code("FUNCTION", "PROCEDURE")
    planner.add_views()
    planner.add_code("TRIGGER", "EVENT")
    return planner.draft.plan(tables)


class _Planner:
    """Collects the statements of a plan and what becomes of each object."""

    def __init__(self, wanted: DatabaseSchema) -> None:
        self._wanted = wanted
        self._is_own = wanted.engine is Engine.MYSQL
        self._types = declared_columns(wanted)
        self.draft = Draft(wanted, _NOT_BUILT)
        self._constraints: set[str] = set()
        self._inline: set[tuple[TableName, str]] = set()

    def add_table(self, table: Table) -> Table:
        """Plan a table with its columns, comments and primary key; return it in MySQL's terms."""
        name, types = str(table.name), self._types[table.name]
        numbered = self._numbered_column(table, types)
        columns = tuple(self._made_column(table, column, types, numbered) for column in table.columns)
        parts = [self._column_sql(table, column) for column in columns]
        if table.primary_key:
            parts.append(f"PRIMARY KEY ({quoted_list(cut(column) for column in table.primary_key.columns)})")
            self.draft.created(SchemaObject(ObjectKind.PRIMARY_KEY, table.primary_key.name, name))
        parts.extend(self._inline_index(table, numbered))
        parts.extend(self._inline_checks(table))
        options = ["ENGINE=InnoDB", "ROW_FORMAT=DYNAMIC", _OWN_OPTIONS if self._is_own else _FOREIGN_OPTIONS]
        if table.comment:
            options.append(f"COMMENT={literal(table.comment)}")
            self.draft.created(SchemaObject(ObjectKind.COMMENT, name, name))
        made = replace(table, name=TableName(cut(table.name.name)), columns=columns)
        body = ",\n  ".join(parts)
        created = SchemaObject(ObjectKind.TABLE, name)
        sql = f"CREATE TABLE {table_sql(made.name)} (\n  {body}\n) {' '.join(options)}{self._partitioning(table)}"
        self.draft.step(Phase.BEFORE_DATA, created, sql)
        is_cut = made.name.name != table.name.name
        self.draft.replaced(created, f"its name is cut to {made.name.name}" if is_cut else "")
        return made

    def add_indexes(self, table: Table, made: Table) -> None:
        """Plan the secondary indexes of a table."""
        natives = {column.name: column.native for column in made.columns}
        names = index_names(table)
        for index in table.indexes:
            if (table.name, index.name) in self._inline:
                continue
            rule = index_rule(index, names[index], self._wanted.engine, natives)
            made_by = SchemaObject(ObjectKind.INDEX, index.name, str(table.name))
            self._alter(Phase.INDEXES, made_by, rule, table, optional=not index.unique)

    def add_foreign_keys(self, table: Table) -> None:
        """Plan the foreign keys of a table; one that its rows do not satisfy is left out and reported."""
        for key in table.foreign_keys:
            name = self._constraint_name(table, key.name or f"{table.name.name}_{'_'.join(key.columns)}_fk")
            rule = foreign_key_sql(key, name)
            self._alter(
                Phase.FOREIGN_KEYS, SchemaObject(ObjectKind.FOREIGN_KEY, key.name, str(table.name)), rule, table
            )

    def add_next_value(self, table: Table, made: Table) -> None:
        """Plan that numbering goes on where the source would have."""
        for column in made.columns:
            if column.identity is not None and column.identity.next_value > 1:
                made_by = SchemaObject(ObjectKind.IDENTITY, column.name, str(table.name))
                rule = Clause(f"AUTO_INCREMENT = {column.identity.next_value}")
                self._alter(Phase.FINISH, made_by, rule, table, optional=False)

    def add_defaults(self, table: Table, made: Table) -> None:
        """Plan the translated defaults of another engine; one that MySQL does not take is reported."""
        for column, native in zip(table.columns, (column.native for column in made.columns), strict=True):
            if column.default is None or self._is_own:
                continue
            text = transpile(column.default, self._wanted.engine, Engine.MYSQL)
            if sequence := self._sequence_of(column):
                text = f"NEXTVAL({quoted(cut(sequence))})"
            rule = Clause(None, "its expression has no certain counterpart in MySQL")
            if text is not None and column.identity is None:
                change = f"ALTER COLUMN {quoted(cut(column.name))} SET DEFAULT ({_at_full_precision(text, native)})"
                rule = Clause(change)
            self._alter(Phase.FINISH, SchemaObject(ObjectKind.DEFAULT, column.name, str(table.name)), rule, table)

    def _sequence_of(self, column: Column) -> str:
        """Return the wanted sequence that gives a column its numbers, or nothing."""
        name = sequence_of(column.default)
        return name.name if name and any(each.name.name == name.name for each in self._wanted.sequences) else ""

    def add_checks(self, table: Table) -> None:
        """Plan the translated checks of another engine."""
        for check in () if self._is_own else table.checks:
            text = transpile(check.expression, self._wanted.engine, Engine.MYSQL)
            rule = Clause(None, "its condition has no certain counterpart in MySQL")
            if text is not None:
                rule = Clause(f"ADD CONSTRAINT {quoted(self._constraint_name(table, check.name))} CHECK ({text})")
            self._alter(Phase.FINISH, SchemaObject(ObjectKind.CHECK, check.name, str(table.name)), rule, table)

    def add_sequences(self) -> None:
        """Plan sequences, which MariaDB has and MySQL has not, before the tables that take their numbers from them."""
        for sequence in self._wanted.sequences:
            made = SchemaObject(ObjectKind.SEQUENCE, str(sequence.name))
            self.draft.step(Phase.BEFORE_DATA, made, sequence_sql(sequence), optional=True)
            last, is_spent = sequence_standing(sequence)
            if is_spent:
                sql = f"DO SETVAL({quoted(cut(sequence.name.name))}, {last})"
                self.draft.step(Phase.FINISH, made, sql, optional=True)
            self.draft.created(made)

    def add_views(self) -> None:
        """Plan views, each after those it reads."""
        for view, sql, reason in view_rules(self._wanted):
            made = SchemaObject(ObjectKind.VIEW, str(view.name))
            if sql is None:
                self.draft.skipped(made, reason)
                continue
            settings = view.settings if self._is_own else ""
            self.draft.step(Phase.FINISH, made, sql, optional=True, settings=settings)
            self.draft.replaced(made, reason)

    def add_code(self, *kinds: str) -> None:
        """Plan triggers, routines and events of our own kind of server."""
        for item, other in zip(self._other_items(), self._wanted.others, strict=True):
            if not self._is_own or other.kind not in kinds:
                continue
            rule = code_rule(other)
            if rule.change is None:
                self.draft.skipped(item, rule.note)
            else:
                self.draft.step(Phase.FINISH, item, rule.change, optional=True, settings=other.settings)
                self.draft.replaced(item, rule.note)

    def _other_items(self) -> tuple[SchemaObject, ...]:
        """Return the names of the other objects in the inventory, which lists them last and in their order."""
        items = inventory(self._wanted)
        return items[len(items) - len(self._wanted.others) :]

    def _partitioning(self, table: Table) -> str:
        """Return how a table of our own kind of server is partitioned, for the end of its CREATE TABLE."""
        for item, other in zip(self._other_items(), self._wanted.others, strict=True):
            if self._is_own and other.kind == "PARTITIONING" and other.name == table.name.name and other.definition:
                self.draft.created(item)
                return f"\n{other.definition}"
        return ""

    def _made_column(self, table: Table, column: Column, types: Columns, numbered: str | None) -> Column:
        """Return a column in MySQL's terms, and note what becomes of it."""
        name, declared = str(table.name), types[column.name]
        note = declared.note
        generated = column.generated
        if generated is not None and not self._is_own:
            generated = self._computed(table, column, generated)
            if generated is not None and numbered and mentions(generated, (numbered,)):
                generated = None
                note = "MySQL computes nothing of a column that it numbers; the column holds the computed values"
            elif generated is None:
                note = "its expression has no certain counterpart in MySQL; the column holds the computed values"
        identity = column.identity if column.name == numbered else None
        numbering = SchemaObject(ObjectKind.IDENTITY, column.name, name)
        if identity is not None:
            self.draft.created(numbering)
        elif column.identity is not None:
            self.draft.skipped(numbering, "MySQL numbers one whole-number column of a table, which must lead a key")
        if column.comment:
            self.draft.created(SchemaObject(ObjectKind.COMMENT, column.name, name))
        if column.default is not None and self._is_own:
            self.draft.created(SchemaObject(ObjectKind.DEFAULT, column.name, name))
        self.draft.replaced(SchemaObject(ObjectKind.COLUMN, column.name, name), note)
        is_nullable = column.nullable or (column.generated is not None and generated is None)
        return replace(
            column,
            name=cut(column.name),
            native=declared.native,
            nullable=is_nullable,
            generated=generated,
            identity=identity,
            default=column.default if self._is_own else None,
            on_update=column.on_update if self._is_own else None,
        )

    def _computed(self, table: Table, column: Column, expression: str) -> str | None:
        """Translate the expression of a computed column, if MySQL surely computes the same."""
        text = transpile(expression, self._wanted.engine, Engine.MYSQL)
        return text and alike(text, Engine.MYSQL, column, table.columns, is_exact)

    def _column_sql(self, table: Table, column: Column) -> str:
        parts = [quoted(column.name), same_engine(column.native) if self._is_own else column.native]
        if column.generated is not None:
            stored = "STORED" if column.generated_stored or not self._is_own else "VIRTUAL"
            parts.append(f"GENERATED ALWAYS AS ({column.generated}) {stored}")
        else:
            keyed = table.primary_key.columns if table.primary_key else ()
            parts.append("NULL" if column.nullable and column.name not in keyed else "NOT NULL")
            if column.default is not None:
                parts.append(f"DEFAULT {column.default}")
            if column.on_update is not None:
                parts.append(f"ON UPDATE {column.on_update}")
            if column.identity is not None:
                parts.append("AUTO_INCREMENT")
        if column.comment:
            parts.append(f"COMMENT {literal(column.comment)}")
        return " ".join(parts)

    def _numbered_column(self, table: Table, types: Columns) -> str | None:
        """Return the column that MySQL can number: a whole number that leads the primary key or another index."""
        leading = {index.parts[0].column for index in self._buildable(table, types)}
        if table.primary_key:
            leading.add(table.primary_key.columns[0])
        for column in table.columns:
            is_whole = parse_native(types[column.name].native).name in INTEGER_BITS
            if column.identity is not None and is_whole and column.name in leading:
                return column.name
        return None

    def _inline_index(self, table: Table, numbered: str | None) -> list[str]:
        """Spell the index that a numbered column outside the primary key needs from the start."""
        if numbered is None or (table.primary_key and table.primary_key.columns[0] == numbered):
            return []
        buildable = self._buildable(table, self._types[table.name])
        index, rule = next((index, rule) for index, rule in buildable.items() if index.parts[0].column == numbered)
        self._inline.add((table.name, index.name))
        self.draft.replaced(SchemaObject(ObjectKind.INDEX, index.name, str(table.name)), rule.note)
        return [(rule.change or "").removeprefix("ADD ")]

    def _buildable(self, table: Table, types: Columns) -> dict[Index, Clause]:
        """Return the indexes of a table that MySQL can build, and how."""
        natives = {name: declared.native for name, declared in types.items()}
        names = index_names(table).items()
        rules = {index: index_rule(index, name, self._wanted.engine, natives) for index, name in names}
        return {index: rule for index, rule in rules.items() if rule.change is not None}

    def _inline_checks(self, table: Table) -> list[str]:
        """Spell checks of our own kind of server, which its rows satisfy, so that no row is looked at twice."""
        parts = []
        for check in table.checks if self._is_own else ():
            name = self._constraint_name(table, check.name)
            parts.append(f"CONSTRAINT {quoted(name)} CHECK ({check.expression})")
            self.draft.created(SchemaObject(ObjectKind.CHECK, check.name, str(table.name)))
        return parts

    def _constraint_name(self, table: Table, name: str) -> str:
        """Return a name for a constraint; MySQL wants it to be the only one in the whole database."""
        candidates = [name, f"{table.name.name}_{name}", *(f"{name}_{number}" for number in range(2, 1000))]
        chosen = next(each for each in map(cut, candidates) if each.lower() not in self._constraints)
        self._constraints.add(chosen.lower())
        return chosen

    def _alter(self, phase: Phase, made: SchemaObject, rule: Clause, owner: Table, *, optional: bool = True) -> None:
        """Plan a change of a table, or note why there is none."""
        if rule.change is None:
            self.draft.skipped(made, rule.note)
            return
        head = f"ALTER TABLE {quoted(cut(owner.name.name))} "
        is_alone = rule.change.startswith(ONE_AT_A_TIME)
        self.draft.step(phase, made, f"{head}{rule.change}", optional=optional, head="" if is_alone else head)
        self.draft.replaced(made, rule.note)


def _at_full_precision(expression: str, native: str) -> str:
    """Give the present moment as many digits as the column keeps."""
    is_now = expression.upper() in ("CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP()", "NOW()")
    return "CURRENT_TIMESTAMP(6)" if is_now and parse_native(native).name == "datetime" else expression
