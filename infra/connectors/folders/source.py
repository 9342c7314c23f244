"""Reading a folder of files: each file must stay as it is while the source is open."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from domain.catalog.model import DatabaseSchema, ForeignKey, TableName
from domain.kernel.errors import DatabaseError, ErrorCode, ObjectMissing, SchemaDrift
from domain.kernel.threads import in_thread
from domain.kernel.values import Rows
from domain.migrations.digests import Digest, DigestColumn, RowHash
from domain.migrations.misfits import ColumnLimit, Profile, Treatment
from domain.migrations.moments import Moment, MomentMark, utc_text
from domain.migrations.transfer import (
    Batch,
    Chunk,
    ChunkScope,
    Consistency,
    TableCopy,
    WholeTable,
)
from infra.connectors.arrow import BATCH_BYTES_MAX, BATCH_ROWS_MAX, arrow_schema
from infra.connectors.folders.book import Book
from infra.connectors.folders.contents import Folder, known_columns
from infra.connectors.folders.digest import count_orphans, count_rows, digest_rows
from infra.connectors.folders.disk import explained, stamp
from infra.connectors.folders.format import Stored
from infra.connectors.folders.manifest import Manifest, schema_of
from infra.connectors.folders.misfit import profiled, treated
from infra.connectors.threads import DriverThread


class FolderSource:
    """A source on the files as they were when it was opened: a file that has changed since ends the reading."""

    def __init__(self, folder: Folder, version: str, readers: int) -> None:
        self._folder = folder
        self._version = version
        self.readers = readers
        self._turns = asyncio.Semaphore(readers)
        self._describing = asyncio.Lock()
        self._described: Manifest | None = None
        self._stored: dict[str, Stored] = {}
        self._stamps: dict[Path, tuple[int, ...]] = {}
        self._opened_at = utc_text(datetime.now(UTC))

    def open(self) -> None:
        """Look which files there are; blocks.

        Raises:
            ConnectFailed: the folder cannot be read.
        """
        self._folder.check(writable=False)
        manifest = self._folder.manifest()
        with explained(f"Reading {self._folder.path}"):
            if manifest is not None:
                self._described = manifest
                self._stored = {entry.table.name.name: self._folder.stored(entry) for entry in manifest.tables}
            else:
                found = self._folder.files.tables(self._folder.path)
                self._stored = {name: Stored((), paths) for name, paths in found.items()}
            for stored in self._stored.values():
                self._stamps.update((path, stamp(path)) for path in stored.paths if path.exists())

    @property
    def consistency(self) -> Consistency:
        """All tables as of the moment of opening: reading a file that has changed since fails."""
        return Consistency.SNAPSHOT

    @property
    def moment(self) -> Moment:
        """The files as they were when they were looked at first."""
        stamps = tuple((str(path), *stamp_) for path, stamp_ in sorted(self._stamps.items()))
        print_ = hashlib.sha256(repr(stamps).encode()).hexdigest()
        return Moment(self._opened_at, (MomentMark("files", str(len(stamps))), MomentMark("stamps", print_)), print_)

    async def introspect(self) -> DatabaseSchema:
        """Describe everything; without a manifest all rows are read to find out the types."""
        async with self._describing:
            if await in_thread(Book(self._folder.path).is_active):
                raise DatabaseError(
                    f"A run has not finished writing to {self._folder.path}; let it end, or roll it back.",
                    code=ErrorCode.DATABASE_BUSY,
                )
            if self._described is None:
                self._described = await in_thread(self._folder.described)
                for entry in self._described.tables:
                    stored = self._folder.stored(entry)
                    self._stored[entry.table.name.name] = stored
                    self._check_unchanged(stored)
            read = {path for stored in self._stored.values() for path in stored.paths}
            others = await in_thread(lambda: self._folder.unread(read))
        return replace(schema_of(self._described, self._version), others=others)

    async def split(self, copy: TableCopy, rows_max: int) -> tuple[Chunk, ...]:
        """Cut a table where its files can be cut."""

        def cut() -> tuple[Chunk, ...]:
            stored = self._of_copy(copy)
            pieces = self._folder.files.split(stored, rows_max)
            self._check_unchanged(stored)
            return tuple(Chunk(copy.number, number, piece.scope, piece.rows) for number, piece in enumerate(pieces))

        async with self._turns:
            return await in_thread(cut)

    async def read(self, copy: TableCopy, chunk: Chunk) -> AsyncIterator[Batch]:
        """Read a chunk in Arrow batches of a bounded size."""
        async with self._thread() as thread:
            batches = self._batches(copy, chunk.scope)
            try:
                while (batch := await thread.run(next, batches, None)) is not None:
                    yield batch
            finally:
                await asyncio.shield(thread.submit(batches.close))

    def _batches(self, copy: TableCopy, scope: ChunkScope) -> Generator[Batch]:
        schema = arrow_schema(copy)
        for found in self.scan(self._of_copy(copy), reading_columns(copy), scope):
            for batch in small(pa.RecordBatch.from_arrays(found.columns, schema=schema)):
                yield Batch(batch.num_rows, batch.nbytes, batch)

    async def orphans(self, table: TableName, key: ForeignKey) -> Rows:
        """Count the rows whose reference finds no row."""

        def count() -> Rows:
            child, parent = self._of_name(table), self._of_name(key.references)
            there = {column.name: column for column in child.columns}
            others = {column.name: column for column in parent.columns}
            here = tuple(DigestColumn(name, there[name].native, there[name].type) for name in key.columns)
            target = tuple(
                DigestColumn(name, others[name].native, column.type)
                for name, column in zip(key.referenced_columns, here, strict=True)
            )
            return count_orphans(self.scan(child, here, WholeTable()), self.scan(parent, target, WholeTable()), here)

        async with self._turns:
            return await in_thread(count)

    async def profile(
        self, copy: TableCopy, limits: tuple[ColumnLimit, ...], rejecting: tuple[ColumnLimit, ...]
    ) -> Profile:
        """Count the values beyond each limit."""

        def look() -> Profile:
            columns = reading_columns(copy)
            batches = self.scan(self._of_copy(copy), columns, WholeTable())
            return profiled(batches, columns, copy.key, limits, rejecting)

        async with self._turns:
            return await in_thread(look)

    async def digest(
        self, table: TableName, columns: tuple[DigestColumn, ...], treatments: tuple[Treatment, ...] = ()
    ) -> Digest:
        """Compute the digest of what treatments leave of a table, from its files."""
        return await self._digested(table, columns, treatments, RowHash.MD5)

    async def quick_digest(self, hash_: RowHash, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Compute a table's digest from its files by a hash of the C helper's."""
        return await self._digested(table, columns, (), hash_)

    async def _digested(
        self, table: TableName, columns: tuple[DigestColumn, ...], treatments: tuple[Treatment, ...], by: RowHash
    ) -> Digest:
        def compute() -> Digest:
            stored = self._of_name(table)
            wanted = (*columns, *_columns_of(treatments, columns))
            known_columns(stored, table, wanted)
            batches = treated(self.scan(stored, wanted, WholeTable()), wanted, treatments)
            if not columns:
                return count_rows(batches)
            return digest_rows((batch.select(range(len(columns))) for batch in batches), columns, by)

        async with self._turns:
            return await in_thread(compute)

    async def close(self) -> None:
        """Nothing is open between two readings."""

    def scan(self, stored: Stored, columns: tuple[DigestColumn, ...], scope: ChunkScope) -> Iterator[pa.RecordBatch]:
        """Read a part of a table, and see that its files stay the same."""
        self._check_unchanged(stored)
        yield from self._folder.files.scan(stored, columns, scope)
        self._check_unchanged(stored)

    def _of_name(self, table: TableName) -> Stored:
        stored = self._stored.get(table.name)
        if stored is None:
            raise ObjectMissing(f"There is no table {table} in {self._folder.path}.", code=ErrorCode.TABLE_NOT_FOUND)
        if stored.columns:
            return stored
        return replace(stored, columns=self._folder.files.layout(stored.paths))

    def _of_copy(self, copy: TableCopy) -> Stored:
        """Find a table on its way.

        Raises:
            SchemaDrift: it is gone, or one of its columns is.
        """
        try:
            stored = self._of_name(copy.source)
            known_columns(stored, copy.source, reading_columns(copy))
        except DatabaseError as error:
            raise SchemaDrift(f"Table {copy.source} is no longer as it was planned: {error.message}") from error
        return stored

    def _check_unchanged(self, stored: Stored) -> None:
        for path in stored.paths:
            if not path.exists() or stamp(path) != self._stamps.get(path):
                raise SchemaDrift(f"{path} has changed since it was looked at first; start again.")

    @asynccontextmanager
    async def _thread(self) -> AsyncIterator[DriverThread]:
        async with self._turns:
            thread = DriverThread("folder")
            try:
                yield thread
            finally:
                thread.close()


def small(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Halve a batch until its parts are small enough."""
    if batch.num_rows <= 1 or (batch.nbytes <= BATCH_BYTES_MAX and batch.num_rows <= BATCH_ROWS_MAX):
        if batch.num_rows:
            yield batch
        return
    half = batch.num_rows // 2
    yield from small(batch.slice(0, half))
    yield from small(batch.slice(half))


def _columns_of(treatments: tuple[Treatment, ...], known: tuple[DigestColumn, ...]) -> tuple[DigestColumn, ...]:
    """Return the columns that treatments look at and that are not looked at anyway."""
    names = {column.name for column in known}
    others = {each.on.column: DigestColumn(each.on.column, each.on.native, each.on.type) for each in treatments}
    return tuple(column for name, column in others.items() if name not in names)


def reading_columns(copy: TableCopy) -> tuple[DigestColumn, ...]:
    """Return the columns of a copy as its source reads them."""
    return tuple(DigestColumn(column.source, column.source_native, column.type) for column in copy.columns)
