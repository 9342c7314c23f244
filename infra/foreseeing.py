"""Looking at both databases of a migration that has not been started."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

from domain.connections.ports import Credentials
from domain.kernel.errors import DatabaseError
from domain.migrations.plan import RunOptions
from domain.migrations.rollback import RollbackGuarantee
from infra.connectors.registry import connector_for
from workers.engine.ends import Route
from workers.engine.forecast import forecast

FORECAST_TIMEOUT_S = 60.0
"""How long the look may take: it is taken while the client waits."""


class LiveForecaster:
    """Opens both ends with the passwords that are kept."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def foresee(self, source_id: UUID, target_id: UUID, options: RunOptions) -> RollbackGuarantee:
        """Say what a rollback would do to each table.

        Raises:
            WherryError: a connection cannot be opened, or the migration would not be begun like this.
            DatabaseError: one of the databases failed, or took too long.
        """
        source, target = await self._credentials.open(source_id), await self._credentials.open(target_id)
        route = Route(connector_for(source.engine), source, connector_for(target.engine), target)
        makes_file = target.engine.is_file and not target.engine.is_folder  # by being opened for writing
        is_there = not makes_file or await asyncio.to_thread(Path(target.path).exists)
        try:
            async with asyncio.timeout(FORECAST_TIMEOUT_S):
                return await forecast(route, options, is_target_there=is_there)
        except TimeoutError:
            raise DatabaseError(
                f"Looking at both databases took longer than {FORECAST_TIMEOUT_S:.0f} seconds. The promise is in "
                "rollbackGuarantee of the migration once that is planned, before any row moves."
            ) from None
