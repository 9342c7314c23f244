"""The source's digests, computed while the rows are still on their way.

The source's tables stand still in its snapshot, so their digests can be computed at any time. While
rows are copied the source mostly waits for the target, and it has one session more than the copy
needs; what is not done by then is done when it is asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from domain.catalog.model import TableName
from domain.kernel.errors import DatabaseError
from domain.migrations.misfits import Treatment
from domain.migrations.plan import RunOptions, VerifyLevel
from domain.migrations.transfer import Digest, DigestColumn
from workers.engine.concurrency import cancelled
from workers.engine.prepare import PreparedRun
from workers.engine.verify import SourceSide, source_columns


@dataclass(frozen=True)
class Question:
    """What a digest is asked of: a table, its columns, what treatments leave of it, by which hash."""

    table: TableName
    columns: tuple[DigestColumn, ...]
    treatments: tuple[Treatment, ...]
    by_kin: bool


class Readable(SourceSide, Protocol):
    """A source that says how many of its sessions may be at work at once."""

    @property
    def readers(self) -> int:
        """How many that are."""
        ...


def early_readers(options: RunOptions) -> int:
    """Return how many sessions on the source a run in one process wants: one for digests, beside those that read.

    A run of a single lane has a single session: a second one may cost a lock to begin at the same moment.
    """
    return options.parallel + (options.parallel > 1 and options.verify is VerifyLevel.DIGEST)


@asynccontextmanager
async def early_digests(
    source: Readable, prepared: PreparedRun, options: RunOptions, *, by_kin: bool
) -> AsyncIterator[SourceSide]:
    """Compute, within the block, the digests that the run's comparison will ask of its source.

    Gives the source to compare with. What is under way at the end of the block is given up. A source
    of one session has better to do.
    """
    if source.readers == 1 or options.verify is not VerifyLevel.DIGEST:
        yield source
        return
    early = _EarlySource(source, _questions(prepared, by_kin=by_kin))
    work = asyncio.create_task(early.work())
    try:
        yield early
    finally:
        await cancelled([work])
        await cancelled(early.under_way)


class _EarlySource:
    """A source that may know the digest already when it is asked for it."""

    def __init__(self, source: SourceSide, questions: Iterable[Question]) -> None:
        self._source = source
        self._open = dict.fromkeys(questions)
        self._answers: dict[Question, asyncio.Task[Digest]] = {}

    @property
    def under_way(self) -> tuple[asyncio.Task[Digest], ...]:
        """The digests that nobody has asked for yet, finished or not."""
        return tuple(self._answers.values())

    async def work(self) -> None:
        """Compute one digest after the other, but none that was asked for in the meantime."""
        while self._open:
            question = next(iter(self._open))
            del self._open[question]
            answer = self._answers[question] = asyncio.create_task(self._asked(question))
            await asyncio.wait([answer])

    async def digest(
        self, table: TableName, columns: tuple[DigestColumn, ...], treatments: tuple[Treatment, ...] = ()
    ) -> Digest:
        """Return a table's digest, waiting for it if it is under way.

        Raises:
            DatabaseError: the source failed, now, too.
        """
        return await self._answer(Question(table, columns, treatments, by_kin=False))

    async def kin_digest(
        self, table: TableName, columns: tuple[DigestColumn, ...], treatments: tuple[Treatment, ...] = ()
    ) -> Digest:
        """Return a table's digest by the engine's own hash, waiting for it if it is under way.

        Raises:
            DatabaseError: the source failed, now, too.
        """
        return await self._answer(Question(table, columns, treatments, by_kin=True))

    async def _answer(self, question: Question) -> Digest:
        self._open.pop(question, None)
        answer = self._answers.pop(question, None)
        if answer is not None:
            try:
                return await answer
            except DatabaseError:
                return await self._asked(question)  # what was wrong then may have passed
        return await self._asked(question)

    async def _asked(self, question: Question) -> Digest:
        ask = self._source.kin_digest if question.by_kin else self._source.digest
        return await ask(question.table, question.columns, question.treatments)


def _questions(prepared: PreparedRun, *, by_kin: bool) -> Iterable[Question]:
    """Return what will be asked, in the order of the copy; not of tables whose rows can only be counted."""
    counted = {baseline.table_number for baseline in prepared.baselines if baseline.rows and baseline.digest is None}
    filled = {baseline.table_number for baseline in prepared.baselines}
    copies = {copy.number: copy for copy in prepared.plan.tables if copy.number not in counted}
    for wave in prepared.waves:
        for copy in sorted((copies[number] for number in wave if number in copies), key=lambda copy: -copy.size_bytes):
            is_new = copy.number not in filled
            yield Question(copy.source, source_columns(copy.columns), copy.treatments, by_kin and is_new)
