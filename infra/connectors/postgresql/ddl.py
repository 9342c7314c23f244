"""How a wanted schema is built in PostgreSQL: bare tables first, keys and indexes after the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.migrations.schema_plan import ObjectKind, Phase, SchemaObject
from infra.connectors.postgresql import ddl_keys, ddl_objects, ddl_tables
from infra.connectors.postgresql.ddl_types import choose_types
from infra.connectors.postgresql.draft import Draft
from infra.connectors.postgresql.names import identifier, literal

if TYPE_CHECKING:
    from domain.catalog.model import DatabaseSchema
    from domain.connections.values import Endpoint
    from domain.migrations.schema_plan import SchemaPlan


def plan_schema(wanted: DatabaseSchema, endpoint: Endpoint) -> SchemaPlan:
    """Say how to build a schema: statements in order, and a line of the report for every object."""
    draft = Draft(wanted, endpoint)
    _schemas(draft)
    names = ddl_tables.take_names(draft)
    ddl_objects.before_tables(draft)
    types = choose_types(draft, names)
    tables = tuple(ddl_tables.add_table(draft, table, types, names) for table in wanted.tables)
    ddl_objects.after_tables(draft)
    pairs = tuple(zip(wanted.tables, tables, strict=True))
    for table, made in pairs:
        ddl_keys.add_keys(draft, table, made)
    for table, made in pairs:
        ddl_keys.add_foreign_keys(draft, table, made, tables)
    for table, made in pairs:
        ddl_objects.add_next_values(draft, table, made)
        ddl_objects.add_comments(draft, table, made)
        ddl_objects.add_update_triggers(draft, table, made)
    ddl_objects.finish(draft)
    return draft.plan(tables)


def _schemas(draft: Draft) -> None:
    """Make the schemas that are missing; where one exists, the right to make it is not needed."""
    found = {draft.schema, *(table.name.schema for table in draft.wanted.tables)}
    if draft.is_own:
        found |= {other.name for other in draft.wanted.others if other.kind == "schema"}
        found |= {ddl_objects.schema_of_statement(other.definition) for other in draft.wanted.others}
    for schema in sorted(found - {""}):
        name = identifier(schema)
        sql = f"DO $do$ BEGIN IF to_regnamespace({literal(name)}) IS NULL THEN CREATE SCHEMA {name}; END IF; END $do$"
        item = SchemaObject(ObjectKind.SCHEMA, schema)
        draft.step(Phase.BEFORE_DATA, item, sql)
        draft.created(item)
