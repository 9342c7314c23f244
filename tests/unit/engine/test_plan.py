from __future__ import annotations

from dataclasses import replace

import pytest

from domain.catalog.model import Check, Column, DatabaseSchema, IndexPart, Key, Table, TableName, View
from domain.catalog.types import Integer
from domain.connections.values import Endpoint, Engine
from domain.kernel.codec import from_json, to_json
from domain.kernel.errors import ErrorCode, ObjectMissing, ValidationFailed
from domain.kernel.values import Rows
from domain.mappings.values import ColumnMapping, TableMapping
from domain.migrations.plan import MigrationPlan, RunOptions
from domain.migrations.schema_plan import ObjectKind, Outcome, SchemaPlan
from domain.migrations.transfer import ColumnCopy, WireFormat
from infra.connectors.registry import connector_for
from tests.support.catalog import a_column, a_foreign_key, a_table, an_index
from tests.support.memory import MemoryConnector, MemoryDatabase
from workers.engine.plan import make_plan, plan_migration
from workers.engine.wanted import Orphans

TARGET = Endpoint(Engine.SQLITE, path="target")
FILM = a_table("film", "title", "year", indexes=(an_index("by_title", "title"),))
ACTOR = a_table("actor", "name", "film", foreign_keys=(a_foreign_key("plays", "film", "film"),))


def a_schema(*tables: Table, views: tuple[View, ...] = ()) -> DatabaseSchema:
    return DatabaseSchema(Engine.SQLITE, "memory", tables, views=views)


def planned(schema: DatabaseSchema, options: RunOptions | None = None, orphans: Orphans | None = None) -> MigrationPlan:
    connector = MemoryConnector(MemoryDatabase())
    return make_plan(schema, options or RunOptions(), orphans or {}, connector.capabilities, connector, TARGET)


def renaming(source: str, target: str, **columns: str) -> RunOptions:
    mapping = TableMapping(source, target, tuple(ColumnMapping(here, there) for here, there in columns.items()))
    return RunOptions(mappings=(mapping,))


def skipped(plan: MigrationPlan) -> dict[str, str]:
    return {line.object.name: line.reason for line in plan.schema.parity if line.outcome is Outcome.SKIPPED}


def test_without_options_everything_is_copied_under_its_own_name() -> None:
    plan = planned(a_schema(FILM, ACTOR))

    assert [(str(copy.source), str(copy.target)) for copy in plan.tables] == [("film", "film"), ("actor", "actor")]
    assert [column.source for column in plan.tables[0].columns] == ["id", "title", "year"]
    assert skipped(plan) == {}


def test_tables_lose_the_schema_of_the_source() -> None:
    film = replace(FILM, name=TableName("film", "public"))
    actor = replace(
        ACTOR,
        name=TableName("actor", "public"),
        foreign_keys=(replace(ACTOR.foreign_keys[0], references=TableName("film", "public")),),
    )

    plan = planned(a_schema(film, actor))

    assert [(str(copy.source), str(copy.target)) for copy in plan.tables] == [
        ("public.film", "film"),
        ("public.actor", "actor"),
    ]
    assert plan.schema.tables[1].foreign_keys[0].references == TableName("film")


@pytest.mark.parametrize(
    ("options", "tables"),
    [
        (RunOptions(include=("film",)), ["film"]),
        (RunOptions(include=("*o*",)), ["actor"]),
        (RunOptions(exclude=("act*",)), ["film"]),
        (RunOptions(include=("*",), exclude=("film",)), ["actor"]),
        (RunOptions(mappings=(TableMapping("actor", "player"),)), ["actor"]),
    ],
)
def test_patterns_and_mappings_choose_the_tables(options: RunOptions, tables: list[str]) -> None:
    assert [copy.source.name for copy in planned(a_schema(FILM, ACTOR), options).tables] == tables


def test_what_is_left_out_has_a_line_that_says_so() -> None:
    plan = planned(a_schema(FILM, ACTOR), RunOptions(exclude=("film",)))

    assert skipped(plan) == {
        "film": "left out by the options of this run",
        "plays": "it refers to table film, which is not copied",
    }


def test_a_table_without_columns_is_left_out_with_a_line() -> None:
    plan = planned(a_schema(FILM, Table(TableName("nothing"), ())))

    assert [copy.source.name for copy in plan.tables] == ["film"]
    assert skipped(plan) == {"nothing": "it has no columns"}


def test_a_mapping_renames_tables_columns_keys_and_indexes() -> None:
    mappings = (
        TableMapping("film", "movie", (ColumnMapping("id", "movie_id"), ColumnMapping("title", "name"))),
        TableMapping("actor", "player"),
    )

    plan = planned(a_schema(FILM, ACTOR), RunOptions(mappings=mappings))

    movie, player = plan.schema.tables
    assert [column.name for column in movie.columns] == ["movie_id", "name"]
    assert movie.primary_key is not None
    assert movie.primary_key.columns == ("movie_id",)
    assert movie.indexes[0].parts == (IndexPart("name"),)
    assert (player.foreign_keys[0].references, player.foreign_keys[0].referenced_columns) == (
        TableName("movie"),
        ("movie_id",),
    )
    assert [(column.source, column.target) for column in plan.tables[0].columns] == [
        ("id", "movie_id"),
        ("title", "name"),
    ]
    assert plan.tables[0].key == ("id",)


def test_a_mapping_renames_the_columns_beside_a_key_and_those_that_a_reference_unsets() -> None:
    film = replace(
        FILM,
        primary_key=Key(("id",), include=("title", "year")),
        foreign_keys=(replace(a_foreign_key("itself", "id", "film"), unset=("id",)),),
    )

    (made,) = planned(a_schema(film), renaming("film", "film", id="number", title="name")).schema.tables

    assert made.primary_key == Key(("number",), include=("name",))
    assert made.foreign_keys[0].unset == ("number",)


def test_what_needs_a_column_that_is_not_copied_is_left_out_with_a_reason() -> None:
    film = replace(
        FILM,
        indexes=(an_index("by_year", "year"), an_index("recent", "title", predicate="year > '2000'")),
        checks=(Check("modern", "year >= '1900'"),),
        foreign_keys=(a_foreign_key("since", "year", "film"),),
    )

    plan = planned(a_schema(film), renaming("film", "film", id="id", title="title"))

    assert skipped(plan) == {
        "by_year": "one of its columns is not copied",
        "recent": "it uses column year, which is mapped",
        "modern": "it uses column year, which is mapped",
        "since": "one of its columns is not copied",
    }


def test_a_computed_column_over_a_renamed_one_is_copied_by_its_values() -> None:
    computed = Column("shout", a_column("x").type, "text", generated="upper(title)", generated_stored=True)
    film = replace(FILM, columns=(*FILM.columns, computed))

    kept = planned(a_schema(film))
    mapped = planned(a_schema(film), renaming("film", "film", id="id", title="name", shout="shout"))

    assert [column.source for column in kept.tables[0].columns] == ["id", "title", "year"]
    assert [column.source for column in mapped.tables[0].columns] == ["id", "title", "shout"]
    replaced = [line for line in mapped.schema.parity if line.outcome is Outcome.REPLACED]
    assert [(line.object.name, line.reason) for line in replaced] == [
        ("shout", "its expression uses column title, which is mapped; its values are copied instead")
    ]


def test_views_over_what_does_not_arrive_are_left_out_and_so_are_views_over_those() -> None:
    views = (
        View(TableName("over_cast"), "SELECT * FROM cast_list"),
        View(TableName("cast_list"), 'SELECT * FROM "Actor"'),
        View(TableName("titles"), "SELECT title FROM film"),
    )

    plan = planned(a_schema(FILM, ACTOR, views=views), RunOptions(exclude=("actor",)))

    assert {name: reason for name, reason in skipped(plan).items() if name != "actor"} == {
        "cast_list": "it reads actor, which does not arrive as it was",
        "over_cast": "it reads cast_list, which does not arrive as it was",
    }


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (renaming("flim", "film"), ErrorCode.TABLE_NOT_FOUND, r"no table flim \(did you mean film\?\)"),
        (
            renaming("film", "film", titel="t"),
            ErrorCode.COLUMN_NOT_FOUND,
            r"no column titel \(did .* title\?\)",
        ),
        (RunOptions(include=("Film",)), ErrorCode.TABLE_NOT_FOUND, r"no table Film \(did you mean film\?\)"),
        (RunOptions(include=("film", "zzz*")), ErrorCode.TABLE_NOT_FOUND, r"no table zzz\*$"),
    ],
)
def test_an_unknown_name_is_refused_with_its_neighbours(options: RunOptions, code: ErrorCode, message: str) -> None:
    with pytest.raises(ObjectMissing, match=message) as missing:
        planned(a_schema(FILM, ACTOR), options)

    assert missing.value.code is code


@pytest.mark.parametrize(
    "options",
    [
        RunOptions(mappings=(TableMapping("film", "x"), TableMapping("actor", "x"))),
        RunOptions(mappings=(TableMapping("film", "x"), TableMapping("film", "y"))),
        renaming("film", "film", id="same", title="same"),
    ],
)
def test_two_things_of_one_name_are_refused(options: RunOptions) -> None:
    with pytest.raises(ValidationFailed, match="named twice"):
        planned(a_schema(FILM, ACTOR), options)


def test_names_that_differ_by_case_alone_become_different_where_case_does_not_count() -> None:
    schema = a_schema(a_table("film", "title", "Title"), a_table("Film"))
    connector = MemoryConnector(MemoryDatabase())
    exact = make_plan(schema, RunOptions(), {}, connector.capabilities, connector, TARGET)
    connector.capabilities = replace(
        connector.capabilities, ignores_case_of=frozenset({ObjectKind.TABLE, ObjectKind.COLUMN})
    )

    plan = make_plan(schema, RunOptions(), {}, connector.capabilities, connector, TARGET)

    assert [str(copy.target) for copy in exact.tables] == ["film", "Film"]
    assert [str(copy.target) for copy in plan.tables] == ["film", "Film_2"]
    assert [column.target for column in plan.tables[0].columns] == ["id", "title", "Title_2"]
    assert {line.object.name: line.reason for line in plan.schema.parity if line.outcome is Outcome.REPLACED} == {
        "Film_2": "a new name for Film, as another one is called so here",
        "Title_2": "a new name for Title, as another one is called so here",
    }


def test_a_name_that_is_too_long_gets_a_shorter_one_that_tells_it_apart() -> None:
    schema = a_schema(a_table("x" * 70 + "1"), a_table("x" * 70 + "2"))
    connector = MemoryConnector(MemoryDatabase())
    connector.capabilities = replace(connector.capabilities, identifier_max=63)

    plan = make_plan(schema, RunOptions(), {}, connector.capabilities, connector, TARGET)

    names = [copy.target.name for copy in plan.tables]
    assert len(set(names)) == 2
    assert all(name.startswith("x" * 54 + "_") and len(name) == 63 for name in names)


def test_names_are_measured_and_spelled_as_the_target_takes_them() -> None:
    schema = a_schema(a_table("é" * 64, "smile 😀", "end "), a_table("日" * 65))
    connector = MemoryConnector(MemoryDatabase())
    mysql = connector_for(Engine.MYSQL).capabilities
    connector.capabilities = replace(
        connector.capabilities,
        identifier_max=mysql.identifier_max,
        names_in_characters=mysql.names_in_characters,
        unnameable=mysql.unnameable,
    )

    plan = make_plan(schema, RunOptions(), {}, connector.capabilities, connector, TARGET)

    first, second = plan.tables
    assert first.target.name == "é" * 64
    assert [column.target for column in first.columns] == ["id", "smile _", "end_"]
    assert len(second.target.name) == 64
    reasons = [line.reason for line in plan.schema.parity if line.outcome is Outcome.REPLACED]
    assert sum("takes no such characters in names" in reason for reason in reasons) == 2
    assert sum("which is longer than 64 characters" in reason for reason in reasons) == 1


def test_tables_of_several_schemas_come_together_and_get_their_schema_in_front_where_names_meet() -> None:
    schema = a_schema(
        replace(FILM, name=TableName("film", "public")),
        replace(FILM, name=TableName("film", "sales")),
        replace(ACTOR, name=TableName("actor", "sales"), foreign_keys=()),
    )
    connector = MemoryConnector(MemoryDatabase())
    source = replace(connector.capabilities, default_schema="public")

    plan = make_plan(schema, RunOptions(), {}, source, connector, TARGET)
    connector.capabilities = replace(connector.capabilities, default_schema="public", keeps_schemas=True)
    kept = make_plan(schema, RunOptions(), {}, source, connector, TARGET)

    assert [str(copy.target) for copy in plan.tables] == ["film", "sales_film", "actor"]
    assert [str(copy.target) for copy in kept.tables] == ["film", "sales.film", "sales.actor"]


async def test_a_foreign_key_that_the_data_breaks_is_left_out_with_the_number_of_orphans() -> None:
    database = MemoryDatabase()
    database.add(FILM, [(1, "a", "1990")])
    film_number = replace(ACTOR, columns=(*ACTOR.columns[:2], a_column("film", Integer(64))))
    database.add(film_number, [(1, "x", 1), (2, "y", 7), (3, "z", 8), (4, "w", None)])
    connector = MemoryConnector(database, enforces_foreign_keys=False)
    source = await connector.open_source(TARGET, readers=1)

    plan = await plan_migration(source, connector, RunOptions(), connector, TARGET)

    assert skipped(plan) == {"plays": "2 rows refer to no row of film"}
    assert plan.schema.tables[1].foreign_keys == ()


def test_bytes_pass_untouched_only_between_equal_native_types() -> None:
    class Renamer(MemoryConnector):
        """Spells the type of the column `year` in its own way."""

        def plan_schema(self, wanted: DatabaseSchema, endpoint: Endpoint) -> SchemaPlan:
            tables = tuple(
                replace(
                    table,
                    columns=tuple(
                        replace(column, native="year") if column.name == "year" else column for column in table.columns
                    ),
                )
                for table in wanted.tables
            )
            return super().plan_schema(replace(wanted, tables=tables), endpoint)

    connector = Renamer(MemoryDatabase())

    plan = make_plan(a_schema(FILM, ACTOR), RunOptions(), {}, connector.capabilities, connector, TARGET)

    assert [copy.format for copy in plan.tables] == [WireFormat.ARROW, WireFormat.PG_BINARY]
    assert plan.tables[0].columns[2] == ColumnCopy("year", "year", FILM.columns[2].type, "text", "year")


@pytest.mark.parametrize(
    ("table", "key"),
    [
        (FILM, ("id",)),
        (replace(FILM, primary_key=None), ()),
        (replace(FILM, primary_key=None, indexes=(an_index("u", "id", unique=True),)), ("id",)),
        (replace(FILM, primary_key=None, indexes=(an_index("u", "title", unique=True),)), ()),
        (replace(FILM, primary_key=None, indexes=(an_index("u", "id", unique=True, predicate="id > 1"),)), ()),
    ],
)
def test_rows_are_ordered_by_a_key_that_tells_them_all_apart(table: Table, key: tuple[str, ...]) -> None:
    assert planned(a_schema(table)).tables[0].key == key


def test_the_hash_of_a_plan_ignores_estimates_and_notices_the_rest() -> None:
    plain = planned(a_schema(FILM))

    assert planned(a_schema(replace(FILM, row_estimate=Rows(9)))).plan_hash == plain.plan_hash
    assert planned(a_schema(FILM, ACTOR)).plan_hash != plain.plan_hash
    assert planned(a_schema(FILM), renaming("film", "movie")).plan_hash != plain.plan_hash


def test_a_plan_survives_storage() -> None:
    plan = planned(a_schema(FILM, ACTOR))

    assert from_json(MigrationPlan, to_json(plan)) == plan


def test_an_empty_source_is_warned_about() -> None:
    assert planned(a_schema()).warnings == (
        "the source holds no tables to copy; does the address name the right schema?",
    )
