"""What the connections slice needs from outside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.connections.config import ConnectionConfigInput
from domain.connections.values import Endpoint, Engine, ProbeOutcome
from domain.connections.views import Connection, ConnectionMetrics, ConnectionTest
from domain.kernel.values import Page, PageRequest, Secret
from domain.kernel.work import Work


class ConnectionProbe(Protocol):
    """Tries databases out."""

    async def test(self, endpoint: Endpoint, *, is_source: bool, is_target: bool) -> ProbeOutcome:
        """Really connect, see which of the rights needed are there, and say how it went, within a bounded time."""
        ...


class FilePolicy(Protocol):
    """Decides which files may be opened as databases."""

    def admit(self, path: str, *, must_exist: bool, is_folder: bool = False) -> str:
        """Return the path, relative to the folder for file databases, in its one spelling.

        Raises:
            PathNotAllowed: it leads out of that folder, or to something that is no file (or no folder).
            DatabaseError: it must exist and does not.
        """
        ...


class ConnectionStrings(Protocol):
    """Takes connection strings apart."""

    def read(self, type_: Engine, text: Secret) -> tuple[ConnectionConfigInput, Secret]:
        """Return the fields that a string names, and the password in it, which may be empty.

        Raises:
            ValidationFailed: it cannot be understood, or says something that is not allowed; the
                message never repeats it.
        """
        ...


@dataclass(frozen=True)
class SealedFor:
    """What a sealed password is bound to: it opens for this connection at this version and for no other."""

    organization_id: UUID
    connection_id: UUID
    version: int


class Vault(Protocol):
    """Keeps passwords sealed, apart from the events."""

    async def seal(self, work: Work, owner: SealedFor, password: Secret) -> str:
        """Store a password in the command's transaction in place of the one before; return the key's id."""
        ...

    async def forget(self, work: Work, connection_id: UUID) -> None:
        """Remove a connection's password in the command's transaction."""
        ...


class Credentials(Protocol):
    """Opens what the vault keeps, for those who connect."""

    async def open(self, connection_id: UUID) -> Endpoint:
        """Return everything a connector needs, password and the file's real path included.

        Raises:
            NotFound: there is no such connection.
            Conflict: the password cannot be opened with this instance's key.
            PathNotAllowed: the file's path has come to lead out of the folder for file databases.
        """
        ...


class ConnectionUse(Protocol):
    """Something that may need a connection. Slices after this one have one each."""

    async def reason(self, connection_id: UUID) -> str | None:
        """Say what needs the connection now, as a sentence; nothing if nothing does."""
        ...


class ConnectionReader(Protocol):
    """The read side of the connections slice. Everything is narrowed to what the viewer may see."""

    async def connections(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, Connection]:
        """Return those of the connections that the viewer may see."""
        ...

    async def pages(
        self, viewer: UUID, project_ids: tuple[UUID, ...], page: PageRequest
    ) -> dict[UUID, Page[Connection]]:
        """Return the same page of the connections of each of the projects, newest first."""
        ...

    async def last_tests(self, viewer: UUID, ids: tuple[UUID, ...]) -> dict[UUID, ConnectionTest]:
        """Return the last test of each of the connections that has one."""
        ...

    async def metrics(self, connection_id: UUID, from_date: datetime, to_date: datetime) -> ConnectionMetrics:
        """Add up the tests of a connection in a span of time."""
        ...
