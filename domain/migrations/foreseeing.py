"""What a rollback of a migration would do, asked before the migration is started."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol
from uuid import UUID

from domain.auth.ports import Throttle
from domain.connections.ports import ConnectionReader
from domain.kernel.access import Right, Subject, needs
from domain.kernel.errors import NotFound
from domain.kernel.messages import Query
from domain.kernel.scope import Scope
from domain.migrations.plan import RunOptions
from domain.migrations.ports import MappingBook
from domain.migrations.rollback import RollbackGuarantee
from domain.migrations.values import MigrationConfig


class Forecaster(Protocol):
    """Looks at both databases of a migration that has not been started."""

    async def foresee(self, source_id: UUID, target_id: UUID, options: RunOptions) -> RollbackGuarantee:
        """Say what a rollback would do to each table. Nothing is changed.

        Raises:
            TargetNotEmpty: target tables hold rows, and nobody has said what becomes of them.
            DatabaseError: one of the databases failed, or took too long.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class ForeseeRollback(Query[RollbackGuarantee]):
    """Ask what a rollback of a migration would do, as the databases are now."""

    guard = needs(Right.OPERATE, Subject.PROJECT, "project_id")

    project_id: UUID
    config: MigrationConfig


@dataclass(frozen=True)
class ForeseeRollbackHandler:
    """Looks while the client waits."""

    connections: ConnectionReader
    mappings: MappingBook
    forecaster: Forecaster
    throttle: Throttle

    async def __call__(self, query: ForeseeRollback, scope: Scope) -> RollbackGuarantee:
        """Return what would be promised.

        Raises:
            NotFound: the project has no such connection or mapping.
            DatabaseError: the migration would not be begun like this, or a database failed.
        """
        await self.throttle.admit("foresee-rollback", scope.client, str(scope.user_id))
        config, options = query.config, query.config.run_options()
        ids = (config.source_connection_id, config.target_connection_id)
        found = await self.connections.connections(scope.user_id, ids)
        for id_ in ids:
            if id_ not in found or found[id_].project_id != query.project_id:
                raise NotFound(f"The project has no connection {id_}.")
        if config.mapping_id is not None:
            options = replace(options, mappings=await self.mappings.tables(config.mapping_id, query.project_id))
        return await self.forecaster.foresee(*ids, options)
