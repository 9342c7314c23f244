"""The source's digests, computed while the rows are still on their way.

The source's tables stand still in its snapshot, so their digests can be computed at any time. While
rows are copied the source mostly waits for the target, and it has one session more than the copy
needs. A source of one session has leisure once its rows are read, while the target builds its keys.
What is not done by then is done when it is asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from domain.catalog.model import TableName
from domain.kernel.errors import DatabaseError
from domain.migrations.digests import Digest, DigestColumn, RowHash
from domain.migrations.misfits import Treatment
from domain.migrations.plan import RunOptions, VerifyLevel
from workers.engine.concurrency import cancelled
from workers.engine.hashing import BY_MD5, Hashing
from workers.engine.prepare import PreparedRun
from workers.engine.verify import SourceSide, first_hashing, source_part


@dataclass(frozen=True)
class Question:
    """What a digest is asked of: a table, its columns, what treatments leave of it (or all, by another hash)."""

    table: TableName
    columns: tuple[DigestColumn, ...]
    treatments: tuple[Treatment, ...]
    by: RowHash


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
    source: Readable, prepared: PreparedRun, options: RunOptions, hashing: Hashing
) -> AsyncIterator[EarlySource]:
    """Compute, within the block, the digests that the run's comparison will ask of its source.

    Gives the source to compare with; one of a single session begins when it is told to. What is under
    way at the end of the block is given up.
    """
    early = EarlySource(source, _questions(prepared, hashing) if options.verify is VerifyLevel.DIGEST else ())
    if source.readers > 1:
        early.begin()
    try:
        yield early
    finally:
        await early.give_up()


class EarlySource:
    """A source that may know the digest already when it is asked for it."""

    def __init__(self, source: SourceSide, questions: Iterable[Question]) -> None:
        self._source = source
        self._open = dict.fromkeys(questions)
        self._answers: dict[Question, asyncio.Task[Digest]] = {}
        self._work: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin to compute, unless that has begun: nothing stands in the way."""
        self._work = self._work or asyncio.create_task(self._worked())

    async def give_up(self) -> None:
        """End what is under way."""
        await cancelled([self._work] if self._work else [])
        await cancelled(tuple(self._answers.values()))

    async def _worked(self) -> None:
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
        return await self._answer(Question(table, columns, treatments, RowHash.MD5))

    async def quick_digest(self, hash_: RowHash, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Return a table's digest by another hash, waiting for it if it is under way.

        Raises:
            DatabaseError: the source failed, now, too.
        """
        return await self._answer(Question(table, columns, (), hash_))

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
        if question.by is RowHash.MD5:
            return await self._source.digest(question.table, question.columns, question.treatments)
        return await self._source.quick_digest(question.by, question.table, question.columns)


def _questions(prepared: PreparedRun, hashing: Hashing) -> Iterable[Question]:
    """Return what will be asked, in the order of the copy; not of tables whose rows can only be counted."""
    counted = {baseline.table_number for baseline in prepared.baselines if baseline.rows and baseline.digest is None}
    filled = {baseline.table_number for baseline in prepared.baselines}
    copies = {copy.number: copy for copy in prepared.plan.tables if copy.number not in counted}
    for wave in prepared.waves:
        for copy in sorted((copies[number] for number in wave if number in copies), key=lambda copy: -copy.size_bytes):
            first = BY_MD5 if copy.number in filled else first_hashing(hashing, copy)
            columns, by = source_part(first, copy, copy.columns)
            yield Question(copy.source, columns, copy.treatments, by)
