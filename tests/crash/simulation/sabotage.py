"""Rules of the product that can be taken away, to see that histories notice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from unittest.mock import patch

from infra.db.stores.migrations import assignments


def _without(module: object, statement: str, rule: str) -> AbstractContextManager[object]:
    sql = getattr(module, statement)
    assert rule in sql, f"{statement} has no rule {rule}"
    return patch.object(module, statement, sql.replace(rule, ""))


RULES: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "": nullcontext,
    "an assignment is taken once": lambda: _without(assignments, "_TAKE", "AND state = 'GIVEN'"),
}
"""How to take each of them away."""
