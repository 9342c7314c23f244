"""What the target holds of a run that ends early; its ledger knows better than those who were interrupted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from domain.kernel.errors import WherryError
from domain.migrations.runs import RunState
from domain.migrations.transfer import ChunkReceipt, Target

SETTLE_MAX_S = 5.0
"""How long the target is waited for; without it, a run ends with the counts at hand."""

Receipts = tuple[ChunkReceipt, ...]


class Unasked(Exception):
    """The target could not be asked; the message says why, and what that means for the counts."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The target could not be asked what it holds: {reason}. Rows of chunks that were being committed at the "
            "very end may be there without being counted."
        )


async def held_by_target(ask: Callable[[], Awaitable[Receipts | None]]) -> Receipts | None:
    """Return what a target holds of a run, if it knows of it; give up when it takes too long.

    Raises:
        Unasked: it failed, or did not answer in time.
    """
    try:
        async with asyncio.timeout(SETTLE_MAX_S):
            return await ask()
    except WherryError as error:
        raise Unasked(error.message.rstrip(".")) from error
    except TimeoutError as error:
        raise Unasked("it did not answer in time") from error


async def receipts_so_far(target: Target, run_id: str) -> Receipts | None:
    """Return the receipts of an unfinished run; nothing if the target knows of none.

    Raises:
        DatabaseError: the target failed.
    """
    return await target.receipts(run_id) if await target.knows_run(run_id) else None


async def receipts_after_the_end(target: Target, run_id: str) -> Receipts | None:
    """Void every ticket of an unfinished run, so that nothing can be added to it, and return its receipts.

    So with one that was taking itself back, to begin anew: of that there is nothing to be counted.

    Raises:
        DatabaseError: the target failed.
    """
    record = next((known for known in await target.runs() if known.run_id == run_id), None)
    if record is not None and record.state is RunState.UNDOING:
        await target.undo.begin(run_id, record.seal)
    if record is None or record.state is not RunState.OPEN:
        return None
    await target.open_run(run_id, record.plan_hash)
    return await target.receipts(run_id)
