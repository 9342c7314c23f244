"""Computed columns: which of the source's expressions PostgreSQL surely computes alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.catalog.types import Decimal, Integer, LogicalType
from domain.connections.values import Engine
from infra.connectors.sql.expressions import alike

if TYPE_CHECKING:
    from domain.catalog.model import Column, Table
    from infra.connectors.postgresql.draft import Draft


def computed(draft: Draft, table: Table, column: Column) -> str | None:
    """Return the expression of a computed column if PostgreSQL surely computes the very same values.

    It computes with numeric, which does not overflow; the result is cast to the column's type.
    """
    if column.generated is None or draft.is_own:
        return column.generated
    text = draft.expression(column.generated)
    return text and alike(text, Engine.POSTGRESQL, column, table.columns, _is_exact, wide="NUMERIC")


def _is_exact(type_: LogicalType) -> bool:
    return isinstance(type_, Integer | Decimal)
