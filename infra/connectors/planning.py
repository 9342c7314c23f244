"""Asking a target's connector how it would build tables, for those who check mappings."""

from __future__ import annotations

from domain.catalog.model import DatabaseSchema
from domain.connections.values import Endpoint
from domain.kernel.threads import in_thread
from domain.mappings.ports import PlanNote
from domain.migrations.schema_plan import ObjectKind, Outcome, Parity
from infra.connectors.registry import connector_for


class ConnectorPlanner:
    """Plans tables for every kind of database there is a connector for, off the event loop."""

    async def notes(self, target: Endpoint, wanted: DatabaseSchema) -> tuple[PlanNote, ...]:
        """Plan the wanted tables and say what the target does not take as it is."""
        plan = await in_thread(connector_for(target.engine).plan_schema, wanted, target)
        return tuple(note for parity in plan.parity if (note := _note(parity)))


def _note(parity: Parity) -> PlanNote | None:
    made = parity.object
    if parity.outcome is Outcome.CREATED or made.kind not in (ObjectKind.TABLE, ObjectKind.COLUMN):
        return None
    is_column = made.kind is ObjectKind.COLUMN
    return PlanNote(
        table=made.table if is_column else made.name,
        column=made.name if is_column else "",
        possible=parity.outcome is Outcome.REPLACED,
        reason=parity.reason,
    )
