"""Cutting a page out of a list that is ordered by falling id (ids rise with time, so newest first)."""

from __future__ import annotations

from typing import TypeVar

from domain.kernel.values import Page, PageRequest
from infra.db.database import Database, build

V = TypeVar("V")


async def page_of(view: type[V], database: Database, sql: str, page: PageRequest, **values: object) -> Page[V]:
    """Return a page of the rows of `sql`, which selects the view's columns, an `id` among them."""
    counted = await database.rows(f"WITH item AS ({sql}) SELECT count(*) AS total FROM item", **values)
    rows = await database.rows(
        f"WITH item AS ({sql}) SELECT * FROM item WHERE CAST(:after AS uuid) IS NULL OR id < :after "
        "ORDER BY id DESC LIMIT :row_limit",
        after=page.after,
        row_limit=page.first + 1,
        **values,
    )
    items = tuple(build(view, row) for row in rows[: page.first])
    return Page(items, has_next=len(rows) > page.first, total=counted[0]["total"])
