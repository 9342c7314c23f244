"""Defaults, checks, computed columns and views, from one engine's SQL to another's: the door to `translating`.

The SQL parser behind it takes longer to import than a small database takes to copy, and a database
whose tables have neither needs none; so it is imported when there is something to translate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from domain.catalog.model import Column, DatabaseSchema
    from domain.catalog.types import LogicalType
    from domain.connections.values import Engine
    from infra.connectors.sql.comparing import Kinds


def transpile(expression: str, read: Engine, write: Engine) -> str | None:
    """Return the expression in the SQL of `write`, or None if its meaning there is not surely the same."""
    from infra.connectors.sql import translating  # noqa: PLC0415 - see above

    return translating.transpile(expression, read, write)


def transpile_view(definition: str, read: Engine, write: Engine, kinds: Kinds | None = None) -> str | None:
    """Return the query of a view in the SQL of `write`, its tables without schema, or None if that is not possible.

    `definition` may be the query or the whole `CREATE VIEW` statement. `kinds` tells what the columns
    that it may name hold, for engines that compare only like with like.
    """
    from infra.connectors.sql import translating  # noqa: PLC0415 - see above

    return translating.transpile_view(definition, read, write, kinds)


def alike(
    text: str,
    engine: Engine,
    column: Column,
    columns: Iterable[Column],
    is_exact: Callable[[LogicalType], bool],
    wide: str = "",
) -> str | None:
    """Return the expression of a computed column if `engine` surely computes what the source does, or None."""
    from infra.connectors.sql import computing  # noqa: PLC0415 - see above

    return computing.alike(text, engine, column, columns, is_exact, wide)


def kinds_of(schema: DatabaseSchema) -> Kinds:
    """Return what the columns of a schema hold."""
    from infra.connectors.sql import comparing  # noqa: PLC0415 - see above

    return comparing.kinds_of(schema)
