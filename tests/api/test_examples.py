"""The example documents, which GraphiQL shows as tabs, are valid and within the limits."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import parse, validate

from resolvers.limits import Limits, check_document
from resolvers.root import build_schema

EXAMPLES = sorted(Path("schema/examples").glob("*.graphql"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_valid(path: Path) -> None:
    document = parse(path.read_text())

    assert validate(build_schema()._schema, document) == []
    check_document(document, Limits())
