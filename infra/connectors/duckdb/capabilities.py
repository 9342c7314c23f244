"""DuckDB's peculiarities, as data."""

from __future__ import annotations

from domain.connections.values import Engine
from domain.migrations.limits import Utf8
from domain.migrations.schema_plan import ObjectKind, Trait
from domain.migrations.transfer import Capabilities, WireFormat
from infra.connectors.row_sums import NATIVE_HASHES

VECTOR_ROWS = 2048
"""DuckDB reads at least so many rows at once, however small a batch is asked for."""

VECTOR_BYTES_MAX = 64 * 1024 * 1024
"""So many rows of a table's largest value may take; where they would take more, fewer rows are asked for."""

HELD_BYTES_MAX = 32 * 1024 * 1024
"""So many bytes of large rows are committed together, and so held together by each who reads them later: the lanes
and the comparison."""

CAPABILITIES = Capabilities(
    engine=Engine.DUCKDB,
    emits=frozenset({WireFormat.ARROW}),
    accepts=frozenset({WireFormat.ARROW}),
    identifier_max=1000,
    transactional_ddl=True,
    enforces_foreign_keys=True,
    inline_foreign_keys=True,
    always_within=frozenset({Utf8}),
    writers_max=1,
    rows_together=122_880,
    groups_at_once=2,
    rows_held=VECTOR_ROWS,
    held_bytes_max=HELD_BYTES_MAX,
    default_schema="main",
    traits=frozenset({Trait.STEPS}),
    row_hashes=NATIVE_HASHES,
    ignores_case_of=frozenset({ObjectKind.TABLE, ObjectKind.COLUMN}),
)
"""DuckDB sets no bound on identifiers; ours keeps statements readable. There is no ALTER TABLE ... ADD FOREIGN KEY."""

LEDGER_SCHEMA = "_wherry"
"""Our tables live in a schema of their own, which is no part of what is copied."""

DEFAULT_SCHEMA = CAPABILITIES.default_schema

MEMORY = "memory_limit"

MEMORY_MAX = "160MB"
"""What DuckDB may hold while rows are stored or digested; it would keep all that it has touched, up to most of
the machine's memory. What it cannot do without, as whole keys of a table or 2,048 very long rows, may be more."""

SETTINGS: dict[str, str | list[str]] = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "arrow_large_buffer_size": "true",
    "allowed_configs": [MEMORY],
    "max_vacuum_tasks": "0",
}
"""No other file, no network, no extension, no look into our own variables, and Arrow columns without a 2 GiB bound.
Once settings are locked, only the memory's limit may still be changed. A checkpoint leaves groups of rows as they
were committed: to join those of very large rows it would hold up to 2,048 of them."""
