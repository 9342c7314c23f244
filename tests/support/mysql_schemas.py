"""Describing and building MySQL databases in tests."""

from __future__ import annotations

from domain.catalog.model import (
    DatabaseSchema,
)
from domain.connections.values import Endpoint
from domain.migrations.schema_plan import SchemaPlan
from infra.connectors.mysql.connector import CONNECTOR


async def introspected(endpoint: Endpoint) -> DatabaseSchema:
    source = await CONNECTOR.open_source(endpoint, readers=1)
    try:
        return await source.introspect()
    finally:
        await source.close()


async def built(schema: DatabaseSchema, endpoint: Endpoint) -> SchemaPlan:
    plan = CONNECTOR.plan_schema(schema, endpoint)
    target = await CONNECTOR.open_target(endpoint, writers=1)
    ticket = await target.open_run("run", "plan")
    for step in plan.steps:
        await target.execute(step, ticket)
    await target.close_run("run")
    await target.close()
    return plan
