"""How prepared runs are stored, so that no version of Wherry takes another one's for its own.

Plans are stored by what they are made of. A version whose plans are made of something else does not guess:
its lanes refuse to work by such a plan, and resuming the migration plans it again, against the target's ledger.
"""

from __future__ import annotations

from functools import cache

from domain.kernel.codec import from_json, shape_of, to_json
from domain.kernel.errors import Conflict
from infra.db.stores.migrations.plans import StoredPlan
from workers.engine.prepare import PreparedRun

_SHAPE, _RUN = "shape", "run"


def stored_run(epoch: int, prepared: PreparedRun) -> StoredPlan:
    """Return a prepared run as it is stored."""
    return StoredPlan(epoch, {_SHAPE: _own_shape(), _RUN: to_json(prepared)})


def is_ours(stored: StoredPlan) -> bool:
    """Tell whether this version made the plan, or one whose plans are made of the same."""
    return isinstance(stored.prepared, dict) and stored.prepared.get(_SHAPE) == _own_shape()


def prepared_run(stored: StoredPlan) -> PreparedRun:
    """Return the prepared run that was stored.

    Raises:
        Conflict: another version has stored it.
    """
    if not isinstance(stored.prepared, dict) or not is_ours(stored):
        raise Conflict(
            "This migration was planned by another version of Wherry. Once all workers are of one version, resume it: "
            "it is planned again, and goes on if that gives the same plan."
        )
    return from_json(PreparedRun, stored.prepared[_RUN])


@cache
def _own_shape() -> str:
    return shape_of(PreparedRun)
