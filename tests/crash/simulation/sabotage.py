"""Rules of the product that can be taken away, to see that histories notice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from unittest.mock import patch

from domain.migrations.transfer import Ticket
from infra.db.stores.migrations import assignments, chunks
from tests.support.memory import MemoryTarget, _Run


def _without(module: object, statement: str, rule: str) -> AbstractContextManager[object]:
    sql = getattr(module, statement)
    assert rule in sql, f"{statement} has no rule {rule}"
    return patch.object(module, statement, sql.replace(rule, ""))


def _whoever(target: MemoryTarget, ticket: Ticket) -> _Run:
    return target._database.runs[ticket.run_id]


RULES: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "": nullcontext,
    "a ticket that was replaced is void": lambda: patch.object(MemoryTarget, "_fenced", _whoever),
    "an assignment is taken once": lambda: _without(assignments, "_TAKE", "AND state = 'GIVEN'"),
    "a chunk is claimed under the last plan only": lambda: _without(
        chunks,
        "_CLAIM",
        "AND EXISTS (SELECT 1 FROM migration_plan WHERE migration_id = :migration_id AND epoch = :epoch)",
    ),
    "a chunk is counted once": lambda: _without(chunks, "_COMPLETE", "AND state <> 'DONE'"),
}
"""How to take each of them away."""
