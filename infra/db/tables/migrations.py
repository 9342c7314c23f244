"""Tables of the migrations slice. `migration` is a projection; the rest are stores beside the events.

Who locks several rows in one transaction takes them in this order: assignment, stream, chunk, table.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, false, text, true
from sqlmodel import Field, SQLModel

from infra.db.tables.columns import document, instant


def _big(*, primary_key: bool = False) -> Any:  # noqa: ANN401  # SQLModel's Field is untyped
    return Field(sa_type=BigInteger, primary_key=primary_key)


class MigrationRow(SQLModel, table=True):
    """A migration."""

    __tablename__ = "migration"

    id: UUID = Field(primary_key=True)
    project_id: UUID = Field(index=True)
    source_connection_id: UUID = Field(index=True)
    target_connection_id: UUID = Field(index=True)
    mapping_id: UUID | None = None
    include: list[str] = document()
    exclude: list[str] = document()
    parallel_tasks: int
    batch_size: int
    verify: str
    on_existing: str
    on_misfit: list[str] = document()
    reject_limit: str = ""
    status: str = Field(index=True)
    started_by: UUID
    started_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)
    statistics: dict[str, Any] | None = document(nullable=True)
    error: dict[str, Any] | None = document(nullable=True)
    pause_reason: dict[str, Any] | None = document(nullable=True)
    rollback: dict[str, Any] | None = document(nullable=True)


class MigrationPlanRow(SQLModel, table=True):
    """What was planned, and under which ticket it is carried out; `prepared` by `domain.kernel.codec`.

    A plan that is not checked is compared with the source before it is carried out any further; one that
    is void is taken back and made anew.
    """

    __tablename__ = "migration_plan"

    migration_id: UUID = Field(primary_key=True)
    epoch: int
    prepared: dict[str, Any] = document()
    is_checked: bool = Field(default=True, sa_column_kwargs={"server_default": true()})
    is_void: bool = Field(default=False, sa_column_kwargs={"server_default": false()})


class MigrationTableRow(SQLModel, table=True):
    """How far one table has come; what is on its way stands with the assignments."""

    __tablename__ = "migration_table"

    migration_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    name: str
    phase: str
    row_estimate: int = _big()
    size_bytes: int = _big()
    chunks_left: int
    rows_read: int = _big()
    rows_written: int = _big()
    rows_rejected: int = _big()
    bytes_done: int = _big()
    rows_seen: int = Field(default=0, sa_type=BigInteger)
    rows_per_second: float = 0.0


class MigrationChunkRow(SQLModel, table=True):
    """A chunk. A claim made under an older epoch than the plan's is void.

    `place` orders the chunks: largest tables first. `reading` names the session that read it.
    """

    __tablename__ = "migration_chunk"
    __table_args__ = (
        Index(
            "migration_chunk_open", "migration_id", "place", postgresql_where=text("state IN ('PENDING', 'CLAIMED')")
        ),
    )

    migration_id: UUID = Field(primary_key=True)
    table_number: int = Field(primary_key=True)
    number: int = _big(primary_key=True)
    place: int
    scope: dict[str, Any] = document()
    row_estimate: int = _big()
    state: str
    lane: str = ""
    epoch: int = 0
    attempts: int = 0
    error: str = ""
    reading: str = ""


class MigrationMomentRow(SQLModel, table=True):
    """The state of the source that a reading session saw, by `domain.kernel.codec`."""

    __tablename__ = "migration_moment"

    migration_id: UUID = Field(primary_key=True)
    reading: str = Field(primary_key=True)
    moment: dict[str, Any] = document()
    noted_at: datetime = instant()


class MigrationAssignmentRow(SQLModel, table=True):
    """A part of a migration's work: given out, taken by a worker under a lease, or done."""

    __tablename__ = "migration_assignment"

    migration_id: UUID = Field(primary_key=True)
    task: str = Field(primary_key=True)
    epoch: int
    sequence: int
    state: str
    given_at: datetime = instant()
    holder: str = Field(default="", index=True)
    lease_until: datetime | None = instant(nullable=True)
    table_number: int | None = None
    rows_under_way: int = Field(default=0, sa_type=BigInteger)
    bytes_under_way: int = Field(default=0, sa_type=BigInteger)


class MigrationStreamRow(SQLModel, table=True):
    """The end of a migration's stream. Its lock is what makes the numbers of frames and log entries contiguous.

    `failure` is why the migration will fail as soon as all workers have left it. `losses` counts how
    often in a row workers were lost with nothing new done; `mark` is what was done at the last loss, and
    `not_before` when the work may be given out again.
    """

    __tablename__ = "migration_stream"

    migration_id: UUID = Field(primary_key=True)
    sequence: int = Field(default=0, sa_type=BigInteger)
    log_sequence: int = Field(default=0, sa_type=BigInteger)
    closed: bool = False
    moved: bool = False
    failure: dict[str, Any] | None = document(nullable=True)
    phase: str
    told_at: datetime = instant()
    rows_seen: int = Field(default=0, sa_type=BigInteger)
    bytes_seen: int = Field(default=0, sa_type=BigInteger)
    rows_per_second: float = 0.0
    bytes_per_second: float = 0.0
    losses: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    mark: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    not_before: datetime | None = instant(nullable=True)


class MigrationFrameRow(SQLModel, table=True):
    """An event as subscribers get it."""

    __tablename__ = "migration_event"

    migration_id: UUID = Field(primary_key=True)
    sequence: int = _big(primary_key=True)
    kind: str
    frame: dict[str, Any] = document()


class MigrationLogRow(SQLModel, table=True):
    """An entry of a migration's log."""

    __tablename__ = "migration_log"

    migration_id: UUID = Field(primary_key=True)
    sequence: int = _big(primary_key=True)
    id: UUID = Field(unique=True)
    level: str
    message: str
    context: list[dict[str, str]] = document()
    repeated: int = 0
    logged_at: datetime = instant()


class MigrationReportRow(SQLModel, table=True):
    """What became of a migration, by `domain.kernel.codec`."""

    __tablename__ = "migration_report"

    migration_id: UUID = Field(primary_key=True)
    report: dict[str, Any] = document()


class MigrationRollbackRow(SQLModel, table=True):
    """How far a rollback has come. `acts` counts all acts of all attempts.

    `state`, by `domain.kernel.codec`, may be a second behind, except at the beginning and at the end.
    """

    __tablename__ = "migration_rollback"

    migration_id: UUID = Field(primary_key=True)
    acts: int = _big()
    acts_done: int
    acts_total: int
    state: dict[str, Any] = document()


class MigrationRejectRow(SQLModel, table=True):
    """A row that a migration has left out. `row_values` is JSON in ASCII: JSONB would not hold every character."""

    __tablename__ = "migration_reject"

    migration_id: UUID = Field(primary_key=True)
    table_number: int = Field(primary_key=True)
    chunk_number: int = _big(primary_key=True)
    number: int = Field(primary_key=True)
    table_name: str
    column_name: str
    reason: str
    row_values: str
