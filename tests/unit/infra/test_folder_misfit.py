"""Values of files beyond a limit, found by whole columns, are those that the reference finds one by one."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from domain.catalog.types import Binary, LogicalType, Text, carrier
from domain.migrations.canonical import Carried
from domain.migrations.limits import Characters, Limit, NoNul, Octets, Present, fits
from infra.connectors.arrow import ARROW_TYPES
from infra.connectors.folders.misfit import beyond

limits = st.one_of(
    st.just(NoNul()), st.just(Present()), st.integers(0, 5).map(Characters), st.integers(0, 5).map(Octets)
)
texts = st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]) | st.just("\0"), max_size=8))


def found(limit: Limit, type_: LogicalType, values: list[Carried]) -> list[bool]:
    is_beyond: list[bool] = beyond(limit, type_, pa.array(values, ARROW_TYPES[carrier(type_)])).to_pylist()
    return is_beyond


@given(limits, texts)
def test_texts_beyond_a_limit_are_those_that_do_not_fit_it(limit: Limit, values: list[Carried]) -> None:
    assert found(limit, Text(), values) == [not fits(limit, value) for value in values]


@given(st.integers(0, 5).map(Octets), st.lists(st.none() | st.binary(max_size=8)))
def test_bytes_beyond_a_limit_are_those_that_do_not_fit_it(limit: Limit, values: list[Carried]) -> None:
    assert found(limit, Binary(), values) == [not fits(limit, value) for value in values]
