"""What MySQL and MariaDB can do and where they end, as data."""

from __future__ import annotations

from domain.connections.values import Engine
from domain.migrations.digests import RowHash
from domain.migrations.limits import Finite, OneOf, RealDay, Utf8
from domain.migrations.schema_plan import ObjectKind
from domain.migrations.transfer import Capabilities, WireFormat
from infra.connectors.native import has_native

CAPABILITIES = Capabilities(
    engine=Engine.MYSQL,
    emits=frozenset({WireFormat.ARROW}),
    accepts=frozenset({WireFormat.ARROW}),
    identifier_max=64,
    names_in_characters=True,
    unnameable=r"[^\x01-\uffff]|\s(?=\s*$)",
    transactional_ddl=False,
    enforces_foreign_keys=False,
    inline_foreign_keys=False,
    always_within=frozenset({Finite, Utf8}),
    differ_by_database=frozenset({OneOf}),
    reads_unseen=True,
    refuses_beyond=frozenset({Finite, RealDay}),
    writers_max=64,
    columns_max=1_017,
    ignores_case_of=frozenset({ObjectKind.COLUMN}),
    row_hashes=frozenset({RowHash.CRC}),
    sums_rows=has_native(),
)
"""Foreign keys are not taken as surely satisfied: `foreign_key_checks=0` is every loader's habit.

Zero dates and 31 February are stored, though no RealDay: of the sources that read unseen only MySQL has such days.
Only MariaDB from 10.8 on knows the hash.
"""

LEDGER_PREFIX = "_wherry_"
"""Tables of this prefix are our own book-keeping in a target; nobody else sees them."""

VARCHAR_MAX = 16_383
"""Longest VARCHAR of utf8mb4, in characters: 65,535 bytes at 4 a character."""

ROW_BYTES_MAX = 65_535
"""Most bytes that the columns of a row may declare together; BLOB and TEXT count as pointers."""

PAGE_BYTES_MAX = 8_000
"""Most bytes of a row that lie in one page of InnoDB: half of 16 KiB, less what the row itself needs."""

KEY_BYTES_MAX = 3_072
"""Longest index entry of InnoDB (DYNAMIC row format), in bytes."""

CHARACTER_BYTES = 4
"""Bytes that utf8mb4 reserves for a character in an index or a row."""

DECIMAL_PRECISION_MAX = 65
DECIMAL_SCALE_MAX = 30
BIT_MAX = 64
SET_LABELS_MAX = 64
ENUM_LABEL_MAX = 255
INDEX_PARTS_MAX = 16

ONE_AT_A_TIME = ("ADD FULLTEXT INDEX", "ADD SPATIAL INDEX")
"""Changes of a table that InnoDB makes by statements of their own."""

LOCK_WAIT_S = 5
"""How long a global read lock or a takeover waits for others before it gives up, in seconds."""

PACKET_BYTES = 256 * 1024
"""Size of a piece of LOAD DATA input; well below the smallest `max_allowed_packet` anyone sets (1 MiB)."""
