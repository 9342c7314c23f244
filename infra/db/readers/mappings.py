"""What mappings say."""

from __future__ import annotations

from uuid import UUID

from domain.kernel.errors import NotFound
from domain.mappings.values import TableMapping


class NoMappings:
    """The mappings of an instance that keeps none: whatever id is asked for, there is no such mapping."""

    async def tables(self, mapping_id: UUID, project_id: UUID) -> tuple[TableMapping, ...]:
        """Refuse.

        Raises:
            NotFound: always.
        """
        message = f"Project {project_id} has no mapping {mapping_id}."
        raise NotFound(message, path=("config", "mappingId"))
