"""Describe a database: one question to the catalogue per kind of object, put together by table."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from domain.catalog.model import (
    Check,
    Column,
    DatabaseSchema,
    ForeignKey,
    Identity,
    Index,
    IndexPart,
    Key,
    OtherObject,
    ReferentialAction,
    Sequence,
    Table,
    TableName,
    View,
)
from domain.connections.values import Engine
from domain.kernel.values import Bytes, Rows
from infra.connectors.postgresql import catalog_queries as queries
from infra.connectors.postgresql.catalog_others import OTHERS
from infra.connectors.postgresql.estimate import estimated_rows
from infra.connectors.postgresql.names import identifier, schema_of
from infra.connectors.postgresql.relation import Relation
from infra.connectors.postgresql.types import meaning

if TYPE_CHECKING:
    import asyncpg

    from domain.connections.values import Endpoint

_ACTIONS = {
    "a": ReferentialAction.NO_ACTION,
    "r": ReferentialAction.RESTRICT,
    "c": ReferentialAction.CASCADE,
    "n": ReferentialAction.SET_NULL,
    "d": ReferentialAction.SET_DEFAULT,
}
UNUSABLE = "unreadable schema"
"""What we call a schema that the user may not look into."""

_ENDS = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}
"""The highest number of a sequence by its type."""

_STORED = "s"
_ALWAYS = "a"

ColumnPlace = tuple[int, int]
"""A column by the catalogue's numbers of its table and of itself."""


@dataclass(frozen=True)
class _Generator:
    """A sequence as the catalogue shows it. `owner` is the column it belongs to, if it numbers that one only."""

    sequence: Sequence
    owner: ColumnPlace | None
    bounds: str
    """Its bounds and whether it cycles, where these are not what it gets by itself."""

    @property
    def next_value(self) -> int:
        """What it would give next."""
        return self.sequence.next_value


@dataclass(frozen=True)
class _Parts:
    """What hangs on the tables, by the catalogue's number of the table."""

    columns: dict[int, list[asyncpg.Record]]
    constraints: dict[int, list[asyncpg.Record]]
    indexes: dict[int, list[asyncpg.Record]]
    generators: dict[ColumnPlace, _Generator]


async def introspect(connection: asyncpg.Connection, endpoint: Endpoint) -> DatabaseSchema:
    """Describe all of the endpoint's schema, or of all schemas that users made if it names none.

    A schema that is not there is described as empty.
    """
    schemas, unusable = await _schemas(connection, endpoint)
    tables = await connection.fetch(queries.TABLES, schemas)
    generators = [await _generator(connection, row) for row in await connection.fetch(queries.SEQUENCES, schemas)]
    parts = _Parts(
        _by_table(await connection.fetch(queries.COLUMNS, schemas)),
        _by_table(await connection.fetch(queries.CONSTRAINTS, schemas)),
        _by_table(await connection.fetch(queries.INDEXES, schemas)),
        {generator.owner: generator for generator in generators if generator.owner},
    )
    described = tuple([await _table(connection, row, parts) for row in tables])
    numbering = _numbering_columns(parts)
    others = await _others(connection, schemas, schema_of(endpoint))
    return DatabaseSchema(
        Engine.POSTGRESQL,
        str(await connection.fetchval("SHOW server_version")),
        described,
        tuple(generator.sequence for generator in generators if generator.owner not in numbering),
        _views(await connection.fetch(queries.VIEWS, schemas)),
        (*others, *(OtherObject(UNUSABLE, name) for name in unusable)),
    )


async def _schemas(connection: asyncpg.Connection, endpoint: Endpoint) -> tuple[list[str], list[str]]:
    """Return the schemas to look into, the default one first, and those that this user may not look into."""
    if endpoint.schema:
        return [endpoint.schema], []
    rows = await connection.fetch(queries.SCHEMAS)
    names = [row["name"] for row in rows if row["usable"]]
    default = schema_of(endpoint)
    return sorted(names, key=lambda name: (name != default, name)), [row["name"] for row in rows if not row["usable"]]


def _by_table(rows: list[asyncpg.Record]) -> dict[int, list[asyncpg.Record]]:
    grouped: dict[int, list[asyncpg.Record]] = defaultdict(list)
    for row in rows:
        grouped[row["table_oid"]].append(row)
    return grouped


async def _generator(connection: asyncpg.Connection, row: asyncpg.Record) -> _Generator:
    """Read a sequence's next value. Without the right to read it, the number after its column's highest stands in."""
    owner = None if row["table_oid"] is None else (row["table_oid"], row["column_number"])
    next_value = row["start"]
    if row["readable"]:
        name = f"{identifier(row['schema'])}.{identifier(row['name'])}"
        state = await connection.fetchrow(f"SELECT last_value, is_called FROM {name}")
        next_value = state["last_value"] + (row["increment"] if state["is_called"] else 0)
    elif row["table_name"]:
        highest = await connection.fetchval(f"SELECT max({row['column_name']}) FROM {row['table_name']}")
        next_value = max(next_value, int(highest or 0) + 1)
    made = Sequence(
        TableName(row["name"], row["schema"]),
        next_value,
        row["increment"],
        row["minimum"],
        row["maximum"],
        row["cycle"],
        _options(row),
    )
    return _Generator(made, None if row["shared"] else owner, _bounds(row))


def _options(row: asyncpg.Record) -> str:
    """Spell the type, start and cache of a sequence where they are not those it gets by itself."""
    first = row["minimum"] if row["increment"] > 0 else row["maximum"]
    options = (
        row["type"] != "bigint" and f"AS {row['type']}",
        row["start"] != first and f"START WITH {row['start']}",
        row["cache"] != 1 and f"CACHE {row['cache']}",
    )
    return " ".join(option for option in options if option)


def _bounds(row: asyncpg.Record) -> str:
    end, is_rising = _ENDS[row["type"]], row["increment"] > 0
    lowest, highest = (1, end) if is_rising else (-end - 1, -1)
    options = (
        row["minimum"] != lowest and f"MINVALUE {row['minimum']}",
        row["maximum"] != highest and f"MAXVALUE {row['maximum']}",
        row["cycle"] and "CYCLE",
    )
    return " ".join(option for option in options if option)


def _numbers_itself(column: asyncpg.Record) -> bool:
    return bool(column["identity"]) or (column["default"] or "").startswith("nextval(")


def _numbering_columns(parts: _Parts) -> frozenset[ColumnPlace | None]:
    """Return the places of the columns whose own sequence is their identity."""
    places: set[ColumnPlace | None] = set()
    for table_oid, columns in parts.columns.items():
        places.update((table_oid, column["number"]) for column in columns if _numbers_itself(column))
    return frozenset(places & set(parts.generators))


async def _table(connection: asyncpg.Connection, row: asyncpg.Record, parts: _Parts) -> Table:
    oid = row["oid"]
    constraints = parts.constraints.get(oid, [])
    primary = next((found for found in constraints if found["kind"] == "p"), None)
    return Table(
        TableName(row["name"], row["schema"]),
        tuple(_column(column, parts.generators.get((oid, column["number"]))) for column in parts.columns.get(oid, [])),
        _key(primary) if primary else None,
        tuple(_index(index) for index in parts.indexes.get(oid, [])),
        tuple(_foreign_key(found) for found in constraints if found["kind"] == "f"),
        tuple(
            Check(found["name"], found["expression"], found["validated"], found["inherited"])
            for found in constraints
            if found["kind"] == "c"
        ),
        row["comment"] or "",
        Rows(await _estimate(connection, row)),
        Bytes(row["size_bytes"]),
    )


async def _estimate(connection: asyncpg.Connection, row: asyncpg.Record) -> int:
    if not row["readable"]:
        return max(0, round(float(row["tuples"])))
    relation = Relation(row["oid"], row["kind"], row["schema"], row["name"])
    return await estimated_rows(connection, relation.rows, row["tuples"], row["size_bytes"])


def _column(row: asyncpg.Record, generator: _Generator | None) -> Column:
    identity = None
    if generator is not None and _numbers_itself(row):
        name, options = generator.sequence.name, generator.sequence.options
        if row["identity"]:
            options = options.removeprefix(f"AS {row['native']}").lstrip()  # it has its column's type
        identity = Identity(
            generator.next_value,
            always=row["identity"] == _ALWAYS,
            increment=generator.sequence.increment,
            sequence=name.name,
            default="" if row["identity"] else row["default"],
            options=f"{options} {generator.bounds}".strip(),
        )
    generated = row["default"] if row["generated"] else None
    return Column(
        row["name"],
        meaning(row["spelling"], labels=tuple(row["labels"]), enum_name=row["type_name"]),
        row["native"],
        nullable=row["nullable"],
        default=None if identity or generated else row["default"],
        identity=identity,
        generated=generated,
        generated_stored=row["generated"] == _STORED,
        comment=row["comment"] or "",
        collation=row["collation"] or "",
    )


def _index(row: asyncpg.Record) -> Index:
    parts = tuple(
        IndexPart(
            column,
            expression,
            descending,
            operator_class=operator_class,
            nulls="" if nulls_first == descending else "FIRST" if nulls_first else "LAST",
        )
        for column, expression, descending, nulls_first, operator_class in zip(
            row["columns"],
            row["expressions"],
            row["descending"],
            row["nulls_first"],
            row["operator_classes"],
            strict=True,
        )
    )
    return Index(
        row["name"],
        parts,
        row["unique"],
        row["is_constraint"],
        row["method"],
        row["predicate"],
        tuple(row["include"]),
        row["nulls_equal"],
        row["deferral"],
    )


def _key(row: asyncpg.Record) -> Key:
    return Key(tuple(row["columns"]), row["name"], tuple(row["include"]), row["deferral"])


def _foreign_key(row: asyncpg.Record) -> ForeignKey:
    return ForeignKey(
        row["name"],
        tuple(row["columns"]),
        TableName(row["referenced_table"], row["referenced_schema"]),
        tuple(row["referenced_columns"]),
        _ACTIONS[row["on_delete"]],
        _ACTIONS[row["on_update"]],
        row["deferral"],
        row["validated"],
        row["match_full"],
        tuple(row["unset"]),
    )


def _views(rows: list[asyncpg.Record]) -> tuple[View, ...]:
    """Return the views so that each comes after those it uses."""
    by_oid = {row["oid"]: row for row in rows}
    sorter: TopologicalSorter[int] = TopologicalSorter()
    for row in rows:
        sorter.add(row["oid"], *(used for used in row["uses"] if used in by_oid))
    try:
        order = tuple(sorter.static_order())
    except CycleError:
        order = tuple(by_oid)
    found = (by_oid[oid] for oid in order)
    return tuple(View(TableName(row["name"], row["schema"]), row["definition"], row["materialized"]) for row in found)


async def _others(connection: asyncpg.Connection, schemas: list[str], default: str) -> list[OtherObject]:
    rows = await connection.fetch(OTHERS, schemas, default)
    return [OtherObject(row["kind"], row["name"], row["definition"] or "", table=row["owner"]) for row in rows]
