from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from domain.catalog.model import DatabaseSchema, Table, TableName
from domain.catalog.types import Integer, Text
from domain.connections.values import Endpoint, Engine
from domain.kernel.errors import Conflict, ErrorCode, ObjectMissing, WherryError
from domain.migrations.plan import MigrationPlan
from domain.migrations.schema_plan import ObjectKind, SchemaObject
from domain.migrations.transfer import WireFormat
from tests.support.catalog import a_column, a_table
from tests.support.memory import MemoryConnector, MemoryDatabase
from tests.unit.engine.test_plan import a_schema, planned
from workers.engine.existing import adopted, find_table
from workers.engine.naming import Names

FILM = a_table("film", "title")


def there(table: Table) -> DatabaseSchema:
    return DatabaseSchema(Engine.SQLITE, "memory", (table,))


def adopt(table: Table) -> MigrationPlan:
    return adopted(planned(a_schema(FILM)), a_schema(FILM), there(table), frozenset())


def test_a_table_that_is_already_there_lends_its_column_types() -> None:
    plan = adopt(replace(FILM, columns=(FILM.columns[0], a_column("title", Text(), native="varchar(50)"))))

    assert plan.tables[0].columns[1].target_native == "varchar(50)"
    assert plan.tables[0].format is WireFormat.ARROW


def test_a_table_of_the_run_itself_keeps_its_planned_types() -> None:
    plan = planned(a_schema(FILM))
    other = replace(FILM, columns=(FILM.columns[0], a_column("title", Text(), native="varchar(50)")))

    assert adopted(plan, a_schema(FILM), there(other), frozenset({SchemaObject(ObjectKind.TABLE, "film")})) == plan


@pytest.mark.parametrize(
    ("table", "error", "code", "message"),
    [
        (a_table("film"), ObjectMissing, ErrorCode.COLUMN_NOT_FOUND, "film is already there and has no column title"),
        (
            replace(FILM, columns=(FILM.columns[0], a_column("title", Integer(32), native="int"))),
            Conflict,
            ErrorCode.CONFLICT,
            "column title is int, which does not take text exactly",
        ),
        (
            replace(FILM, columns=(*FILM.columns, a_column("due", nullable=False))),
            Conflict,
            ErrorCode.CONFLICT,
            "column due needs a value",
        ),
    ],
)
def test_a_table_that_cannot_take_the_rows_is_refused(
    table: Table, error: type[WherryError], code: ErrorCode, message: str
) -> None:
    with pytest.raises(error, match=message) as refused:
        adopt(table)

    assert refused.value.code is code


def test_tables_are_found_whether_or_not_a_side_names_the_schema() -> None:
    catalog = there(replace(FILM, name=TableName("film", "public")))

    assert find_table(catalog, TableName("film")) is not None
    assert find_table(catalog, TableName("film", "public")) is not None
    assert find_table(catalog, TableName("film", "other")) is None


def test_each_of_thousands_of_tables_is_found_without_going_through_all_of_them() -> None:
    rounds = 0

    class Tables(tuple[Table, ...]):
        """Counts how often somebody goes through all tables."""

        def __iter__(self) -> Iterator[Table]:
            nonlocal rounds
            rounds += 1
            return super().__iter__()

    names = [TableName(f"t{place}", "public") for place in range(1_000)]
    catalog = DatabaseSchema(Engine.POSTGRESQL, "", Tables(replace(FILM, name=name) for name in names))

    assert [table.name for name in names if (table := find_table(catalog, TableName(name.name)))] == names
    assert [table.name for name in names if (table := catalog.table(name))] == names
    capabilities = MemoryConnector(MemoryDatabase()).capabilities
    naming = Names(capabilities, capabilities, Endpoint(Engine.SQLITE, path="target"))
    assert {naming.default_schema(catalog) for _ in names} == {"public"}
    assert rounds == 2
