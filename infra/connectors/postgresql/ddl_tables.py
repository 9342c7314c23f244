"""CREATE TABLE: columns with types, defaults, numbering and computed values; no keys yet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from domain.catalog.model import Column, Identity, Table, TableName
from domain.catalog.numbering import sequence_of
from domain.migrations.schema_plan import ObjectKind, Phase, SchemaObject
from infra.connectors.postgresql.ddl_values import default, is_inline
from infra.connectors.postgresql.draft import Draft, NameSpace, of_table
from infra.connectors.postgresql.names import identifier, literal

if TYPE_CHECKING:
    from infra.connectors.postgresql.ddl_types import Place
    from infra.connectors.postgresql.types import Declaration

_NUMBERED = frozenset({"smallint", "integer", "bigint"})


def take_names(draft: Draft) -> dict[Place, str]:
    """Settle what tables and columns are called here, before anything else can take their names."""
    columns: dict[Place, str] = {}
    for table in draft.wanted.tables:
        columns[table.name, ""] = draft.relations(table.name.schema).take(table.name.name)
        names = NameSpace()
        for column in table.columns:
            columns[table.name, column.name] = names.take(column.name)
    for sequence in draft.wanted.sequences:
        draft.relations(sequence.name.schema).take(sequence.name.name)
    for view in draft.wanted.views:
        draft.relations(view.name.schema).take(view.name.name)
    return columns


def add_table(draft: Draft, table: Table, types: dict[Place, Declaration], names: dict[Place, str]) -> Table:
    """Plan a table and return it in PostgreSQL's terms."""
    name = TableName(names[table.name, ""], table.name.schema or draft.schema)
    columns = tuple(
        _column(draft, table, column, types[table.name, column.name], names[table.name, column.name])
        for column in table.columns
    )
    item = SchemaObject(ObjectKind.TABLE, str(table.name))
    body = ", ".join(_spelled(draft, table, was, column) for was, column in zip(table.columns, columns, strict=True))
    make = f"CREATE TABLE {draft.spelled(name)} ({body}){_partitioning(draft, table)}"
    draft.step(Phase.BEFORE_DATA, item, _with_sequences(draft, name, columns, make))
    draft.created(item, "" if name.name == table.name.name else f"Named {name.name}: names have at most 63 bytes.")
    for was, column in zip(table.columns, columns, strict=True):
        _set_default(draft, table, name, was, column)
    return replace(
        table,
        name=name,
        columns=columns,
        primary_key=table.primary_key
        and replace(table.primary_key, columns=renamed(table, columns, table.primary_key.columns)),
    )


def renamed(table: Table, columns: tuple[Column, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names here of some of a table's columns."""
    now = {was.name: column.name for was, column in zip(table.columns, columns, strict=True)}
    return tuple(now.get(name, name) for name in wanted)


def _computed(draft: Draft, table: Table, column: Column) -> str | None:
    from infra.connectors.postgresql.ddl_computed import computed  # noqa: PLC0415 - it brings the SQL parser along

    return computed(draft, table, column)


def _column(draft: Draft, table: Table, column: Column, type_: Declaration, name: str) -> Column:
    """Return a column in PostgreSQL's terms and note what is different."""
    notes = [type_.note and f"Type {type_.native}: {type_.note}."]
    if name != column.name:
        notes.append(f"Named {name}: names have at most 63 bytes.")
    generated = _computed(draft, table, column) if column.generated else None
    if column.generated and generated is None:
        notes.append("Its expression has no certain counterpart; the column holds the computed values.")
    elif column.generated and not column.generated_stored:
        notes.append("Computed when a row is written, not when it is read.")
    if column.on_update:
        notes.append("A trigger sets it on every update.")
    draft.created(of_table(ObjectKind.COLUMN, column.name, table), *(note for note in notes if note))
    identity = column.identity
    if identity is not None:
        item = of_table(ObjectKind.IDENTITY, column.name, table)
        if type_.native in _NUMBERED:
            draft.created(item)
        else:
            draft.skipped(item, f"PostgreSQL numbers integer columns only, and this one is {type_.native}.")
            identity = None
    if identity is not None:
        identity = _named(draft, table, name, identity)
    return replace(
        column,
        name=name,
        native=type_.native,
        identity=identity,
        generated=generated,
        generated_stored=generated is not None,
    )


def _spelled(draft: Draft, table: Table, was: Column, column: Column) -> str:
    """Return a column's line of CREATE TABLE; `was` is the column as wanted."""
    parts = [identifier(column.name), column.native]
    if column.identity is not None and column.identity.default:
        parts.append(f"DEFAULT {column.identity.default}")
    elif column.identity is not None:
        parts.append(f"GENERATED {'ALWAYS' if column.identity.always else 'BY DEFAULT'} AS IDENTITY")
        parts.append(_numbering(draft, table, column))
    elif column.generated is not None:
        parts.append(f"GENERATED ALWAYS AS ({column.generated}) STORED")
    elif was.default is not None:
        value = default(draft, was)
        if value is not None and is_inline(draft, was, value):
            parts.append(f"DEFAULT {value}")
    if not column.nullable or (table.primary_key and was.name in table.primary_key.columns and not was.nullable):
        parts.append("NOT NULL")
    return " ".join(part for part in parts if part)


def _named(draft: Draft, table: Table, column: str, numbers: Identity) -> Identity:
    """Return how a column is numbered here: by a sequence and a default of its own only if PostgreSQL has it so."""
    if not draft.is_own:
        return replace(numbers, sequence="", default="", options="")
    usual = f"{table.name.name}_{column}_seq"
    if not numbers.default:
        name = (
            numbers.sequence
            if numbers.sequence in ("", usual)
            else draft.relations(table.name.schema).take(numbers.sequence)
        )
        return replace(numbers, sequence="" if name == usual else name)
    name = draft.relations(table.name.schema).take(numbers.sequence or usual)
    taken = sequence_of(numbers.default)
    if taken is None or taken.name != numbers.sequence:
        return replace(numbers, sequence=name)
    spelled = draft.spelled(TableName(name, table.name.schema))
    return replace(numbers, sequence=name, default=f"nextval({literal(spelled)}::regclass)")


def _with_sequences(draft: Draft, table: TableName, columns: tuple[Column, ...], make: str) -> str:
    """Return the statement that makes a table, between those that make the sequences of its columns its own."""
    before, after = [], []
    for column in columns:
        if column.identity is not None and column.identity.default:
            name = draft.spelled(TableName(column.identity.sequence, table.schema))
            options = _counting(column.identity)
            before.append(f"CREATE SEQUENCE IF NOT EXISTS {name}{options and f' {options}'}")
            after.append(f"ALTER SEQUENCE {name} OWNED BY {draft.spelled(table)}.{identifier(column.name)}")
    return "; ".join((*before, make, *after))


def _numbering(draft: Draft, table: Table, column: Column) -> str:
    """Return how an identity column counts, and what its sequence is called where that is no name PostgreSQL gives."""
    numbers, options = column.identity, []
    if numbers is None:
        return ""
    if numbers.sequence:
        options.append(f"SEQUENCE NAME {draft.spelled(TableName(numbers.sequence, table.name.schema))}")
    options.append(_counting(numbers))
    return f"({' '.join(option for option in options if option)})" if any(options) else ""


def _counting(numbers: Identity) -> str:
    step = f"INCREMENT BY {numbers.increment}" if numbers.increment != 1 else ""
    return " ".join(part for part in (step, numbers.options) if part)


def _set_default(draft: Draft, table: Table, name: TableName, was: Column, column: Column) -> None:
    """Note a default; set one that PostgreSQL might refuse by a statement of its own, which may fail."""
    if was.default is None:
        return
    item = of_table(ObjectKind.DEFAULT, was.name, table)
    value = default(draft, was)
    if value is None:
        draft.skipped(item, f"{was.default} has no certain counterpart in PostgreSQL.")
        return
    draft.created(item)
    if is_inline(draft, was, value) or column.identity or column.generated:
        return
    spelled = draft.spelled(name)
    draft.step(
        Phase.BEFORE_DATA,
        item,
        f"DO $do$ BEGIN IF NOT (SELECT atthasdef FROM pg_attribute WHERE attrelid = {literal(spelled)}::regclass "
        f"AND attname = {literal(column.name)}) THEN "
        f"ALTER TABLE {spelled} ALTER COLUMN {identifier(column.name)} SET DEFAULT {value}; END IF; END $do$",
        optional=True,
    )


def _partitioning(draft: Draft, table: Table) -> str:
    """Return how a partitioned table of another PostgreSQL is partitioned."""
    for other in draft.wanted.others:
        if draft.is_own and other.kind == "partitioned table" and other.name == str(table.name) and other.definition:
            draft.created(SchemaObject(ObjectKind.OTHER, other.name))
            return f" {other.definition}"
    return ""
