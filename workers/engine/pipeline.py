"""One chunk on its way: read from the source, written with its receipt in one transaction."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from domain.kernel.errors import DatabaseError, ValueRejected, WherryError
from domain.kernel.failpoints import failpoint
from domain.kernel.threads import in_thread
from domain.migrations.misfits import NO_REJECTS, RejectLimit
from domain.migrations.transfer import Batch, Chunk, ChunkReceipt, TableCopy, Ticket, WireFormat
from workers.engine.concurrency import ReadAhead
from workers.engine.control import Control, Stopped, check_cancelled
from workers.engine.ends import Ends
from workers.engine.hashing import CarriedChunk, CarriedRows, Hashing
from workers.engine.progress import Meter
from workers.engine.refusals import RefusedRows, refusals_of
from workers.engine.retry import STANDARD_RETRY, RetryPolicy, retrying

if TYPE_CHECKING:
    from workers.engine.sieve import Sieve


@dataclass(frozen=True)
class Desk:
    """What every lane of a run works with: open ends, the right to write, the counter, the owner's wish."""

    ends: Ends
    ticket: Ticket
    meter: Meter
    control: Control
    retry: RetryPolicy = STANDARD_RETRY
    rejects: RejectLimit = NO_REJECTS
    """How many rows may be left out because the target refuses them."""
    carried: CarriedRows | None = None
    """Adds up the rows that pass, if the ends are compared by way of them."""

    @property
    def hashing(self) -> Hashing:
        """By which hashes the ends are compared."""
        return self.ends.route.hashing if self.carried else self.ends.route.hashing.of_ends


async def copy_chunk(desk: Desk, copy: TableCopy, chunk: Chunk) -> ChunkReceipt:
    """Copy a chunk, trying again while failures are transient; done twice it has the effect of once.

    Re-entrant: any worker that holds the run's ticket may call it for any chunk at any time; the
    target leaves a chunk alone that it already has a receipt for, and refuses a void ticket.

    Raises:
        Stopped: the owner asked for an end; nothing of the chunk was written.
        Fenced: the ticket is void.
        ValueRejected: the target refuses a row that may not be left out; nothing of the chunk was written.
        DatabaseError: the chunk could not be copied; nothing of it was written.
    """

    async def attempt() -> ChunkReceipt:
        try:
            return await _attempt(desk, copy, chunk)
        except _RefusedByTarget:
            desk.meter.discard(chunk)
            refusals = await refusals_of(desk.ends, desk.ticket.run_id, desk.rejects, copy, chunk)
            # Pieces of a byte stream are no rows.
            return await _attempt(desk, replace(copy, format=WireFormat.ARROW), chunk, refusals)
        finally:
            desk.meter.discard(chunk)

    return await retrying(attempt, desk.retry)


class _RefusedByTarget(Exception):
    """The target takes the rows of a chunk not all together; which of them it refuses is not known yet."""


async def _attempt(desk: Desk, copy: TableCopy, chunk: Chunk, refusals: RefusedRows | None = None) -> ChunkReceipt:
    feed = _Feed(desk, desk.carried.summed(copy) if desk.carried else copy, chunk)
    batches = feed.batches()
    try:
        receipt = await desk.ends.target.write(copy, chunk, batches, desk.ticket, refusals)
        failpoint("chunk.written")
    except Exception as error:
        # What stopped the reading matters more than how the writer put it.
        if feed.interrupted is not None:
            raise feed.interrupted from None
        if isinstance(error, ValueRejected) and refusals is None:
            raise _RefusedByTarget from error
        raise
    finally:
        await batches.aclose()
        await feed.close()
    _check_account(copy, receipt, feed)
    if desk.carried and feed.exhausted:
        desk.carried.add(copy, feed.carried)
    await desk.meter.committed(receipt)
    return receipt


class _Feed:
    """The batches of one attempt on a chunk, counted as they pass.

    Reading begins at once: where a target has one place to write, the next chunk waits for it with rows at hand.
    """

    def __init__(self, desk: Desk, copy: TableCopy, chunk: Chunk) -> None:
        self._desk, self._copy, self._chunk = desk, copy, chunk
        self._ahead = ReadAhead(desk.ends.source.read(copy, chunk))
        self.rows_read = 0
        self.carried = CarriedChunk()
        self.exhausted = False
        self.interrupted: WherryError | Stopped | None = None

    async def batches(self) -> AsyncGenerator[Batch]:
        """Yield the chunk's batches; note why, if they end early."""
        sieve = _sieve(self._copy, self._chunk)
        try:
            async for batch in self._ahead:
                await check_cancelled(self._desk.control)
                failpoint("chunk.read")
                self.rows_read += batch.rows
                self.carried.add(batch)
                await self._desk.meter.read(self._chunk, batch)
                passed = [await in_thread(sieve.sifted, batch) if sieve else batch]
                del batch
                yield passed.pop()  # and hold it no longer: it may be one huge value
            self.exhausted = True
        except (WherryError, Stopped) as error:
            self.interrupted = error
            raise

    async def close(self) -> None:
        """End the reading."""
        await self._ahead.aclose()


def _sieve(copy: TableCopy, chunk: Chunk) -> Sieve | None:
    """Return what treats the rows on their way; most tables need nothing of the kind."""
    if not (copy.treatments or copy.watched):
        return None
    from workers.engine.sieve import Sieve  # noqa: PLC0415 - it brings Arrow's functions along

    return Sieve(copy, chunk)


def _check_account(copy: TableCopy, receipt: ChunkReceipt, feed: _Feed) -> None:
    """Hold the writer to account: read = written + rejected, and as many as the reader gave."""
    counted = feed.rows_read if feed.exhausted else receipt.rows_read
    if not counted == receipt.rows_read == receipt.rows_written + receipt.rows_rejected:
        raise DatabaseError(
            f"rows of table {copy.source} are unaccounted for: {counted} read, "
            f"{receipt.rows_written} written, {receipt.rows_rejected} rejected"
        )
