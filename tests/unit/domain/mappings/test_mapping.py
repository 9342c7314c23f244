"""What is wrong with a mapping is found by looking at source and target."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from domain.catalog.model import Column, DatabaseSchema, Identity, Table, TableName
from domain.catalog.types import Integer, Text
from domain.connections.values import Engine
from domain.mappings.aggregate import ISSUES_KEPT_MAX, Route, SchemaMapping
from domain.mappings.fitting import fitted
from domain.mappings.pairing import error, identity, paired
from domain.mappings.values import ColumnMapping, IssueCode, IssueSeverity, MappingIssue, MappingStatus, TableMapping
from domain.projects.aggregate import Actor
from tests.support.catalog import a_column, a_table

ACTOR = Actor(UUID(int=1), datetime(2026, 1, 31, 12, tzinfo=UTC))
FILM = a_table("film", "title", "rating")
ACTORS = a_table("actor", "name")


def a_schema(*tables: Table) -> DatabaseSchema:
    return DatabaseSchema(Engine.POSTGRESQL, "15", tables=tables)


def codes(issues: tuple[MappingIssue, ...]) -> list[tuple[IssueCode, tuple[str, ...]]]:
    return [(issue.code, issue.path) for issue in issues]


def a_mapping(source: str, target: str, **columns: str) -> TableMapping:
    return TableMapping(source, target, tuple(ColumnMapping(*pair) for pair in columns.items()))


def test_the_identity_maps_every_table_to_its_name() -> None:
    elsewhere = replace(ACTORS, name=TableName("actor", "old"))
    schema = a_schema(FILM, replace(ACTORS, name=TableName("actor", "new")), elsewhere)

    found = paired(identity(schema), schema)

    assert [(str(pair.table.name), pair.target) for pair in found.pairs] == [
        ("film", "film"),
        ("new.actor", "actor"),
        ("old.actor", "actor"),
    ]
    assert codes(found.issues) == [(IssueCode.TARGET_TABLE_REPEATED, ("actor",))]


def test_what_the_source_does_not_have_is_named_with_what_was_perhaps_meant() -> None:
    mappings = (a_mapping("flim", "film"), a_mapping("actor", "actor", nmae="name", name="id"))

    found = paired(mappings, a_schema(FILM, ACTORS))

    assert codes(found.issues) == [
        (IssueCode.SOURCE_TABLE_NOT_FOUND, ("flim",)),
        (IssueCode.SOURCE_COLUMN_NOT_FOUND, ("actor", "nmae")),
    ]
    assert "film" in found.issues[0].message
    assert "name" in found.issues[1].message
    assert [pair.target for pair in found.pairs] == ["actor"]


def test_nothing_may_be_named_twice() -> None:
    twice = (ColumnMapping("title", "a"), ColumnMapping("title", "b"), ColumnMapping("rating", "b"))
    mappings = (TableMapping("film", "film", twice), a_mapping("film", "movie"), a_mapping("actor", "movie"))

    found = paired(mappings, a_schema(FILM, ACTORS))

    assert set(codes(found.issues)) == {
        (IssueCode.SOURCE_COLUMN_REPEATED, ("film", "title")),
        (IssueCode.TARGET_COLUMN_REPEATED, ("film", "b")),
        (IssueCode.SOURCE_TABLE_REPEATED, ("film",)),
        (IssueCode.TARGET_TABLE_REPEATED, ("movie",)),
    }


def test_a_table_that_is_to_be_made_is_wanted_under_its_new_names() -> None:
    (pair,) = paired((a_mapping("film", "movie", id="film_id", title="name"),), a_schema(FILM)).pairs

    wanted = pair.wanted()

    assert str(wanted.name) == "movie"
    assert [(column.name, column.type) for column in wanted.columns] == [("film_id", Integer(64)), ("name", Text())]
    assert wanted.primary_key is not None
    assert wanted.primary_key.columns == ("film_id",)


def test_columns_are_held_against_those_of_a_table_that_is_there() -> None:
    there = Table(
        TableName("film"),
        (
            Column("id", Integer(32), "int4", nullable=False),
            Column("title", Integer(32), "int4"),
            Column("rating", Text(), "text", nullable=False),
            Column("made", Text(), "text", nullable=False),
            Column("number", Integer(64), "int8", nullable=False, identity=Identity(1)),
            Column("kept", Text(), "text", nullable=False, default="''"),
            Column("sum", Integer(64), "int8", generated="1 + 1"),
        ),
    )
    (pair,) = paired((a_mapping("film", "film"),), a_schema(FILM)).pairs
    computed = replace(pair, columns=(*pair.columns, (a_column("x"), "sum"), (a_column("y"), "nowhere")))

    issues, new = fitted((computed,), a_schema(there))

    assert new == ()
    assert {(issue.code, issue.severity, issue.path) for issue in issues} == {
        (IssueCode.TYPE_NARROWER, IssueSeverity.WARNING, ("film", "id")),
        (IssueCode.TYPE_INCOMPATIBLE, IssueSeverity.ERROR, ("film", "title")),
        (IssueCode.NULL_NOT_ALLOWED, IssueSeverity.WARNING, ("film", "rating")),
        (IssueCode.TARGET_COLUMN_COMPUTED, IssueSeverity.ERROR, ("film", "sum")),
        (IssueCode.TARGET_COLUMN_NOT_FOUND, IssueSeverity.ERROR, ("film", "nowhere")),
        (IssueCode.TARGET_COLUMN_UNFILLED, IssueSeverity.ERROR, ("film", "made")),
    }


def test_tables_that_are_not_there_are_left_to_the_planner() -> None:
    pairs = paired(identity(a_schema(FILM, ACTORS)), a_schema(FILM, ACTORS)).pairs

    issues, new = fitted(pairs, a_schema(FILM))

    assert (issues, [pair.target for pair in new]) == ((), ["actor"])


def test_a_replayed_mapping_is_the_mapping_and_keeps_a_bounded_number_of_issues() -> None:
    tables = (a_mapping("film", "movie", title="name"),)
    route = Route(UUID(int=3), UUID(int=4), UUID(int=5), None)
    mapping = SchemaMapping.create(UUID(int=7), UUID(int=8), "films", route, tables, ACTOR)
    issues = (error(IssueCode.SOURCE_TABLE_NOT_FOUND, ("x",), "No."),) * (ISSUES_KEPT_MAX + 5)
    mapping.note_validation(issues, is_valid=False, actor=ACTOR)

    replayed = SchemaMapping.replay(mapping.id, mapping.pending)

    assert {**vars(replayed), "version": 0, "pending": ()} == {**vars(mapping), "version": 0, "pending": ()}
    assert replayed.status is MappingStatus.INVALID
    completed = mapping.pending[-1]
    assert (len(completed.errors), completed.errors_total) == (ISSUES_KEPT_MAX, ISSUES_KEPT_MAX + 5)  # type: ignore[union-attr]  # the validation
