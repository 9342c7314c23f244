"""The fingerprint of a table, computed by the server in one pass (`domain.migrations.transfer.Digest`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.catalog.types import Boolean, Carrier, Float, Json, Opaque, Text, Uuid, carrier
from domain.kernel.values import Rows
from domain.migrations.transfer import Digest, DigestColumn
from infra.connectors.postgresql import canonical
from infra.connectors.postgresql.misfit import STRIP, beyond
from infra.connectors.postgresql.names import identifier, literal
from infra.connectors.postgresql.session import writes_utf8
from infra.connectors.profiling import kept_sql, treated_sql

if TYPE_CHECKING:
    import asyncpg

    from domain.catalog.types import LogicalType
    from domain.migrations.misfits import Treatment
    from infra.connectors.postgresql.relation import Relation

_MD5_LENGTH = 32


async def digest(
    connection: asyncpg.Connection,
    relation: Relation,
    columns: tuple[DigestColumn, ...],
    treatments: tuple[Treatment, ...] = (),
) -> Digest:
    """Compute the digest of what treatments leave of a table. A `fetchrow` would keep the server from parallel work."""
    [row] = await connection.fetch(_query(relation, columns, treatments, utf8=writes_utf8(connection)))
    return Digest(Rows(row["rows"]), int(row["total"]))


def _query(
    relation: Relation, columns: tuple[DigestColumn, ...], treatments: tuple[Treatment, ...], *, utf8: bool
) -> str:
    """Return the statement; the server may divide the work among its processes."""
    line = " || ".join(_framed(column, treatments, utf8=utf8) for column in columns)
    rows = relation.rows + kept_sql(treatments, beyond)
    if not line:
        return f"SELECT count(*) AS rows, 0 AS total FROM {rows}"
    number = f"('x' || left(md5({_bytes(line, utf8=utf8)}), 15))::bit(60)::bigint"
    return f"SELECT count(*) AS rows, coalesce(sum({number}), 0) AS total FROM {rows}"


def _framed(column: DigestColumn, treatments: tuple[Treatment, ...], *, utf8: bool) -> str:
    """Return the expression for `<n>:<text>`, or `-` for NULL."""

    def left(text: str) -> str:
        return treated_sql(text, column.name, treatments, beyond, literal, STRIP)

    name = identifier(column.name)
    if carrier(column.type) is Carrier.BYTES:
        return f"coalesce('{_MD5_LENGTH}:' || md5({left(name)}), '-')"
    text = left(canonical.text(name, column.native, column.type))
    if _is_unbounded(column.type):
        return f"coalesce('{_MD5_LENGTH}:' || md5({_bytes(text, utf8=utf8)}), '-')"
    length = _fixed_length(column.type)
    if length:
        return f"coalesce('{length}:' || {text}, '-')"
    return f"coalesce(octet_length({_bytes(text, utf8=utf8)}) || ':' || {text}, '-')"


def _is_unbounded(type_: LogicalType) -> bool:
    return isinstance(type_, Json | Opaque) or (isinstance(type_, Text) and type_.length is None)


def _fixed_length(type_: LogicalType) -> int:
    """Return the length of canonical texts that all have the same, or 0; it saves making the text twice."""
    match type_:
        case Uuid():
            return 36
        case Float():
            return 16
        case Boolean():
            return 1
        case _:
            return 0


def _bytes(text: str, *, utf8: bool) -> str:
    """Return the expression whose bytes are the text's in UTF-8, whatever the database keeps its text in."""
    return f"({text})" if utf8 else f"convert_to({text}, 'UTF8')"
