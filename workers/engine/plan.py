"""From a source's schema and what was asked to a plan: what is copied, what is built, what is left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from domain.catalog.model import DatabaseSchema, ForeignKey, Table, TableName
from domain.catalog.types import Opaque
from domain.connections.values import Endpoint
from domain.kernel.codec import fingerprint
from domain.kernel.errors import ValidationFailed
from domain.kernel.values import Bytes, Rows
from domain.migrations.plan import MigrationPlan, RunOptions
from domain.migrations.schema_plan import ObjectKind, Outcome, Parity, Phase, SchemaObject, SchemaPlan, Trait
from domain.migrations.transfer import Capabilities, ColumnCopy, Connector, Source, TableCopy, WireFormat
from workers.engine.choose import Choice, choose
from workers.engine.losses import losses
from workers.engine.naming import Names, check_schemas
from workers.engine.wanted import Orphans, wanted_schema

_LOSS = (Outcome.CREATED, Outcome.REPLACED, Outcome.SKIPPED)


@dataclass(frozen=True)
class Basis:
    """What a plan is made of: the source's schema, and how many of its references find no row."""

    schema: DatabaseSchema
    orphans: Orphans


async def look(source: Source, source_connector: Connector, options: RunOptions, target: Capabilities) -> Basis:
    """Look at the source; nothing is changed.

    Raises:
        ObjectMissing: the options name a table or column that the source does not have.
        DatabaseError: the source could not be read.
    """
    schema = await source.introspect()
    enforced = source_connector.capabilities.enforces_foreign_keys
    suspects = _suspects(choose(schema, options), target, enforced=enforced)
    return Basis(schema, {(table, key): await source.orphans(table, key) for table, key in suspects})


async def plan_migration(
    source: Source, source_connector: Connector, options: RunOptions, target_connector: Connector, target: Endpoint
) -> MigrationPlan:
    """Look at the source and plan its migration; neither database is changed.

    Raises:
        ObjectMissing: the options name a table or column that the source does not have.
        ValidationFailed: two objects would get the same name, or a table has more columns than the target allows.
        DatabaseError: the source could not be read.
    """
    basis = await look(source, source_connector, options, target_connector.capabilities)
    capabilities = source_connector.capabilities
    return make_plan(basis.schema, options, basis.orphans, capabilities, target_connector, target)


def _suspects(
    choices: tuple[Choice, ...], target: Capabilities, *, enforced: bool
) -> Iterator[tuple[TableName, ForeignKey]]:
    """Yield the foreign keys between chosen tables that rows may violate, where the target would not have that."""
    chosen = {choice.table.name for choice in choices}
    for choice in choices:
        for key in choice.table.foreign_keys:
            may_be_violated = not enforced or (not key.validated and Trait.UNVALIDATED not in target.traits)
            if key.references in chosen and may_be_violated:
                yield choice.table.name, key


def make_plan(
    schema: DatabaseSchema,
    options: RunOptions,
    orphans: Orphans,
    source: Capabilities,
    connector: Connector,
    target: Endpoint,
) -> MigrationPlan:
    """Plan a migration of a described source; pure.

    Raises:
        ObjectMissing: the options name a table or column that the source does not have.
        ValidationFailed: two objects would get the same name.
    """
    choices = choose(schema, options)
    check_schemas(schema, choices, connector.capabilities, target)
    names = Names(source, connector.capabilities, target)
    choices = names.named(choices)
    wanted, notes = wanted_schema(schema, choices, options, orphans, names)
    built = connector.plan_schema(wanted, target)
    _refuse_wide(choices, built, connector.capabilities)
    _refuse_collisions(choices, built, connector.capabilities)
    built = replace(built, parity=merged((*notes, *losses(wanted, connector.capabilities)), built.parity))
    is_own = source.engine is connector.capabilities.engine
    formats = (source.emits & connector.capabilities.accepts) - {WireFormat.ARROW}
    tables = tuple(
        _table_copy(number, choice, table, _exact_formats(choice.table, formats, source), is_own=is_own)
        for number, (choice, table) in enumerate(zip(choices, built.tables, strict=True))
    )
    warnings = () if tables else ("the source holds no tables to copy; does the address name the right schema?",)
    return MigrationPlan(tables, built, options.on_existing, plan_hash(tables, built), warnings)


def merged(ours: Iterable[Parity], theirs: Iterable[Parity]) -> tuple[Parity, ...]:
    """Return one line for each object: of two the one that tells of more loss, with the reasons of both if equal."""
    lines: dict[SchemaObject, Parity] = {}
    for line in (*ours, *theirs):
        other = lines.setdefault(line.object, line)
        if other is line:
            continue
        if other.outcome is line.outcome:
            lines[line.object] = replace(line, reason="; ".join(filter(None, (other.reason, line.reason))))
        else:
            lines[line.object] = max(other, line, key=lambda each: _LOSS.index(each.outcome))
    return tuple(lines.values())


def plan_hash(tables: tuple[TableCopy, ...], schema: SchemaPlan) -> str:
    """Return what must be equal for a run to be resumed under another plan.

    Estimates do not count, nor the text of the last steps: they set next values, which move with
    the source.
    """
    steps = tuple(replace(step, sql="") if step.phase is Phase.FINISH else step for step in schema.steps)
    bare = tuple(replace(copy, row_estimate=Rows(0), size_bytes=Bytes(0)) for copy in tables)
    return fingerprint((bare, steps))


def fastest_format(columns: tuple[ColumnCopy, ...], shared: frozenset[WireFormat]) -> WireFormat:
    """Return the fastest wire format that is exact: bytes pass untouched only between equal native types."""
    if WireFormat.PG_BINARY in shared and all(column.source_native == column.target_native for column in columns):
        return WireFormat.PG_BINARY
    return WireFormat.ARROW


def _exact_formats(table: Table, shared: frozenset[WireFormat], source: Capabilities) -> frozenset[WireFormat]:
    """Leave out the binary form where it holds numbers of types that each database gives out anew."""
    opaque = {column.type.declaration for column in table.columns if isinstance(column.type, Opaque)}
    return shared if opaque <= source.binary_types else shared - {WireFormat.PG_BINARY}


def _table_copy(
    number: int, choice: Choice, planned: Table, formats: frozenset[WireFormat], *, is_own: bool
) -> TableCopy:
    """Describe one table's copy. Columns that the target computes itself are not copied.

    `is_own` tells that both databases are of one engine.
    """
    columns = []
    for (source, _), column in zip(choice.renames, planned.columns, strict=True):
        original = choice.table.column(source)
        if original is not None and column.generated is None:
            is_same = is_own and original.native == column.native
            type_ = (original.stored if is_same else None) or original.type
            columns.append(ColumnCopy(source, column.name, type_, original.native, column.native))
    return TableCopy(
        number=number,
        source=choice.table.name,
        target=planned.name,
        columns=tuple(columns),
        key=_ordering_key(choice.table),
        format=fastest_format(tuple(columns), formats),
        row_estimate=choice.table.row_estimate,
        size_bytes=choice.table.size_bytes,
    )


def _ordering_key(table: Table) -> tuple[str, ...]:
    """Return the columns that tell rows apart: the primary key, else a whole unique index without NULLs."""
    if table.primary_key is not None:
        return table.primary_key.columns
    required = {column.name for column in table.columns if not column.nullable}
    for index in table.indexes:
        plain = all(part.column in required and part.prefix is None for part in index.parts)
        if index.unique and not index.predicate and plain:
            return tuple(part.column for part in index.parts)
    return ()


def _refuse_wide(choices: tuple[Choice, ...], built: SchemaPlan, target: Capabilities) -> None:
    """Refuse, before any DDL, a table of more columns than the target allows."""
    for choice, table in zip(choices, built.tables, strict=True):
        columns = len(table.columns)
        if target.columns_max is not None and columns > target.columns_max:
            name = str(choice.table.name)
            raise ValidationFailed(
                f"{name} has {columns:,} columns, and a table of {target.engine.value} has at most "
                f"{target.columns_max:,}; leave columns out by a mapping, or exclude the table",
                path=(name,),
            )


def _refuse_collisions(choices: tuple[Choice, ...], built: SchemaPlan, target: Capabilities) -> None:
    """Refuse, before any DDL, two tables or columns that would be one in the target: cut in length, or by case."""
    pairs = [(str(choice.table.name), table.name) for choice, table in zip(choices, built.tables, strict=True)]
    folds_tables, folds_columns = (kind in target.ignores_case_of for kind in (ObjectKind.TABLE, ObjectKind.COLUMN))
    _refuse_same("tables", [(source, str(name)) for source, name in pairs], ignores_case=folds_tables)
    for choice, table in zip(choices, built.tables, strict=True):
        names = [(source, column.name) for (source, _), column in zip(choice.renames, table.columns, strict=True)]
        _refuse_same(f"columns of {choice.table.name}:", names, ignores_case=folds_columns)


def _refuse_same(what: str, names: list[tuple[str, str]], *, ignores_case: bool) -> None:
    taken: dict[str, str] = {}
    for source, name in names:
        other = taken.setdefault(name.casefold() if ignores_case else name, source)
        if other != source:
            raise ValidationFailed(f"{what} {other} and {source} would both be {name}; map one to another name")
