"""Cutting a page out of a list that is ordered by falling id (ids rise with time, so newest first)."""

from __future__ import annotations

from collections import defaultdict
from typing import TypeVar
from uuid import UUID

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


async def pages_of(
    view: type[V],
    database: Database,
    sql: tuple[str, str],
    owner: str,
    owners: tuple[UUID, ...],
    page: PageRequest,
    **values: object,
) -> dict[UUID, Page[V]]:
    """Return the same page for each of several owners, in two statements however many there are.

    `sql` is common table expressions and a query that selects the view's columns of the things of
    `:owners`, an `id` and the column `owner` among them.
    """
    expressions, query = sql
    items = f"WITH {expressions}, item AS ({query})"
    wanted: dict[str, object] = {"owners": list(owners), **values}
    counted = await database.rows(f"{items} SELECT {owner}, count(*) AS total FROM item GROUP BY {owner}", **wanted)
    totals = {row[owner]: row["total"] for row in counted}
    rows = await database.rows(
        f"{items}, numbered AS (SELECT *, row_number() OVER (PARTITION BY {owner} ORDER BY id DESC) AS number_in_page "
        "FROM item WHERE CAST(:after AS uuid) IS NULL OR id < :after) "
        "SELECT * FROM numbered WHERE number_in_page <= :row_limit ORDER BY number_in_page",
        after=page.after,
        row_limit=page.first + 1,
        **wanted,
    )
    found: defaultdict[UUID, list[V]] = defaultdict(list)
    for row in rows:
        found[row[owner]].append(build(view, row))
    return {
        id_: Page(tuple(found[id_][: page.first]), len(found[id_]) > page.first, totals.get(id_, 0)) for id_ in owners
    }
