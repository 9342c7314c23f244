"""What handlers are made of."""

from __future__ import annotations

from dataclasses import dataclass

from domain.auth.ports import Throttle
from domain.kernel.ports import Feed
from domain.migrations.ports import MappingBook
from infra.clock import SystemClock, SystemIds
from infra.crypto.envelope import Envelope
from infra.crypto.passwords import Argon2Hasher
from infra.crypto.tokens import TokenIssuer
from infra.db.database import Database
from infra.files import DataFolder


@dataclass(frozen=True)
class Ports:
    """What handlers are made of."""

    clock: SystemClock
    ids: SystemIds
    database: Database
    hasher: Argon2Hasher
    tokens: TokenIssuer
    throttle: Throttle
    envelope: Envelope
    files: DataFolder
    feed: Feed
    mappings: MappingBook
