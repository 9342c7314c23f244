"""What keys lose elsewhere: rules by which texts are equal, and when and of what rows they are checked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.catalog.model import Column, DatabaseSchema, ForeignKey, Index, IndexPart, Key, Table, TableName
from domain.catalog.types import Integer, Text
from domain.connections.values import Engine
from domain.migrations.schema_plan import ObjectKind
from domain.migrations.transfer import Capabilities
from infra.connectors.registry import connector_for
from workers.engine.losses import losses


@pytest.mark.parametrize(
    ("engine", "native", "rule"),
    [
        (Engine.MYSQL, "varchar(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", "utf8mb4_general_ci"),
        (Engine.MYSQL, "varchar(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", ""),
        (Engine.POSTGRESQL, "citext", "citext"),
        (Engine.POSTGRESQL, "text", ""),
    ],
)
def test_keys_whose_texts_were_one_by_their_rule_and_are_different_now_are_told(
    engine: Engine, native: str, rule: str
) -> None:
    part = (IndexPart("word"),)
    table = Table(
        TableName("t"),
        (Column("word", Text(9), native),),
        Key(("word",), "p"),
        (Index("u", part, unique=True), Index("plain", part)),
    )
    schema = DatabaseSchema(engine, "1", (table,))

    found = {(line.object.kind, line.object.name): line.reason for line in losses(schema, _capabilities(Engine.SQLITE))}
    own = list(losses(replace(schema), _capabilities(engine)))

    reason = f"texts that {rule} takes for one are different here"
    expected = {(ObjectKind.PRIMARY_KEY, "p"): reason, (ObjectKind.INDEX, "u"): reason}
    assert found == (expected if rule else {})
    assert own == []


def test_what_keys_of_postgresql_lose_elsewhere_is_told() -> None:
    table = Table(
        TableName("t"),
        (Column("a", Integer(32), "integer"), Column("b", Text(), "text", collation='"C"')),
        Key(("a",), "p", deferral="DEFERRABLE"),
        foreign_keys=(
            ForeignKey("f", ("a", "b"), TableName("t"), ("a", "b"), match_full=True, unset=("b",)),
            ForeignKey("one", ("a",), TableName("t"), ("a",), match_full=True),
        ),
    )
    schema = DatabaseSchema(Engine.POSTGRESQL, "1", (table,))

    found = {(line.object.kind, line.object.name): line.reason for line in losses(schema, _capabilities(Engine.DUCKDB))}
    own = list(losses(schema, _capabilities(Engine.POSTGRESQL)))

    assert found == {
        (ObjectKind.COLUMN, "b"): 'its texts are no longer compared by "C"',
        (ObjectKind.PRIMARY_KEY, "p"): "it is checked at once, not at the end of a transaction",
        (ObjectKind.FOREIGN_KEY, "f"): "rows whose reference is NULL in part are not refused; "
        "when the row referred to goes, all columns lose their values, not b alone",
    }
    assert own == []


def _capabilities(engine: Engine) -> Capabilities:
    return connector_for(engine).capabilities
