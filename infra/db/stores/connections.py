"""Sealed passwords of connections."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from domain.connections.ports import SealedFor
from domain.connections.values import ConnectionConfig, Endpoint, Engine
from domain.kernel.errors import NotFound
from domain.kernel.ports import Clock
from domain.kernel.values import Secret
from domain.kernel.work import Work
from infra.crypto.envelope import Context, Envelope, Sealed
from infra.db.database import Database
from infra.db.tables.connections import CredentialRow
from infra.db.work import session_of
from infra.shapes import adapter

_FIELD = "password"

_SEALED = """
SELECT connection.type, connection.config, connection.organization_id, credential.version, credential.format,
    credential.key_id, credential.wrapped_key, credential.ciphertext
FROM connection LEFT JOIN credential ON credential.connection_id = connection.id
WHERE connection.id = :id
"""


class Files(Protocol):
    """Knows where a file database really is."""

    def locate(self, path: str, *, is_folder: bool = False) -> Path:
        """Return the real path of a file or folder, or refuse one that lies elsewhere."""
        ...


class SqlVault:
    """Seals passwords into the control store."""

    def __init__(self, envelope: Envelope, clock: Clock) -> None:
        self._envelope = envelope
        self._clock = clock

    async def seal(self, work: Work, owner: SealedFor, password: Secret) -> str:
        """Store a password in place of the one before; return the key's id."""
        sealed = self._envelope.seal(password, _context(owner))
        record = {
            "version": owner.version,
            "format": sealed.format,
            "key_id": sealed.key_id,
            "wrapped_key": sealed.wrapped_key,
            "ciphertext": sealed.ciphertext,
            "sealed_at": self._clock.now(),
        }
        upsert = insert(CredentialRow).values(connection_id=owner.connection_id, **record)
        await session_of(work).exec(upsert.on_conflict_do_update(index_elements=["connection_id"], set_=record))
        return sealed.key_id

    async def forget(self, work: Work, connection_id: UUID) -> None:
        """Remove a connection's password."""
        await session_of(work).exec(delete(CredentialRow).where(col(CredentialRow.connection_id) == connection_id))


class SqlCredentials:
    """Opens sealed passwords for those who connect."""

    def __init__(self, database: Database, envelope: Envelope, files: Files) -> None:
        self._database = database
        self._envelope = envelope
        self._files = files

    async def open(self, connection_id: UUID) -> Endpoint:
        """Return everything a connector needs."""
        rows = await self._database.rows(_SEALED, id=connection_id)
        if not rows:
            raise NotFound(f"There is no connection {connection_id}.")
        row, engine = rows[0], Engine(rows[0]["type"])
        config: ConnectionConfig = adapter(ConnectionConfig).validate_python(row["config"])
        if engine.is_file:
            path = self._files.locate(config.path, is_folder=engine.is_folder)
            return Endpoint(engine, path=str(path), schema=config.schema, csv=config.csv)
        password = Secret("")
        if row["key_id"] is not None:
            sealed = Sealed(row["format"], row["key_id"], row["wrapped_key"], row["ciphertext"])
            owner = SealedFor(row["organization_id"], connection_id, row["version"])
            password = self._envelope.open(sealed, _context(owner))
        return config.endpoint(engine, password)


def _context(owner: SealedFor) -> Context:
    return Context(owner.organization_id, owner.connection_id, _FIELD, owner.version)
