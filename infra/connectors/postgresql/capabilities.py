"""PostgreSQL's peculiarities, as data."""

from __future__ import annotations

from domain.connections.values import Engine
from domain.migrations.transfer import Capabilities, WireFormat

VERSION_MIN = 120_000
"""Oldest server we work with, as `server_version_num` (12.0: generated columns)."""

IDENTIFIER_MAX = 63
"""Longest name, in bytes (NAMEDATALEN - 1)."""

DEFAULT_SCHEMA = "public"

LEDGER_SCHEMA = "_wherry"
"""Where the ledger of finished chunks lives; never part of a described database."""

PARTITIONED = "p"
"""`pg_class.relkind` of a table whose rows live in partitions."""

BTREE_LIKE_METHODS = frozenset({"", "btree", "hash", "art", "rbtree"})
"""Index methods of other engines, in lower case, that a B-tree replaces without a difference in meaning."""

CAPABILITIES = Capabilities(
    engine=Engine.POSTGRESQL,
    emits=frozenset({WireFormat.ARROW, WireFormat.PG_BINARY}),
    accepts=frozenset({WireFormat.ARROW, WireFormat.PG_BINARY}),
    identifier_max=IDENTIFIER_MAX,
    transactional_ddl=True,
    enforces_foreign_keys=True,
    inline_foreign_keys=False,
    writers_max=64,
)
