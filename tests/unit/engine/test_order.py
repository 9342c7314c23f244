from __future__ import annotations

from dataclasses import replace

from domain.catalog.model import DatabaseSchema, Table
from domain.connections.values import Engine
from domain.kernel.values import Bytes
from tests.support.catalog import a_foreign_key, a_table
from tests.support.memory import MemoryConnector, MemoryDatabase
from tests.unit.engine.test_plan import ACTOR, FILM, a_schema, planned
from workers.engine.order import Waves, in_order, waves

COUNTRY = a_table("country", "name")
CITY = a_table("city", "country", foreign_keys=(a_foreign_key("in", "country", "country"),))
STREET = a_table(
    "street",
    "city",
    "country",
    foreign_keys=(a_foreign_key("a", "city", "city"), a_foreign_key("b", "country", "country")),
)
PERSON = a_table("person", "boss", foreign_keys=(a_foreign_key("has_boss", "boss", "person"),))
HEN = a_table("hen", "egg", foreign_keys=(a_foreign_key("from_egg", "egg", "egg"),))
EGG = a_table("egg", "hen", foreign_keys=(a_foreign_key("of_hen", "hen", "hen"),))


def ordered(*tables: Table, there: tuple[Table, ...] = (), inline: bool = False, enforces: bool = True) -> Waves:
    capabilities = replace(
        MemoryConnector(MemoryDatabase()).capabilities, inline_foreign_keys=inline, enforces_foreign_keys=enforces
    )
    return waves(planned(a_schema(*tables)), DatabaseSchema(Engine.SQLITE, "memory", there), capabilities)


def test_tables_without_keys_in_place_are_one_wave() -> None:
    assert ordered(STREET, CITY, COUNTRY) == ((0, 1, 2),)


def test_keys_made_with_their_tables_put_referenced_tables_first() -> None:
    assert ordered(STREET, CITY, COUNTRY, PERSON, inline=True) == ((2, 3), (1,), (0,))


def test_keys_that_were_there_before_put_referenced_tables_first() -> None:
    assert ordered(STREET, CITY, COUNTRY, there=(CITY,)) == ((0, 2), (1,))


def test_a_target_that_does_not_check_references_needs_no_order() -> None:
    assert ordered(CITY, COUNTRY, there=(CITY,), inline=True, enforces=False) == ((0, 1),)


def test_within_a_wave_the_largest_table_comes_first() -> None:
    tables = planned(a_schema(FILM, replace(ACTOR, size_bytes=Bytes(100)), replace(CITY, size_bytes=Bytes(900)))).tables

    assert [copy.source.name for copy in in_order(tables, ((0, 1), (2,)))] == ["actor", "film", "city"]


def test_tables_that_refer_to_each_other_go_together() -> None:
    assert ordered(HEN, EGG, COUNTRY, inline=True) == ((2,), (0, 1))
