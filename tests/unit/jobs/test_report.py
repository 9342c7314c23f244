"""What the reading sessions of a migration's chunks say of its consistency."""

from __future__ import annotations

import pytest

from workers.jobs.report import are_shared


@pytest.mark.parametrize(
    ("readings", "shared"),
    [
        ((), False),
        (("SNAPSHOT:a",), False),
        (("SNAPSHOT:a", "SNAPSHOT:b"), True),
        (("",), True),
        (("", "CHUNK:a"), True),
    ],
)
def test_a_chunk_whose_reading_session_nobody_noted_may_be_from_any(readings: tuple[str, ...], shared: bool) -> None:
    assert are_shared(readings) is shared
