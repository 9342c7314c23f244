"""What a migration was asked to do, and the plan made of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from domain.mappings.values import TableMapping
from domain.migrations.misfits import NO_REJECTS, Misfit, MisfitRule, PredictedRejects, RejectLimit, Seen
from domain.migrations.rollback import RollbackGuarantee
from domain.migrations.schema_plan import SchemaPlan
from domain.migrations.transfer import TableCopy


class OnExisting(Enum):
    """What to do with a target table that is already there."""

    FAIL = "FAIL"
    """Refuse to start if one of them holds rows; use empty ones."""
    TRUNCATE = "TRUNCATE"
    """Remove their rows first."""
    APPEND = "APPEND"
    """Keep their rows and add to them."""


class VerifyLevel(Enum):
    """How target and source are compared after the copy."""

    NONE = "NONE"
    """Not at all; rows read and written are still accounted for."""
    COUNTS = "COUNTS"
    """By the number of rows of each table."""
    DIGEST = "DIGEST"
    """By a fingerprint of every value of every row, computed by each database."""


@dataclass(frozen=True)
class RunOptions:
    """How a migration is to be done.

    `include` and `exclude` are shell patterns (`film*`) over table names, with or without schema;
    without `include` everything is in. With `mappings` only the tables they name are copied.
    `parallel` is the number of lanes, `chunk_rows` the most rows committed at once; a target that stores
    rows in groups gets whole ones, which may be more (`Capabilities.rows_together`). `on_misfit` says
    what becomes of values that their target column cannot keep; the most specific rule counts.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    mappings: tuple[TableMapping, ...] = ()
    parallel: int = 2
    chunk_rows: int = 200_000
    verify: VerifyLevel = VerifyLevel.DIGEST
    on_existing: OnExisting = OnExisting.FAIL
    on_misfit: tuple[MisfitRule, ...] = ()
    reject_limit: RejectLimit = NO_REJECTS


@dataclass(frozen=True)
class MigrationPlan:
    """What will be copied and what will be built, decided before anything is touched.

    `plan_hash` names what makes two plans interchangeable for a resumed run: tables, columns, types
    and statements, not row estimates or next values.
    """

    tables: tuple[TableCopy, ...]
    schema: SchemaPlan
    on_existing: OnExisting
    plan_hash: str
    warnings: tuple[str, ...] = ()
    misfits: tuple[Misfit, ...] = ()
    """Values that their target columns cannot keep, as a look at the source has found them."""
    rejects: tuple[PredictedRejects, ...] = ()
    """Rows that will be left out, by table."""
    rollback: RollbackGuarantee | None = None
    """What a rollback will do; known once the target was looked at."""
    first_hash: str = ""
    """The hash of this plan before anybody looked at values; empty if that has changed nothing."""

    seen: tuple[Seen, ...] = ()
    """What the look at the source has found in order."""

    @property
    def schema_hash(self) -> str:
        """What must be equal for the source's schema to be as it was, whatever its values are now."""
        return self.first_hash or self.plan_hash
