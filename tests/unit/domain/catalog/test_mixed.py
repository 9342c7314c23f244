"""Values of any class are written by people as JSON has them, and cross as they are."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalog.mixed import as_carried, as_written

VALUES = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary().map(lambda data: {"bytes": data.hex()})
)


@given(VALUES)
def test_what_is_written_comes_back_bit_for_bit(value: object) -> None:
    carried = as_carried(json.loads(json.dumps(value)))

    written = json.dumps(as_written(carried))

    assert written == json.dumps(value)
    assert as_carried(json.loads(written)) == carried


@pytest.mark.parametrize("value", [True, [1], 2**63, {"bytes": "0"}, {"other": "00"}, {"bytes": 1}])
def test_what_has_no_class_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"no|hex"):
        as_carried(value)
