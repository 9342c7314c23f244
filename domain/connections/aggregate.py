"""Connections and their rules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from domain.connections.events import (
    ConnectionCreated,
    ConnectionCredentialsUpdated,
    ConnectionDeleted,
    ConnectionEvent,
    ConnectionTested,
    ConnectionUpdated,
)
from domain.connections.values import ConnectionConfig, Engine, ProbeOutcome
from domain.kernel.aggregate import Aggregate
from domain.kernel.errors import ValidationFailed
from domain.projects.aggregate import Actor


@dataclass(frozen=True)
class Home:
    """Where a connection belongs."""

    project_id: UUID
    organization_id: UUID


@dataclass(frozen=True)
class Setup:
    """What people may change about a connection."""

    name: str
    is_source: bool
    is_target: bool
    config: ConnectionConfig


class Connection(Aggregate[ConnectionEvent]):
    """A way into one database, as source, as target, or as both."""

    def __init__(self, id_: UUID) -> None:
        super().__init__(id_)
        self.home = Home(id_, id_)
        self.type = Engine.POSTGRESQL
        self.setup = Setup("", is_source=False, is_target=False, config=ConnectionConfig())
        self.credentials_version = 0
        self.key_id = ""
        self.deleted = False

    @classmethod
    def create(cls, id_: UUID, home: Home, type_: Engine, setup: Setup, key_id: str, actor: Actor) -> Connection:
        """Make a connection; `key_id` names the key its password is sealed under, empty if it has none.

        Raises:
            ValidationFailed: it is neither source nor target.
        """
        connection = cls(id_)
        _require_use(setup)
        connection.record(
            ConnectionCreated(
                occurred_at=actor.now,
                connection_id=id_,
                project_id=home.project_id,
                organization_id=home.organization_id,
                name=setup.name,
                type=type_,
                is_source=setup.is_source,
                is_target=setup.is_target,
                config=setup.config,
                credentials_version=1 if key_id else 0,
                key_id=key_id,
                created_by=actor.user_id,
            )
        )
        return connection

    def update(self, setup: Setup, actor: Actor) -> None:
        """Change name, use or place; the same as before changes nothing.

        Raises:
            ValidationFailed: it would be neither source nor target.
        """
        _require_use(setup)
        if setup == self.setup:
            return
        self.record(
            ConnectionUpdated(
                occurred_at=actor.now,
                connection_id=self.id,
                project_id=self.home.project_id,
                name=setup.name,
                is_source=setup.is_source,
                is_target=setup.is_target,
                config=setup.config,
                moved=replace(setup, name=self.setup.name) != self.setup,
                updated_by=actor.user_id,
            )
        )

    def change_credentials(self, key_id: str, actor: Actor) -> None:
        """Note that the password of the next version was sealed under a key."""
        self.record(
            ConnectionCredentialsUpdated(
                occurred_at=actor.now,
                connection_id=self.id,
                project_id=self.home.project_id,
                credentials_version=self.credentials_version + 1,
                key_id=key_id,
                updated_by=actor.user_id,
            )
        )

    def note_test(self, outcome: ProbeOutcome, actor: Actor) -> None:
        """Note how a test went."""
        self.record(
            ConnectionTested(
                occurred_at=actor.now,
                connection_id=self.id,
                project_id=self.home.project_id,
                success=outcome.success,
                code=outcome.code,
                message=outcome.message,
                server_version=outcome.server_version,
                findings=outcome.findings,
                latency_ms=outcome.latency_ms,
                tested_by=actor.user_id,
            )
        )

    def delete(self, actor: Actor) -> None:
        """Take the connection out of its project."""
        self.record(
            ConnectionDeleted(
                occurred_at=actor.now,
                connection_id=self.id,
                project_id=self.home.project_id,
                name=self.setup.name,
                deleted_by=actor.user_id,
            )
        )

    def apply(self, event: ConnectionEvent) -> None:
        """Change the state as the event says."""
        match event:
            case ConnectionCreated():
                self.home, self.type = Home(event.project_id, event.organization_id), event.type
                self.setup = Setup(event.name, event.is_source, event.is_target, event.config)
                self.credentials_version, self.key_id = event.credentials_version, event.key_id
            case ConnectionUpdated():
                self.setup = Setup(event.name, event.is_source, event.is_target, event.config)
            case ConnectionCredentialsUpdated():
                self.credentials_version, self.key_id = event.credentials_version, event.key_id
            case ConnectionTested():
                pass  # what tests have shown is for readers; no rule depends on it
            case ConnectionDeleted():
                self.deleted = True


def _require_use(setup: Setup) -> None:
    if not (setup.is_source or setup.is_target):
        raise ValidationFailed("A connection is a source, a target, or both.", path=("isSource",))
