from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.catalog.model import Column, DatabaseSchema
from domain.catalog.types import Date, LogicalType, Uuid
from domain.kernel.codec import fingerprint, from_json, to_json
from domain.kernel.errors import ValidationFailed
from domain.kernel.values import Secret
from domain.migrations.misfits import Misfit, PredictedRejects, Seen
from domain.migrations.plan import MigrationPlan
from domain.migrations.rollback import RollbackGuarantee
from domain.migrations.schema_plan import SchemaPlan
from domain.migrations.transfer import Chunk, KeyRange, PhysicalRange, TableCopy, Ticket, WholeTable

T = TypeVar("T")


@dataclass(frozen=True)
class Typed:
    type: LogicalType


def few(shape: type[T]) -> st.SearchStrategy[tuple[T, ...]]:
    """Draw at most two of a shape: a plan of many of each would be larger than hypothesis draws."""
    return st.lists(st.from_type(shape), max_size=2).map(tuple)


PLANS = st.builds(
    MigrationPlan,
    tables=few(TableCopy),
    schema=st.from_type(SchemaPlan),
    misfits=few(Misfit),
    rejects=few(PredictedRejects),
    rollback=st.none() | st.from_type(RollbackGuarantee),
    seen=few(Seen),
)


@settings(max_examples=50, deadline=None)
@given(st.from_type(DatabaseSchema))
def test_a_database_schema_survives_json(schema: DatabaseSchema) -> None:
    assert from_json(DatabaseSchema, json.loads(json.dumps(to_json(schema)))) == schema


@settings(max_examples=50, deadline=None)
@given(PLANS)
def test_a_migration_plan_survives_json(plan: MigrationPlan) -> None:
    assert from_json(MigrationPlan, json.loads(json.dumps(to_json(plan)))) == plan


@given(st.from_type(Typed))
def test_every_logical_type_survives_json(typed: Typed) -> None:
    assert from_json(Typed, to_json(typed)) == typed


@pytest.mark.parametrize(
    "scope", [WholeTable(), KeyRange((1, "a"), None), KeyRange(None, ("1",)), PhysicalRange(0, None)]
)
def test_every_chunk_scope_survives_json_with_numbers_and_texts_apart(
    scope: WholeTable | KeyRange | PhysicalRange,
) -> None:
    chunk = Chunk(table_number=1, number=2, scope=scope)

    assert from_json(Chunk, to_json(chunk)) == chunk


def test_types_that_share_all_their_fields_have_different_fingerprints() -> None:
    assert fingerprint(Typed(Date())) != fingerprint(Typed(Uuid()))


def test_equal_shapes_have_equal_fingerprints() -> None:
    assert fingerprint(Column("a", Date(), "date")) == fingerprint(Column("a", Date(), "date"))


def test_a_missing_field_takes_its_default() -> None:
    assert from_json(Column, {"is": "Column", "name": "a", "type": {"is": "Date"}, "native": "date"}) == Column(
        "a", Date(), "date"
    )


def test_data_of_another_shape_is_refused() -> None:
    with pytest.raises(ValidationFailed, match="expected Ticket, found Column"):
        from_json(Ticket, {"is": "Column"})


def test_a_secret_has_no_json_form() -> None:
    with pytest.raises(TypeError, match="Secret has no JSON form"):
        to_json(Secret("hidden"))
