"""The matrix of faults is whole, and says of no row that it is tested if it is not."""

from __future__ import annotations

import ast

import pytest

from tests.crash.matrix import MATRIX, ROWS, provoked
from tests.support.cli import ROOT


def test_the_matrix_has_every_row() -> None:
    expected = [f"{part}{number}" for part, rows in ROWS.items() for number in range(1, rows + 1)]

    assert [row.split()[0] for row in MATRIX] == expected
    assert len(expected) == 83


@pytest.mark.parametrize("row", provoked())
def test_every_test_that_the_matrix_names_is_there(row: str) -> None:
    for name in MATRIX[row]:
        file, _, function = name.partition("::")
        tree = ast.parse((ROOT / file).read_text())
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert function in names, name
