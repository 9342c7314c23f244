"""PostgreSQL's peculiarities, as data."""

from __future__ import annotations

from domain.connections.values import Engine
from domain.migrations.digests import RowHash
from domain.migrations.limits import NoNul, NoNulEscape, OneOf, RealDay, Utf8
from domain.migrations.schema_plan import Trait
from domain.migrations.transfer import Capabilities, WireFormat
from infra.connectors.native import has_native
from infra.connectors.postgresql.passing import can_sum

VERSION_MIN = 120_000
"""Oldest server we work with, as `server_version_num` (12.0: generated columns)."""

IDENTIFIER_MAX = 63
"""Longest name, in bytes (NAMEDATALEN - 1)."""

DEFAULT_SCHEMA = "public"

LEDGER_SCHEMA = "_wherry"
"""Where the ledger of finished chunks lives; never part of a described database."""

BTREE_LIKE_METHODS = frozenset({"", "btree", "hash", "art", "rbtree"})
"""Index methods of other engines, in lower case, that a B-tree replaces without a difference in meaning."""

_SCALARS = (
    *("inet", "cidr", "macaddr", "macaddr8", "point", "line", "lseg", "box", "path", "polygon", "circle"),
    *("int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange", "tsvector", "tsquery", "pg_lsn"),
)
_ELEMENTS = (
    *("smallint", "integer", "bigint", "numeric", "real", "double precision", "boolean", "text", "character varying"),
    *("bytea", "date", "timestamp without time zone", "timestamp with time zone", "time without time zone"),
    *("interval", "uuid", "json", "jsonb", "inet", "cidr"),
)
"""Built-in types have the same number in every server, so arrays of them are the same bytes. An array
of an enum, a composite or an object name (`regclass`) holds numbers that only its own database knows."""

CAPABILITIES = Capabilities(
    engine=Engine.POSTGRESQL,
    emits=frozenset({WireFormat.ARROW, WireFormat.PG_BINARY}),
    accepts=frozenset({WireFormat.ARROW, WireFormat.PG_BINARY}),
    identifier_max=IDENTIFIER_MAX,
    transactional_ddl=True,
    enforces_foreign_keys=True,
    inline_foreign_keys=False,
    always_within=frozenset({NoNul}),
    differ_by_database=frozenset({Utf8}),
    reads_unseen=True,
    refuses_beyond=frozenset({NoNul, NoNulEscape, OneOf, RealDay}),
    writers_max=64,
    columns_max=1_600,
    default_schema=DEFAULT_SCHEMA,
    keeps_schemas=True,
    traits=frozenset(Trait),
    row_hashes=frozenset({RowHash.POSTGRESQL, RowHash.LOOKUP3}),
    sums_rows=has_native(),
    sums_passing=can_sum,
    binary_types=frozenset({*_SCALARS, *(f"{element}[]" for element in _ELEMENTS)}),
)
