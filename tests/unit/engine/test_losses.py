"""What keys lose that take letters of different case for one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.catalog.model import Column, DatabaseSchema, Index, IndexPart, Key, Table, TableName
from domain.catalog.types import Text
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


def _capabilities(engine: Engine) -> Capabilities:
    return connector_for(engine).capabilities
