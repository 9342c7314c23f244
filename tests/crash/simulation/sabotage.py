"""Rules that can be taken away, to see that histories notice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from unittest.mock import patch

from domain.kernel.errors import Fenced
from domain.migrations.runs import RunState
from domain.migrations.transfer import Ticket
from infra.db.stores.migrations import assignments, chunks
from tests.support.memory import MemoryTarget, _Run


def _without(module: object, statement: str, rule: str) -> AbstractContextManager[object]:
    sql = getattr(module, statement)
    assert rule in sql, f"{statement} has no rule {rule}"
    return patch.object(module, statement, sql.replace(rule, ""))


_PRESENT_PLAN = "AND EXISTS (SELECT 1 FROM migration_plan WHERE migration_id = :migration_id AND epoch = :epoch)"


def _of_any_epoch(target: MemoryTarget, ticket: Ticket) -> _Run:
    """Let a ticket pass whatever its epoch; the rule is the contract's, and each engine's ledger has it in SQL."""
    run = target._database.runs.get(ticket.run_id)
    if run is None or run.state is RunState.CLOSED:
        raise Fenced("taken over")
    return run


RULES: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "": nullcontext,
    "an assignment is taken once": lambda: _without(assignments, "_TAKE", "AND state = 'GIVEN'"),
    "a chunk is counted once": lambda: _without(chunks, "_COMPLETE", "AND state <> 'DONE'"),
    "a chunk is claimed under the present plan": lambda: _without(chunks, "_CLAIM", _PRESENT_PLAN),
    "a ticket is void after the next one": lambda: patch.object(MemoryTarget, "_fenced", _of_any_epoch),
}
"""How to take each of them away."""
