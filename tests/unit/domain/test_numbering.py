"""Defaults that number rows by a sequence are understood in the words of every engine."""

from __future__ import annotations

import pytest

from domain.catalog.model import TableName
from domain.catalog.numbering import next_value_of, sequence_of


@pytest.mark.parametrize(
    ("default", "expected"),
    [
        ("nextval('baz'::regclass)", TableName("baz")),
        ("nextval('schema2.baz'::regclass)", TableName("baz", "schema2")),
        ("nextval('\"Odd Schema\".\"it''s\"'::regclass)", TableName("it's", "Odd Schema")),
        ("nextval(`shop`.`ticket`)", TableName("ticket", "shop")),
        ("nextval('main.ticket')", TableName("ticket", "main")),
        (next_value_of('it\'s "it"'), TableName('it\'s "it"')),
        ("nextval('baz'::regclass) + 1", None),
        ("now()", None),
        (None, None),
    ],
)
def test_the_sequence_of_a_default_is_known_by_its_name(default: str | None, expected: TableName | None) -> None:
    assert sequence_of(default) == expected
