"""Values of the catalog slice: what to look at, and what was counted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from annotated_types import Len

from domain.catalog.model import DatabaseSchema, Table
from domain.catalog.names import matches, near
from domain.connections.values import Engine
from domain.kernel.codec import fingerprint
from domain.kernel.errors import ObjectMissing
from domain.kernel.values import Bytes, Rows

Pattern = Annotated[str, Len(1, 200)]


@dataclass(frozen=True, kw_only=True)
class SchemaAnalysisOptions:
    """What of a database to describe."""

    include_tables: Annotated[tuple[Pattern, ...], Len(0, 1000)] = ()
    """Only tables that fit one of these shell patterns (`film*`, `sales.*`); none means all."""
    exclude_tables: Annotated[tuple[Pattern, ...], Len(0, 1000)] = ()
    """No tables that fit one of these shell patterns."""


@dataclass(frozen=True, kw_only=True)
class SchemaCounts:
    """How many of each kind of thing there are."""

    tables: int
    """Tables."""
    columns: int
    """Columns of all tables."""
    indexes: int
    """Indexes of all tables, without those of primary keys."""
    foreign_keys: int
    """References between tables."""
    checks: int
    """CHECK constraints."""
    views: int
    """Views."""
    sequences: int
    """Sequences that no column owns."""
    others: int
    """Triggers, routines, types and the rest."""


@dataclass(frozen=True, kw_only=True)
class Description:
    """A schema in short: where it was found, its hash, and how much it holds."""

    type: Engine
    server_version: str
    hash: str
    counts: SchemaCounts


def described(schema: DatabaseSchema) -> Description:
    """Return a schema in short. Takes half a second for a thousand tables."""
    return Description(
        type=schema.engine,
        server_version=schema.server_version,
        hash=structure_hash(schema),
        counts=counted(schema),
    )


def narrowed(schema: DatabaseSchema, options: SchemaAnalysisOptions) -> DatabaseSchema:
    """Return the schema with only the tables that the options let in; what is no table stays.

    Raises:
        ObjectMissing: a pattern to include fits no table, which is far more often a slip than a wish.
    """
    names = [table.name for table in schema.tables]
    for pattern in options.include_tables:
        if not any(matches(name, [pattern]) for name in names):
            hint = near(pattern, [name.name for name in names])
            raise ObjectMissing(f"There is no table {pattern}{hint}.", path=("options", "includeTables"))
    chosen = tuple(
        table
        for table in schema.tables
        if (not options.include_tables or matches(table.name, options.include_tables))
        and not matches(table.name, options.exclude_tables)
    )
    return replace(schema, tables=chosen)


def counted(schema: DatabaseSchema) -> SchemaCounts:
    """Count what a schema holds."""
    return SchemaCounts(
        tables=len(schema.tables),
        columns=sum(len(table.columns) for table in schema.tables),
        indexes=sum(len(table.indexes) for table in schema.tables),
        foreign_keys=sum(len(table.foreign_keys) for table in schema.tables),
        checks=sum(len(table.checks) for table in schema.tables),
        views=len(schema.views),
        sequences=len(schema.sequences),
        others=len(schema.others),
    )


def structure_hash(schema: DatabaseSchema) -> str:
    """Return the SHA-256 of a schema's structure, in hex digits.

    What changes with every row (estimates, sizes, next values) is left out, so two analyses have
    equal hashes exactly if nothing of the structure has changed between them.
    """
    still = replace(
        schema,
        tables=tuple(_still(table) for table in schema.tables),
        sequences=tuple(replace(sequence, next_value=0) for sequence in schema.sequences),
    )
    return fingerprint(still)


def _still(table: Table) -> Table:
    columns = tuple(
        replace(column, identity=replace(column.identity, next_value=0)) if column.identity else column
        for column in table.columns
    )
    return replace(table, columns=columns, row_estimate=Rows(0), size_bytes=Bytes(0))
