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
