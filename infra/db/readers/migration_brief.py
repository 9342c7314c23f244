"""What a worker has to know of a migration."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.migrations.plan import OnExisting, RunOptions, VerifyLevel
from domain.migrations.rollback import RollbackOptions
from domain.migrations.values import MigrationConfig, MigrationStatus
from infra.db.database import Database, build

_BRIEF = """
SELECT project_id, source_connection_id, target_connection_id, mapping_id, include, exclude, parallel_tasks,
       batch_size, verify, on_existing, on_misfit, reject_limit, status, started_at, rollback
FROM migration WHERE id = :migration_id
"""


@dataclass(frozen=True)
class Brief:
    """A migration's route and options, and where it stands."""

    project_id: UUID
    source_connection_id: UUID
    target_connection_id: UUID
    mapping_id: UUID | None
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    parallel_tasks: int
    batch_size: int
    verify: VerifyLevel
    on_existing: OnExisting
    on_misfit: tuple[str, ...]
    reject_limit: str
    status: MigrationStatus
    started_at: datetime
    rollback: RollbackOptions | None
    """How it is to be rolled back, once that was asked for."""

    @property
    def options(self) -> RunOptions:
        """The engine's options, apart from the mapping."""
        config = MigrationConfig(
            source_connection_id=self.source_connection_id,
            target_connection_id=self.target_connection_id,
            include=self.include,
            exclude=self.exclude,
            parallel_tasks=self.parallel_tasks,
            batch_size=self.batch_size,
            verify=self.verify,
            on_existing=self.on_existing,
            on_misfit=self.on_misfit,
            reject_limit=self.reject_limit,
        )
        return config.run_options()


async def read_brief(database: Database, migration_id: UUID) -> Brief:
    """Return what a worker has to know of a migration that exists."""
    rows = await database.rows(_BRIEF, migration_id=migration_id)
    return build(Brief, rows[0])
