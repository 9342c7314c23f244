"""Requests are checked against what their fields declare."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, cast

import pytest
from annotated_types import Interval, Len

from domain.kernel.errors import ValidationFailed
from domain.kernel.messages import Command
from domain.kernel.values import Secret
from infra.validation import PydanticValidator


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a request."""

    words: Annotated[tuple[Annotated[str, Len(1, 5)], ...], Len(0, 3)] = ()


@dataclass(frozen=True, kw_only=True)
class Order(Command[None]):
    """A request."""

    how_many: Annotated[int, Interval(ge=1, le=9)] = 1
    word: Annotated[Secret, Len(1, 5)] | None = None
    part: Part = Part()


def test_a_valid_request_has_its_fields_in_their_declared_types() -> None:
    words = cast(Any, ["a", "bc"])

    checked = PydanticValidator()(Order(part=Part(words=words), word=Secret("hush")))

    assert checked == Order(part=Part(words=("a", "bc")), word=Secret("hush"))


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        (Order(how_many=0), ("howMany",)),
        (Order(part=Part(words=("a", "toolong"))), ("part", "words", "1")),
        (Order(part=Part(words=("a", "b", "c", "d"))), ("part", "words")),
        (Order(word=Secret("hunter2")), ("word",)),
        (replace(Order(), how_many=cast(Any, "many")), ("howMany",)),
    ],
)
def test_the_first_field_out_of_its_bounds_is_named_without_its_value(request_: Order, path: tuple[str, ...]) -> None:
    with pytest.raises(ValidationFailed) as refused:
        PydanticValidator()(request_)

    assert refused.value.path == path
    assert "hunter2" not in refused.value.message
