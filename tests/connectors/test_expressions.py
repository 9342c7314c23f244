"""SQL expressions keep their meaning on the way to another engine, or are left out."""

from __future__ import annotations

import pytest

from domain.catalog.model import DatabaseSchema, Table, TableName
from domain.catalog.rewriting import with_new_names
from domain.catalog.types import Boolean, Integer, Text
from domain.connections.values import Engine
from infra.connectors.sql.expressions import kinds_of, transpile, transpile_view
from tests.connectors.lab import a_column

POSTGRESQL, MYSQL, SQLITE, DUCKDB = Engine.POSTGRESQL, Engine.MYSQL, Engine.SQLITE, Engine.DUCKDB


@pytest.mark.parametrize(
    ("expression", "read", "write", "expected"),
    [
        ("current_timestamp()", MYSQL, POSTGRESQL, "CURRENT_TIMESTAMP"),
        ("now()", POSTGRESQL, SQLITE, "CURRENT_TIMESTAMP"),
        ("'new'::character varying", POSTGRESQL, MYSQL, "'new'"),
        ("'t'::boolean", POSTGRESQL, DUCKDB, "TRUE"),
        ("_utf8mb4'abc'", MYSQL, POSTGRESQL, "'abc'"),
        (r"'it''s \\ here'", MYSQL, POSTGRESQL, r"'it''s \ here'"),
        (r"E'a\\b'", POSTGRESQL, SQLITE, r"'a\b'"),
        ("`price` > 0 and `price` < 10", MYSQL, POSTGRESQL, '"price" > 0 AND "price" < 10'),
        ("((status)::text = ANY (ARRAY['a'::text, 'b'::text]))", POSTGRESQL, MYSQL, "(`status` IN ('a', 'b'))"),
        ("char_length(`a`) > 3", MYSQL, POSTGRESQL, 'LENGTH("a") > 3'),
        ("concat(`a`, `b`)", MYSQL, POSTGRESQL, '"a" || "b"'),
        ("gen_random_uuid()", POSTGRESQL, DUCKDB, "UUID()"),
    ],
)
def test_an_expression_with_one_meaning_is_carried_over(
    expression: str, read: Engine, write: Engine, expected: str
) -> None:
    assert transpile(expression, read, write) == expected


@pytest.mark.parametrize(
    ("expression", "read", "write"),
    [
        ("nextval('s'::regclass)", POSTGRESQL, MYSQL),
        ("length(`a`) > 3", MYSQL, POSTGRESQL),
        ("json_valid(`a`)", MYSQL, POSTGRESQL),
        ("datetime('now')", SQLITE, POSTGRESQL),
        ("`a` / 2", MYSQL, POSTGRESQL),
        ("('now'::text)::date", POSTGRESQL, SQLITE),
        ("gen_random_uuid()", POSTGRESQL, SQLITE),
        ("(select 1)", MYSQL, POSTGRESQL),
        ("1; drop table x", MYSQL, POSTGRESQL),
        ("not ( valid", MYSQL, POSTGRESQL),
        ("1" * 20_001, MYSQL, POSTGRESQL),
    ],
)
def test_an_expression_whose_meaning_could_change_is_left_out(expression: str, read: Engine, write: Engine) -> None:
    assert transpile(expression, read, write) is None


def test_a_view_loses_the_name_of_its_database_and_keeps_its_query() -> None:
    definition = "select `shop`.`film`.`title` AS `title` from `shop`.`film` where `shop`.`film`.`length` > 90"
    assert transpile_view(definition, MYSQL, POSTGRESQL) == (
        'SELECT "film"."title" AS "title" FROM "film" WHERE "film"."length" > 90'
    )


def test_a_view_given_as_a_whole_statement_is_carried_over() -> None:
    assert transpile_view("CREATE VIEW v AS SELECT a FROM t", SQLITE, POSTGRESQL) == 'SELECT "a" FROM "t"'


def test_a_view_with_functions_of_its_engine_is_left_out() -> None:
    assert transpile_view("SELECT my_function(a) FROM t", SQLITE, POSTGRESQL) is None


def test_numbers_that_stand_for_truths_and_texts_compared_with_numbers_are_put_into_words_of_postgresql() -> None:
    columns = (a_column("active", Integer(8)), a_column("code", Text(3)), a_column("open", Boolean()))
    schema = DatabaseSchema(SQLITE, "3", (Table(TableName("shop"), columns),))
    query = "SELECT CASE WHEN s.active THEN 1 END FROM shop s WHERE (s.code) = 7 AND s.open = 1 AND NOT active"

    assert transpile_view(query, SQLITE, POSTGRESQL, kinds_of(schema)) == (
        'SELECT CASE WHEN "s"."active" <> 0 THEN 1 END FROM "shop" AS "s" '
        'WHERE ("s"."code") = \'7\' AND "s"."open" = TRUE AND NOT "active" <> 0'
    )
    assert transpile_view(query, SQLITE, SQLITE, kinds_of(schema)) == (
        'SELECT CASE WHEN "s"."active" THEN 1 END FROM "shop" AS "s" '
        'WHERE ("s"."code") = 7 AND "s"."open" = 1 AND NOT "active"'
    )


def test_whole_numbers_that_are_joined_to_one_text_are_texts_in_postgresql() -> None:
    columns = (a_column("id", Integer(64)), a_column("title", Text(9)))
    kinds = kinds_of(DatabaseSchema(SQLITE, "3", (Table(TableName("film"), columns),)))

    assert transpile_view("SELECT group_concat(id), group_concat(title, '/') FROM film", SQLITE, POSTGRESQL, kinds) == (
        'SELECT STRING_AGG(CAST("id" AS TEXT), \',\'), STRING_AGG("title", \'/\') FROM "film"'
    )
    in_order = "SELECT group_concat(f.id ORDER BY f.id SEPARATOR ';') FROM film f"
    assert transpile_view(in_order, MYSQL, POSTGRESQL, kinds) == (
        'SELECT STRING_AGG(CAST("f"."id" AS TEXT), \';\' ORDER BY "f"."id" NULLS FIRST) FROM "film" AS "f"'
    )


def test_conditions_of_aggregates_become_cases_in_mysql() -> None:
    query = "SELECT count(*) FILTER (WHERE a > 1), sum(b) FILTER (WHERE c = 2), count(a) FROM t"

    assert transpile_view(query, POSTGRESQL, MYSQL) == (
        "SELECT COUNT(CASE WHEN `a` > 1 THEN 1 END), SUM(CASE WHEN `c` = 2 THEN `b` END), COUNT(`a`) FROM `t`"
    )
    assert "FILTER" in (transpile_view(query, POSTGRESQL, DUCKDB) or "")


def test_a_query_reads_tables_by_their_new_names_and_calls_them_by_the_old_ones() -> None:
    query = "SELECT film.id, b.id FROM film JOIN sales.film b ON b.id = film.id"
    names = {TableName("film", "sales"): "sales_film"}

    assert with_new_names(query, POSTGRESQL, names, "public") == (
        'SELECT "film"."id", "b"."id" FROM "film" JOIN "sales_film" AS "b" ON "b"."id" = "film"."id"'
    )
    assert with_new_names("SELECT id FROM sales.film", POSTGRESQL, names, "public") == (
        'SELECT "id" FROM "sales_film" AS "film"'
    )
    assert with_new_names("VALUES (", POSTGRESQL, names, "public") is None


def test_a_column_beside_the_grouped_ones_stands_for_one_value_of_its_group() -> None:
    query = (
        "SELECT f.id, f.title AS t, upper(c.name), count(c.id) FROM f JOIN c ON 1 = 1 GROUP BY f.id ORDER BY c.name, t"
    )

    assert transpile_view(query, MYSQL, DUCKDB) == (
        'SELECT "f"."id", ANY_VALUE("f"."title") AS "t", UPPER(ANY_VALUE("c"."name")), COUNT("c"."id") '
        'FROM "f" JOIN "c" ON 1 = 1 GROUP BY "f"."id" ORDER BY ANY_VALUE("c"."name") NULLS FIRST, "t" NULLS FIRST'
    )
    assert '(ARRAY_AGG("f"."title"))[1] AS "t"' in (transpile_view(query, MYSQL, POSTGRESQL) or "")
    assert "ANY_VALUE" not in (transpile_view(query, MYSQL, SQLITE) or "ANY_VALUE")


@pytest.mark.parametrize("group", ["1", "y", "upper(title)"])
def test_a_selected_expression_is_grouped_by_whichever_way_the_group_names_it(group: str) -> None:
    query = f"SELECT upper(title) AS y, count(id) FROM film GROUP BY {group}"

    assert "ANY_VALUE" not in (transpile_view(query, SQLITE, DUCKDB) or "ANY_VALUE")
