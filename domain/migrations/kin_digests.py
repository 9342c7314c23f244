"""Digests by a hash that only databases of one engine share."""

from __future__ import annotations

from typing import Protocol

from domain.catalog.model import TableName
from domain.migrations.misfits import Treatments
from domain.migrations.transfer import Digest, DigestColumn


class KinDigests(Protocol):
    """A source or target of an engine that has a cheaper hash than the one all engines share.

    Two databases of that engine can be compared by it. Should they differ, the shared one decides:
    the hash may be another one in another version.
    """

    async def kin_digest(
        self, table: TableName, columns: tuple[DigestColumn, ...], treatments: Treatments = ()
    ) -> Digest:
        """Compute the digest of what treatments leave of a table by the engine's own hash."""
        ...
