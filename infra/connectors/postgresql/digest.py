"""The fingerprint of a table, computed by the server in one pass (`domain.migrations.transfer.Digest`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.catalog.types import Carrier, carrier
from domain.kernel.values import Rows
from domain.migrations.canonical import PLAIN_NULL, SIZED_NULL, Frame, frame, inline_max, may_exceed
from domain.migrations.digests import Digest, DigestColumn, RowHash
from infra.connectors.postgresql import canonical
from infra.connectors.postgresql.chain import can_chain, chained
from infra.connectors.postgresql.misfit import STRIP, beyond
from infra.connectors.postgresql.names import identifier, literal
from infra.connectors.postgresql.session import writes_utf8
from infra.connectors.profiling import kept_sql, treated_sql

if TYPE_CHECKING:
    import asyncpg

    from domain.migrations.misfits import Treatment
    from infra.connectors.postgresql.relation import Relation


_NOTHING = "0"
_MD5_NUMBER = "('x' || left(md5({}), 15))::bit(60)::bigint"


async def digest(
    connection: asyncpg.Connection,
    relation: Relation,
    columns: tuple[DigestColumn, ...],
    treatments: tuple[Treatment, ...] = (),
) -> Digest:
    """Compute the digest of what treatments leave of a table. A `fetchrow` would keep the server from parallel work."""
    utf8 = writes_utf8(connection)
    number = _MD5_NUMBER.format(_bytes(_line(columns, treatments, utf8=utf8), utf8=utf8)) if columns else _NOTHING
    [row] = await connection.fetch(_query(relation, number, treatments))
    return Digest(Rows(row["rows"]), int(row["total"]))


async def quick_digest(
    connection: asyncpg.Connection, relation: Relation, hash_: RowHash, columns: tuple[DigestColumn, ...]
) -> Digest:
    """Compute a digest by the server's own hashes of 64 bits, which cost a tenth of an MD5.

    Between two PostgreSQL databases texts need not be canonical either: both print values alike. Servers of
    two versions, encodings or byte orders may have different hashes of one value; the one of UTF-8 has no use
    for texts in another encoding.
    """
    utf8, as_printed = writes_utf8(connection), hash_ is RowHash.POSTGRESQL
    if not columns or not can_chain(columns) or not (utf8 or as_printed):
        return await digest(connection, relation, columns)
    [row] = await connection.fetch(_query(relation, chained(columns, utf8=utf8, as_printed=as_printed), ()))
    return Digest(Rows(row["rows"]), int(row["total"]), hash_)


def _query(relation: Relation, number: str, treatments: tuple[Treatment, ...]) -> str:
    """Return the statement that adds up a number for each row; the server may divide the work among its processes."""
    rows = relation.rows + kept_sql(treatments, beyond)
    total = _NOTHING if number is _NOTHING else f"coalesce(sum({number}), 0)"
    return f"SELECT count(*) AS rows, {total} AS total FROM {rows}"


def _line(columns: tuple[DigestColumn, ...], treatments: tuple[Treatment, ...], *, utf8: bool) -> str:
    """Return the expression of a row's text."""
    return " || ".join(_framed(column, treatments, utf8=utf8) for column in columns)


def _framed(column: DigestColumn, treatments: tuple[Treatment, ...], *, utf8: bool) -> str:
    """Return the expression for a column's part of the row's text (`domain.migrations.canonical.Frame`)."""

    def left(text: str) -> str:
        return treated_sql(text, column.name, treatments, beyond, literal, STRIP)

    name, how = identifier(column.name), frame(column.type)
    is_bytes = carrier(column.type) is Carrier.BYTES
    text = left(name if is_bytes else canonical.text(name, column.native, column.type))
    if how is Frame.PLAIN:
        return f"coalesce({text} || ',', '{PLAIN_NULL},')"
    content = text if is_bytes else _bytes(text, utf8=utf8)
    if how is Frame.HASHED:
        return f"coalesce(md5({content}) || ',', '{PLAIN_NULL},')"
    spelled, length = f"encode({text}, 'hex')" if is_bytes else text, f"octet_length({content})"
    if may_exceed(column.type):
        spelled = f"CASE WHEN {length} > {inline_max(column.type)} THEN md5({content}) ELSE {spelled} END"
    return f"coalesce({length}::text || ':' || {spelled}, '{SIZED_NULL}')"


def _bytes(text: str, *, utf8: bool) -> str:
    """Return the expression whose bytes are the text's in UTF-8, whatever the database keeps its text in."""
    return f"({text})" if utf8 else f"convert_to({text}, 'UTF8')"
