"""Everything that a database holds, to be compared with what it held before."""

from __future__ import annotations

from dataclasses import replace

from domain.catalog.model import DatabaseSchema, Identity, Table, TableName
from domain.connections.values import Endpoint
from domain.kernel.values import Bytes, Rows
from domain.migrations.digests import Digest, DigestColumn
from domain.migrations.transfer import Target
from infra.connectors.registry import connector_for
from workers.engine.ends import open_target

Picture = tuple[DatabaseSchema, dict[TableName, Digest]]
"""The catalogue, and the digest of every table."""


async def picture(endpoint: Endpoint) -> Picture:
    """Describe everything in a database, without what nobody promises: sizes and next numbers."""
    async with open_target(connector_for(endpoint.engine), endpoint) as target:
        return await picture_of(target)


async def picture_of(target: Target) -> Picture:
    """Describe everything in an open database."""
    found = await target.introspect()
    digests = {table.name: await target.digest(table.name, _digest_columns(table)) for table in found.tables}
    return replace(found, tables=tuple(map(_still, found.tables))), digests


def _digest_columns(table: Table) -> tuple[DigestColumn, ...]:
    return tuple(DigestColumn(column.name, column.native, column.type) for column in table.columns)


def _still(table: Table) -> Table:
    columns = tuple(replace(column, identity=column.identity and Identity(1)) for column in table.columns)
    return replace(table, columns=columns, row_estimate=Rows(0), size_bytes=Bytes(0))
