"""What a schema statement makes, read off its text."""

from __future__ import annotations

import pytest

from domain.migrations.schema_plan import ObjectKind, Phase, SchemaObject, Step
from infra.connectors.undoing import Made, made_by


@pytest.mark.parametrize(
    ("sql", "made"),
    [
        ('CREATE TABLE "a" ("b" int)', (Made("TABLE", '"a"'),)),
        ('ALTER TABLE "a" ALTER COLUMN "b" SET DEFAULT 1', ()),
        ('DO $do$ BEGIN IF TRUE THEN ALTER TABLE "a" ALTER COLUMN "b" SET DEFAULT 1; END IF; END $do$', ()),
        (
            'DO $do$ BEGIN IF TRUE THEN ALTER TABLE "a" ADD CONSTRAINT "c" PRIMARY KEY ("b"); END IF; END $do$',
            (Made("CONSTRAINT", '"c"', '"a"', altered=True),),
        ),
    ],
)
def test_what_changes_a_table_makes_nothing_but_what_it_adds(sql: str, made: tuple[Made, ...]) -> None:
    assert made_by(Step(1, Phase.BEFORE_DATA, SchemaObject(ObjectKind.TABLE, "a"), sql)) == made


@pytest.mark.parametrize(
    ("sql", "made"),
    [
        ("CREATE FUNCTION `f`(a INT) RETURNS int RETURN 1", Made("FUNCTION", "`f`", arguments="(a INT)")),
        ("CREATE PROCEDURE `p`() SELECT 1", Made("PROCEDURE", "`p`", arguments="()")),
        ("CREATE AGGREGATE FUNCTION `g`(x INT) RETURNS int RETURN 1", Made("FUNCTION", "`g`", arguments="(x INT)")),
        ("CREATE AGGREGATE s.total(integer) (SFUNC = int4pl)", Made("AGGREGATE", "s.total", arguments="(integer)")),
        ("CREATE AGGREGATE s.many(*) (SFUNC = int8inc)", Made("AGGREGATE", "s.many", arguments="(*)")),
    ],
)
def test_a_routine_is_dropped_by_its_own_word(sql: str, made: Made) -> None:
    assert made_by(Step(1, Phase.FINISH, SchemaObject(ObjectKind.ROUTINE, "f"), sql)) == (made,)


@pytest.mark.parametrize(
    ("sql", "made"),
    [
        (
            "CREATE RULE r AS ON INSERT TO s.v DO INSTEAD NOTHING; ALTER TABLE s.v DISABLE RULE r",
            Made("RULE", "r", "s.v"),
        ),
        ("ALTER TABLE s.t INHERIT s.p", Made("INHERIT", "s.p", "s.t", altered=True)),
        ("CREATE UNIQUE INDEX i ON ONLY s.t USING btree (a)", Made("INDEX", "i", "s.t")),
        ("CREATE TRIGGER g AFTER UPDATE OF a ON s.t EXECUTE FUNCTION f()", Made("TRIGGER", "g", "s.t")),
    ],
)
def test_what_belongs_to_a_table_is_dropped_from_it(sql: str, made: Made) -> None:
    assert made_by(Step(1, Phase.FINISH, SchemaObject(ObjectKind.OTHER, "r"), sql)) == (made,)


def test_a_view_is_found_behind_its_manner() -> None:
    sql = "CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW `v` AS SELECT 1"

    assert made_by(Step(1, Phase.FINISH, SchemaObject(ObjectKind.VIEW, "v"), sql)) == (Made("VIEW", "`v`"),)
