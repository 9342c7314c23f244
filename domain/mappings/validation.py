"""Everything that can be said about a mapping before it is used."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain.catalog.model import DatabaseSchema
from domain.catalog.ports import CatalogReader, Snapshots
from domain.connections.ports import ConnectionReader
from domain.kernel.errors import WherryError
from domain.kernel.values import Secret
from domain.mappings.aggregate import Route
from domain.mappings.fitting import fitted
from domain.mappings.pairing import Pair, error, paired, warning
from domain.mappings.ports import PlanNote, SchemaPlanner
from domain.mappings.values import IssueCode, MappingIssue, TableMapping


@dataclass(frozen=True)
class MappingCheck:
    """Checks mappings against the stored analyses and the target's abilities; nothing is dialled."""

    connections: ConnectionReader
    catalog: CatalogReader
    snapshots: Snapshots
    planner: SchemaPlanner

    async def issues(self, route: Route, mappings: tuple[TableMapping, ...], viewer: UUID) -> tuple[MappingIssue, ...]:
        """Return what is wrong with a mapping, by table in its order."""
        source = await self.snapshots.load(route.source_schema_id)
        found = paired(mappings, source)
        unfit: tuple[MappingIssue, ...] = ()
        new = found.pairs
        if route.target_schema_id is not None:
            unfit, new = fitted(found.pairs, await self.snapshots.load(route.target_schema_id))
        planned = await self._planned(route, new, source, viewer)
        return (*await self._outdated(route, viewer), *found.issues, *unfit, *planned)

    async def _outdated(self, route: Route, viewer: UUID) -> tuple[MappingIssue, ...]:
        """Say which of the databases has changed its structure since the mapping was made."""
        ends = {route.source_connection_id: route.source_schema_id}
        if route.target_connection_id and route.target_schema_id:
            ends[route.target_connection_id] = route.target_schema_id
        used = await self.catalog.analyses(viewer, tuple(ends.values()))
        latest = await self.catalog.latest(viewer, tuple(ends))
        message = "This database was analysed again since, and its structure has changed: make a new mapping from that."
        return tuple(
            warning(IssueCode.ANALYSIS_OUTDATED, (str(connection_id),), message)
            for connection_id, schema_id in ends.items()
            if connection_id in latest and schema_id in used and latest[connection_id].hash != used[schema_id].hash
        )

    async def _planned(
        self, route: Route, new: tuple[Pair, ...], source: DatabaseSchema, viewer: UUID
    ) -> tuple[MappingIssue, ...]:
        """Say what the target cannot take as it is, among the tables that are still to be made there."""
        if route.target_connection_id is None or not new:
            return ()
        target_id = route.target_connection_id
        target = (await self.connections.connections(viewer, (target_id,))).get(target_id)
        if target is None:
            return ()
        unique = {pair.target: pair.wanted() for pair in new}
        wanted = DatabaseSchema(source.engine, source.server_version, tables=tuple(unique.values()))
        try:
            notes = await self.planner.notes(target.config.endpoint(target.type, Secret("")), wanted)
        except WherryError as refusal:
            return (error(IssueCode.NOT_POSSIBLE, refusal.path, refusal.message),)
        return tuple(_issue(note) for note in notes)


def _issue(note: PlanNote) -> MappingIssue:
    path = (note.table, note.column) if note.column else (note.table,)
    if note.possible:
        return warning(IssueCode.TYPE_REPLACED, path, f"{note.reason[:1].upper()}{note.reason[1:]}.")
    return error(IssueCode.NOT_POSSIBLE, path, f"{note.reason[:1].upper()}{note.reason[1:]}.")
