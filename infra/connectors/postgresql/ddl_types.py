"""Which type each column gets: that of its meaning, the same along foreign keys, enums by name."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.catalog.types import Enumeration, Integer
from domain.migrations.schema_plan import ObjectKind, Phase, SchemaObject
from infra.connectors.postgresql.capabilities import IDENTIFIER_MAX
from infra.connectors.postgresql.names import identifier, literal
from infra.connectors.postgresql.types import Declaration, declaration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from domain.catalog.model import Column, Table, TableName
    from infra.connectors.postgresql.draft import Draft

BIGINT_END = 2**63
_UNSIGNED_64 = Integer(64, signed=False)
_INTEGERS = frozenset({"smallint", "integer", "bigint"})
_WIDE = "numeric(20,0)"

Place = tuple["TableName", str]
"""A column by its table's name and its own, as wanted."""


@dataclass(frozen=True)
class _Member:
    """A column with its place."""

    place: Place
    column: Column


def choose_types(draft: Draft, names: dict[Place, str]) -> dict[Place, Declaration]:
    """Return the type of every column; `names` are the columns' names here. Plans the enum types too."""
    chosen: dict[Place, Declaration] = {}
    for group in _groups(draft.wanted.tables):
        enums = _enum_types(draft, group, names)
        for member in group:
            column = member.column
            chosen[member.place] = declaration(
                column.type, column.native, draft.wanted.engine, enums.get(member.place, "text")
            )
            if isinstance(column.type, Enumeration) and member.place not in enums:
                chosen[member.place] = Declaration("text", "kept as text: a label is longer than 63 bytes")
        if not draft.is_own:
            _fit_numbers(group, chosen)
    return chosen


def _groups(tables: Iterable[Table]) -> list[list[_Member]]:
    """Return the columns in groups that foreign keys tie together; most are alone."""
    leaders: dict[Place, Place] = {}

    def leader(place: Place) -> Place:
        while leaders[place] != place:
            place = leaders[place]
        return place

    members = [_Member((table.name, column.name), column) for table in tables for column in table.columns]
    leaders.update({member.place: member.place for member in members})
    for table in tables:
        for key in table.foreign_keys:
            for ours, theirs in zip(key.columns, key.referenced_columns, strict=False):
                here, there = (table.name, ours), (key.references, theirs)
                if here in leaders and there in leaders:
                    leaders[leader(here)] = leader(there)
    grouped: dict[Place, list[_Member]] = defaultdict(list)
    for member in members:
        grouped[leader(member.place)].append(member)
    return list(grouped.values())


def _fit_numbers(group: list[_Member], chosen: dict[Place, Declaration]) -> None:
    """Give the numbers of a group one type.

    A numbered column whose next value fits bigint holds only smaller values, and so do the columns
    that refer to it. Otherwise integers beside a numeric become numeric: no foreign key can join them.
    """
    unsigned = [member for member in group if member.column.type == _UNSIGNED_64]
    if any(_is_numbered_within_bigint(member.column) for member in unsigned):
        for member in unsigned:
            chosen[member.place] = Declaration("bigint")
    if _WIDE not in {chosen[member.place].native for member in group}:
        return
    for member in group:
        if chosen[member.place].native in _INTEGERS:
            chosen[member.place] = Declaration(_WIDE, "numeric, as a foreign key ties it to a numeric column")


def _is_numbered_within_bigint(column: Column) -> bool:
    return column.identity is not None and column.identity.next_value <= BIGINT_END


def _enum_types(draft: Draft, group: list[_Member], names: dict[Place, str]) -> dict[Place, str]:
    """Plan the enum types of a group and return their quoted names. Columns with the same labels share one."""
    made: dict[Enumeration, str] = {}
    types: dict[Place, str] = {}
    known = {other.name for other in draft.wanted.others if other.kind == "enum type"}
    for member in group:
        type_ = member.column.type
        if not isinstance(type_, Enumeration) or any(len(label.encode()) > IDENTIFIER_MAX for label in type_.labels):
            continue
        if draft.is_own and (type_.name in known or member.column.native != identifier_if_needed(type_.name)):
            types[member.place] = member.column.native
            continue
        if type_ not in made:
            table, _ = member.place
            wanted_name = type_.name or f"{table.name}_{names[member.place]}_enum"
            name = draft.relations(draft.schema).take(wanted_name, f"{table.name}_{names[member.place]}_enum")
            made[type_] = f"{identifier(draft.schema)}.{identifier(name)}"
            item = SchemaObject(ObjectKind.TYPE, name)
            draft.step(Phase.BEFORE_DATA, item, make_enum(made[type_], type_.labels))
        types[member.place] = made[type_]
    return types


def identifier_if_needed(name: str) -> str:
    """Return a name as PostgreSQL prints it: in quotes only if it needs them."""
    plain = name.isascii() and name.replace("_", "a").isalnum() and name == name.lower() and not name[:1].isdigit()
    return name if plain else identifier(name)


def make_enum(name: str, labels: tuple[str, ...]) -> str:
    """Return the statement that makes an enum type, or accepts one that is there with the same labels."""
    listed = ", ".join(literal(label) for label in labels)
    return (
        f"DO $do$ BEGIN IF to_regtype({literal(name)}) IS NULL THEN CREATE TYPE {name} AS ENUM ({listed}); "
        f"ELSIF ARRAY(SELECT enumlabel::text FROM pg_enum WHERE enumtypid = to_regtype({literal(name)}) "
        f"ORDER BY enumsortorder) <> ARRAY[{listed}]::text[] THEN "
        "RAISE EXCEPTION 'an enum type of this name is there with other labels; drop or rename it'; "
        "END IF; END $do$"
    )
