"""What of a schema is looked at, counted and hashed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.catalog.model import Check, DatabaseSchema, Identity, Sequence, TableName, View
from domain.catalog.values import SchemaAnalysisOptions, counted, narrowed, structure_hash
from domain.connections.values import Engine
from domain.kernel.errors import ObjectMissing
from domain.kernel.values import Bytes, Rows
from tests.support.catalog import a_foreign_key, a_table, an_index

FILM = a_table("film", "title", indexes=(an_index("by_title", "title"),))
ACTOR = a_table("actor", "name", "film_id", foreign_keys=(a_foreign_key("acts_in", "film_id", "film"),))
SALE = replace(a_table("sale"), name=TableName("sale", "shop"))
SCHEMA = DatabaseSchema(
    Engine.POSTGRESQL,
    "15.1",
    tables=(FILM, ACTOR, SALE),
    sequences=(Sequence(TableName("ticket"), 7),),
    views=(View(TableName("hits"), "SELECT 1"),),
)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (SchemaAnalysisOptions(), ["film", "actor", "shop.sale"]),
        (SchemaAnalysisOptions(include_tables=("f*", "shop.*")), ["film", "shop.sale"]),
        (SchemaAnalysisOptions(exclude_tables=("sale",)), ["film", "actor"]),
        (SchemaAnalysisOptions(include_tables=("*",), exclude_tables=("*o*",)), ["film"]),
    ],
)
def test_options_choose_tables_by_pattern(options: SchemaAnalysisOptions, names: list[str]) -> None:
    chosen = narrowed(SCHEMA, options)

    assert [str(table.name) for table in chosen.tables] == names
    assert (chosen.views, chosen.sequences) == (SCHEMA.views, SCHEMA.sequences)


def test_a_pattern_that_fits_nothing_is_a_slip_and_helped_with() -> None:
    with pytest.raises(ObjectMissing, match="did you mean film"):
        narrowed(SCHEMA, SchemaAnalysisOptions(include_tables=("flim",)))


def test_everything_is_counted() -> None:
    counts = counted(SCHEMA)

    assert (counts.tables, counts.columns, counts.indexes, counts.foreign_keys) == (3, 6, 1, 1)
    assert (counts.checks, counts.views, counts.sequences, counts.others) == (0, 1, 1, 0)


def test_the_hash_knows_the_structure_and_not_the_rows() -> None:
    identity = replace(FILM.columns[0], identity=Identity(1))
    film = replace(FILM, columns=(identity, *FILM.columns[1:]))
    before = structure_hash(replace(SCHEMA, tables=(film,)))
    later = replace(identity, identity=Identity(99))
    grown = replace(film, columns=(later, *film.columns[1:]), row_estimate=Rows(98), size_bytes=Bytes(8192))
    sequence = replace(SCHEMA.sequences[0], next_value=8)

    assert structure_hash(replace(SCHEMA, tables=(grown,), sequences=(sequence,))) == before
    for changed in (
        replace(film, comment="Films."),
        replace(film, checks=(Check("positive", "id > 0"),)),
        replace(film, columns=(replace(identity, nullable=True), *film.columns[1:])),
        replace(film, columns=(replace(identity, identity=None), *film.columns[1:])),
    ):
        assert structure_hash(replace(SCHEMA, tables=(changed,))) != before
