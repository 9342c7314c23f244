from __future__ import annotations

from dataclasses import replace

import pytest

from domain.catalog.model import DatabaseSchema, Key, Table, TableName, View
from domain.connections.values import Engine
from domain.migrations.schema_plan import ObjectKind, Phase, SchemaObject, SchemaPlan, Step
from tests.support.catalog import a_foreign_key, a_table, an_index
from workers.engine.remaining import others_decide, steps_left

FILM = a_table(
    "film",
    "title",
    "boss",
    indexes=(an_index("by_title", "title"),),
    foreign_keys=(a_foreign_key("has", "boss", "film"),),
)
TABLE = SchemaObject(ObjectKind.TABLE, "public.film")
INDEX = SchemaObject(ObjectKind.INDEX, "by_title", "film")
KEY = SchemaObject(ObjectKind.PRIMARY_KEY, "film_pkey", "film")
REFERENCE = SchemaObject(ObjectKind.FOREIGN_KEY, "has", "film")
VIEW = SchemaObject(ObjectKind.VIEW, "titles")
NUMBER = SchemaObject(ObjectKind.IDENTITY, "id", "film")


def left(*objects: SchemaObject, there: Table | None = None, done: tuple[int, ...] = ()) -> list[int]:
    """Numbers of the steps that are left; each object is made by a step of its place's number."""
    steps = tuple(Step(number, Phase.INDEXES, item, "sql") for number, item in enumerate(objects))
    catalog = DatabaseSchema(Engine.SQLITE, "memory", (there,) if there else (), views=(View(TableName("titles"), ""),))
    return [step.number for step in steps_left(SchemaPlan((FILM,), steps, ()), Phase.INDEXES, frozenset(done), catalog)]


def test_what_is_done_is_not_left() -> None:
    assert left(TABLE, INDEX, REFERENCE, done=(0, 2)) == [1]


def test_steps_of_other_phases_are_not_meant() -> None:
    steps = (Step(0, Phase.FINISH, TABLE, "sql"),)

    assert (
        steps_left(SchemaPlan((FILM,), steps, ()), Phase.INDEXES, frozenset(), DatabaseSchema(Engine.SQLITE, "")) == ()
    )


@pytest.mark.parametrize(
    "there",
    [
        replace(FILM, name=TableName("Film", "public")),
        replace(
            FILM,
            name=TableName("film", "public"),
            indexes=(an_index("another_name", "title"),),
            foreign_keys=(a_foreign_key("of_its_own", "boss", "film"),),
        ),
    ],
)
def test_what_others_made_is_not_made_again_even_under_another_name(there: Table) -> None:
    assert left(TABLE, INDEX, KEY, REFERENCE, VIEW, there=there) == []


def test_what_others_did_not_make_is_left() -> None:
    bare = replace(FILM, name=TableName("film", "public"), primary_key=None, indexes=(), foreign_keys=())
    other = replace(
        bare,
        indexes=(an_index("by_boss", "boss"),),
        foreign_keys=(a_foreign_key("x", "boss", "actor"),),
    )

    assert left(TABLE, INDEX, KEY, REFERENCE, there=bare) == [1, 2, 3]
    assert left(TABLE, INDEX, KEY, REFERENCE, there=replace(other, primary_key=Key(("id",)))) == [1, 3]


def test_in_tables_that_the_run_made_only_the_ledger_counts() -> None:
    there = replace(FILM, name=TableName("film", "public"))

    assert left(TABLE, INDEX, REFERENCE, there=there, done=(0,)) == [1, 2]


def test_the_first_step_of_an_object_makes_it_and_later_ones_complete_it() -> None:
    there = replace(FILM, name=TableName("film", "public"))

    assert left(INDEX, INDEX, NUMBER, there=there) == [1, 2]


def test_a_table_whose_name_has_a_dot_is_not_taken_for_another() -> None:
    dotted = SchemaObject(ObjectKind.TABLE, "old.film")

    assert left(dotted, there=FILM) == [0]


@pytest.mark.parametrize(
    ("item", "done", "decide"),
    [
        (INDEX, {0}, False),
        (INDEX, set(), True),
        (VIEW, {0}, True),
        (VIEW, {0, 1}, False),
    ],
    ids=["in a table of the run", "in a table of others", "by itself", "done"],
)
def test_what_belongs_to_tables_of_the_run_is_for_nobody_else_to_decide(
    item: SchemaObject, done: set[int], decide: bool
) -> None:
    table = Step(0, Phase.BEFORE_DATA, SchemaObject(ObjectKind.TABLE, "film"), "sql")
    plan = SchemaPlan((FILM,), (table, Step(1, Phase.INDEXES, item, "sql")), ())

    assert others_decide(plan, frozenset(done), {Phase.INDEXES}) is decide


def test_what_is_only_said_of_a_table_or_view_is_for_whoever_made_that() -> None:
    setting, option = (SchemaObject(ObjectKind.OTHER, "x", "film"), SchemaObject(ObjectKind.OTHER, "y", "titles"))

    assert left(TABLE, setting, option, VIEW, there=replace(FILM, name=TableName("film", "public"))) == []
    assert left(TABLE, setting, VIEW, option, done=(0, 2)) == [1, 3]
