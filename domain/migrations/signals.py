"""Hints to those who watch a migration. They are never stored and may be lost."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain.kernel.messages import Signal


@dataclass(frozen=True, kw_only=True)
class MigrationProgressUpdated(Signal):
    """A migration has something new to show: progress, a status, a table, the end."""

    @classmethod
    def of(cls, migration_id: UUID) -> MigrationProgressUpdated:
        """Return the signal for one migration."""
        return cls(topic=migration_topic(migration_id))


@dataclass(frozen=True, kw_only=True)
class MigrationLogged(Signal):
    """A migration's log has a new entry."""

    @classmethod
    def of(cls, migration_id: UUID) -> MigrationLogged:
        """Return the signal for one migration's log."""
        return cls(topic=log_topic(migration_id))


def migration_topic(migration_id: UUID) -> str:
    """Return the topic on which a migration's signals go out."""
    return f"migration:{migration_id}"


def log_topic(migration_id: UUID) -> str:
    """Return the topic on which signals of a migration's log go out."""
    return f"migration-log:{migration_id}"
