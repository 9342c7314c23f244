"""SQLite's peculiarities, as data."""

from __future__ import annotations

from domain.connections.values import Engine
from domain.migrations.limits import RealDay, WithinDay
from domain.migrations.schema_plan import ObjectKind, Trait
from domain.migrations.transfer import Capabilities, WireFormat
from infra.connectors.row_sums import NATIVE_HASHES

CAPABILITIES = Capabilities(
    engine=Engine.SQLITE,
    emits=frozenset({WireFormat.ARROW}),
    accepts=frozenset({WireFormat.ARROW}),
    identifier_max=1000,
    transactional_ddl=True,
    enforces_foreign_keys=False,
    inline_foreign_keys=True,
    always_within=frozenset({RealDay, WithinDay}),
    reads_bytes_of_texts=True,
    writers_max=1,
    columns_max=2_000,
    traits=frozenset({Trait.KEY_DEFERRAL}),
    row_hashes=NATIVE_HASHES,
    ignores_case_of=frozenset({ObjectKind.TABLE, ObjectKind.COLUMN}),
)
"""SQLite sets no bound on identifiers; ours keeps statements readable.

Foreign keys are checked only by sessions that ask for it (`PRAGMA foreign_keys`), so a file may
hold orphans; and there is no ALTER TABLE ... ADD CONSTRAINT.
"""

LEDGER_PREFIX = "_wherry_"
"""Tables of this prefix are ours and no part of the schema."""

BUSY_TIMEOUT_S = 5.0
"""How long a statement waits for another session's lock before it fails."""

WRITER_CACHE_KIB = 65_536
"""Page cache of the session that writes; indexes are built in it."""

READER_CACHE_KIB = 4_096
"""Page cache of a session that reads. Most tables are read from one end to the other, each page once."""

SNAPSHOT_ATTEMPTS = 5
"""How often several readers try to open on one moment before one reader does the work alone."""
