"""The words that the engine and the connectors share: chunks, batches, sources, targets.

A connector is one folder under `infra/connectors/` that fulfils `Connector`; the suite in
`tests/connectors` is the specification of these protocols.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Literal, Protocol

from domain.catalog.model import DatabaseSchema, ForeignKey, TableName
from domain.catalog.types import LogicalType
from domain.connections.values import Endpoint, Engine, Probe
from domain.kernel.values import Bytes, Rows
from domain.migrations.columns import Columns
from domain.migrations.digests import Digest, DigestColumn, RowHash
from domain.migrations.limits import Limit
from domain.migrations.misfits import ColumnLimits, Profile, Treatments
from domain.migrations.moments import Moment
from domain.migrations.rejects import RejectedRow
from domain.migrations.rollback import UndoBook
from domain.migrations.runs import ChunkReceipt as ChunkReceipt  # noqa: PLC0414 - one of the words shared from here
from domain.migrations.runs import RunLedger
from domain.migrations.runs import Ticket as Ticket  # noqa: PLC0414 - one of the words shared from here
from domain.migrations.schema_plan import ObjectKind, SchemaPlan, Step, Trait


class WireFormat(Enum):
    """How rows cross from source to target."""

    ARROW = "ARROW"
    """Column batches, one column per carrier. Every source emits it, every target accepts it."""
    PG_BINARY = "PG_BINARY"
    """The byte stream of PostgreSQL's binary COPY, untouched. PostgreSQL to PostgreSQL only."""


@dataclass(frozen=True)
class Batch:
    """Some rows of a chunk in one wire format.

    `rows` adds up over a chunk's batches to the number of rows read, but for those in `rejected`; a
    byte stream may give the whole number with its last batch.
    """

    rows: int
    size_bytes: int
    payload: Columns | bytes
    rejected: tuple[RejectedRow, ...] = ()
    """Rows of the chunk that the payload leaves out, to be kept in the ledger."""
    as_read: Columns | None = None
    """The payload's rows as they were read, if some of their values have been treated since."""
    sums: tuple[int, ...] = ()
    """The payload's part of a digest's total (`Digest`), for each of the copy's `sums`."""


class Refusals(Protocol):
    """Takes the rows of a chunk that the target refuses for reasons of its own: a CHECK, a key, a trigger."""

    def take(self, batch: Batch, place: int, reason: str) -> RejectedRow:
        """Return the row at a place of a batch's payload as one that is rejected, with the target's reason.

        Raises:
            ValueRejected: it may not be left out; nothing of the chunk may be written.
        """
        ...


@dataclass(frozen=True)
class WholeTable:
    """All rows."""

    kind: Literal["whole"] = "whole"


@dataclass(frozen=True)
class KeyRange:
    """Rows whose key is above `after` and not above `upto`; a missing bound is open.

    Bounds hold one value per key column: an int, or the canonical text of any other type.
    """

    after: tuple[int | str, ...] | None
    upto: tuple[int | str, ...] | None
    kind: Literal["key"] = "key"


@dataclass(frozen=True)
class PhysicalRange:
    """Rows stored from place `first` up to but not including `last` (heap pages, rowids); a missing `last` is open."""

    first: int
    last: int | None
    kind: Literal["physical"] = "physical"


ChunkScope = WholeTable | KeyRange | PhysicalRange


@dataclass(frozen=True)
class Chunk:
    """A part of one table that is copied and committed as a unit. Chunks of a table are disjoint and cover it.

    `number` is unique within its table and fits a signed 32-bit integer. A source numbers chunks in order; the
    engine then gives each a number made from its scope, so that a receipt in the target says which rows it is for.
    """

    table_number: int
    number: int
    scope: ChunkScope
    row_estimate: Rows = Rows(0)


@dataclass(frozen=True)
class ColumnCopy:
    """One column on its way: its name and native type at both ends and what its values mean."""

    source: str
    target: str
    type: LogicalType
    source_native: str
    target_native: str


@dataclass(frozen=True)
class TableCopy:
    """One table on its way. `key` names the source columns that order it, empty if none does.

    `added_key` names the target columns by which the rows that are added can be told from those that were
    there: the target notes them with the rows. Empty if nobody needs to know. `treatments` say what becomes
    of values that their target column cannot keep; mostly there are none. A value beyond a limit of
    `watched` ends the run: it came after the values were looked at.

    `sums` are the hashes that the source adds up over the rows it reads, if it can.
    """

    number: int
    source: TableName
    target: TableName
    columns: tuple[ColumnCopy, ...]
    key: tuple[str, ...] = ()
    format: WireFormat = WireFormat.ARROW
    row_estimate: Rows = Rows(0)
    size_bytes: Bytes = Bytes(0)
    treatments: Treatments = ()
    added_key: tuple[str, ...] = ()
    watched: ColumnLimits = ()
    sums: tuple[RowHash, ...] = ()


class Consistency(Enum):
    """What one run's reads have in common."""

    SNAPSHOT = "SNAPSHOT"
    """All tables as of one moment."""
    TABLE = "TABLE"
    """Each table as of one moment."""
    CHUNK = "CHUNK"
    """Each chunk as of one moment; exact only for a source at rest."""


def sums_nothing(_copy: TableCopy) -> bool:
    """Tell that no table's rows are added up as they pass."""
    return False


@dataclass(frozen=True)
class Capabilities:
    """An engine's peculiarities, as data."""

    engine: Engine
    emits: frozenset[WireFormat]
    accepts: frozenset[WireFormat]
    identifier_max: int
    """Longest identifier, in bytes, or in characters (`names_in_characters`)."""
    transactional_ddl: bool
    enforces_foreign_keys: bool
    """Whether data read from it surely satisfies its foreign keys."""
    inline_foreign_keys: bool
    """Whether foreign keys can only be made together with their table."""
    writers_max: int
    """How many sessions may write to one database at once."""
    rows_together: int = 1
    """It stores rows in groups of so many, and once more those of a group that a commit has left unfilled."""
    groups_at_once: int = 1
    """It stores so many groups of one commit side by side, or at little more cost than one."""
    names_in_characters: bool = False
    """Whether the longest identifier is one of so many characters, not bytes."""
    unnameable: str = ""
    """A regular expression for what no name may hold; empty if names hold anything."""
    rows_held: int = 0
    """So many rows of one commit it holds in memory at once, however large they are."""
    held_bytes_max: int = 0
    """How many bytes these may take; a chunk of larger rows has fewer."""
    columns_max: int | None = None
    """How many columns a table may have; None if there is no limit worth the name."""
    ignores_case_of: frozenset[ObjectKind] = frozenset()
    """Whose names differ by more than case alone: tables, columns."""
    default_schema: str = ""
    """The schema of what has no schema of its own; empty where the engine has none."""
    keeps_schemas: bool = False
    """Whether tables of several schemas keep them here; otherwise they come together in one."""
    traits: frozenset[Trait] = frozenset()
    """Fine points of schema objects that it has."""
    binary_types: frozenset[str] = frozenset()
    """Types of no portable meaning (`Opaque`) whose PG_BINARY form is the same in every database."""
    always_within: frozenset[type[Limit]] = frozenset()
    """Limits that no value it holds can be beyond, so that no source has to look for one."""
    differ_by_database: frozenset[type[Limit]] = frozenset()
    """Limits that one of its databases may have and another one not."""
    reads_bytes_of_texts: bool = False
    """Whether a column of texts can be read as one of bytes."""
    reads_unseen: bool = False
    """Whether a table can be read exactly before anybody has looked at its values."""
    refuses_beyond: frozenset[type[Limit]] = frozenset()
    """Limits of its columns beyond which it stores no value, changed or not: the chunk is refused."""
    row_hashes: frozenset[RowHash] = frozenset()
    """Which hashes its sources and targets know beside MD5 (`QuickDigests`)."""
    sums_rows: bool = False
    """Whether its sources add up hashes of the rows that they read (`TableCopy.sums`)."""
    sums_passing: Callable[[TableCopy], bool] = sums_nothing
    """Tells whether its sources hand a table's rows on as the server sends them, and add them up by the cheapest hash
    that it knows: what they find is as good as a digest of the server's own, but for rows that were never sent."""


class Source(Protocol):
    """Reading sessions on one database, over one snapshot where the engine can give one."""

    @property
    def consistency(self) -> Consistency:
        """What this source's reads have in common."""
        ...

    @property
    def readers(self) -> int:
        """How many of its sessions may be at work at once; fewer than asked for if these would not see one moment."""
        ...

    @property
    def moment(self) -> Moment:
        """The state that its sessions see: where it lies in the source's history."""
        ...

    async def introspect(self) -> DatabaseSchema:
        """Describe everything in the database (or in the endpoint's schema)."""
        ...

    async def split(self, copy: TableCopy, rows_max: int) -> tuple[Chunk, ...]:
        """Cut a table into disjoint chunks of at most about `rows_max` rows that cover it.

        An empty table is one chunk. Rows with NULL in the key are never lost.
        """
        ...

    def read(self, copy: TableCopy, chunk: Chunk) -> AsyncIterator[Batch]:
        """Read a chunk in the copy's wire format, a bounded number of bytes at a time.

        Raises:
            SchemaDrift: a table or column is no longer as the copy says.
            SnapshotLost: the moment is gone; as for every other method here.
            DatabaseError: the database failed; `transient` tells whether to try again.
        """
        ...

    async def orphans(self, table: TableName, key: ForeignKey) -> Rows:
        """Count the rows whose reference finds no row."""
        ...

    async def profile(self, copy: TableCopy, limits: ColumnLimits, rejecting: ColumnLimits) -> Profile:
        """Count the values of a table beyond each limit, and the rows beyond any of the `rejecting`."""
        ...

    async def digest(self, table: TableName, columns: tuple[DigestColumn, ...], treatments: Treatments = ()) -> Digest:
        """Compute the digest of what treatments leave of a table; without columns only the rows are counted."""
        ...

    async def close(self) -> None:
        """End all sessions."""
        ...


class Target(RunLedger, Protocol):
    """Writing sessions on one database, with the ledger of finished chunks inside it."""

    @property
    def undo(self) -> UndoBook:
        """What the database keeps so that runs can be taken back."""
        ...

    async def introspect(self) -> DatabaseSchema:
        """Describe everything in the database, without the ledger."""
        ...

    async def row_counts(self, tables: tuple[TableName, ...]) -> dict[TableName, Rows]:
        """Count the rows of those of the tables that exist."""
        ...

    async def truncate(self, table: TableName) -> None:
        """Remove all rows of a table."""
        ...

    async def execute(self, step: Step, ticket: Ticket) -> None:
        """Run a schema step and note it as done; done twice it has the effect of once.

        Raises:
            Fenced: the ticket is void.
            DatabaseError: the statement failed; nothing was noted.
        """
        ...

    async def write(
        self,
        copy: TableCopy,
        chunk: Chunk,
        batches: AsyncIterator[Batch],
        ticket: Ticket,
        refusals: Refusals | None = None,
    ) -> ChunkReceipt:
        """Write a chunk, its rejected rows and its receipt in one transaction; one with a receipt is left alone.

        With `refusals`, Arrow batches are written piece by piece, and rows that the target refuses are
        given to them and left out; without, such a row is the end of the chunk.

        Raises:
            Fenced: the ticket is void.
            ValueRejected: a value has no exact place; nothing of the chunk was written.
            DatabaseError: the database failed; nothing of the chunk was written.
        """
        ...

    async def digest(self, table: TableName, columns: tuple[DigestColumn, ...]) -> Digest:
        """Compute a table's digest in the database; without columns only the rows are counted."""
        ...

    async def close(self) -> None:
        """End all sessions."""
        ...


class Connector(Protocol):
    """One kind of database: how to test it, read it, write it, and spell a schema in its SQL."""

    @property
    def capabilities(self) -> Capabilities:
        """What this engine can do."""
        ...

    async def probe(self, endpoint: Endpoint, *, writable: bool) -> Probe:
        """Connect and report the version and every right that is there or missing.

        Raises:
            ConnectFailed: no session could be opened; `code` says why.
        """
        ...

    async def open_source(self, endpoint: Endpoint, *, readers: int) -> Source:
        """Open a snapshot with up to `readers` concurrent reading sessions.

        Raises:
            ConnectFailed: no session could be opened.
        """
        ...

    async def open_target(self, endpoint: Endpoint, *, writers: int) -> Target:
        """Open up to `writers` concurrent writing sessions.

        Raises:
            ConnectFailed: no session could be opened.
        """
        ...

    def limits(self, column: ColumnCopy) -> tuple[Limit, ...]:
        """Name the limits of a target column that values of the source's meaning may be beyond; mostly none."""
        ...

    def plan_schema(self, wanted: DatabaseSchema, endpoint: Endpoint) -> SchemaPlan:
        """Say how to build a schema here.

        `wanted` holds the source's objects under their target names (table names without schema
        go to the endpoint's schema), with types, defaults and expressions in the source's terms
        (`wanted.engine`). Every object of it gets exactly one line in the parity report.
        """
        ...
