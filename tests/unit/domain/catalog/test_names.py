"""What SQL names, and in which order views can be made."""

from __future__ import annotations

from domain.catalog.model import TableName, View
from domain.catalog.names import in_order


def test_a_view_comes_after_those_it_reads_whose_names_hold_quotes() -> None:
    lower = View(TableName('v "1'), "SELECT t.id, t.w FROM t")
    other = View(TableName("v `1"), "SELECT t.id FROM t")
    upper = View(TableName("w"), 'SELECT * FROM "v ""1", `v ``1`')

    ordered = in_order((lower, other, upper))

    assert [view.name.name for view in ordered] == ["v `1", 'v "1', "w"]
