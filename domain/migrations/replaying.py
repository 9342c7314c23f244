"""Loading rows after all that a migration has left out, once the target or the rules for them have been mended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Protocol
from uuid import UUID

from annotated_types import Len

from domain.kernel.access import Right, Subject, needs
from domain.kernel.errors import Conflict, ValidationFailed
from domain.kernel.messages import Command
from domain.kernel.values import Rows
from domain.kernel.work import Work
from domain.migrations.aggregate import Migration
from domain.migrations.misfits import MisfitRule, parse_rule
from domain.migrations.ports import TargetClaims
from domain.migrations.values import PATTERNS_MAX, MigrationStatus

_ENDED = frozenset({MigrationStatus.COMPLETED, MigrationStatus.FAILED})


@dataclass(frozen=True)
class Replayed:
    """What became of rejected rows that were to be loaded."""

    loaded: Rows
    """Rows that are in the target now and are no longer kept aside."""
    left: Rows
    """Rows that are still kept aside, each with the reason that now counts."""


class Replayer(Protocol):
    """Loads a migration's rejected rows."""

    async def replay(self, migration_id: UUID, target_id: UUID, rules: tuple[MisfitRule, ...]) -> Replayed:
        """Load what the target takes now; asked twice, every row is loaded once.

        Raises:
            DatabaseError: the target failed, or took too long.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class ReplayRejects(Command[Replayed]):
    """Load rows after all that a migration has left out."""

    guard = needs(Right.OPERATE, Subject.MIGRATION, "migration_id")

    migration_id: UUID
    """The migration's id; it must have come to an end."""
    on_misfit: Annotated[tuple[str, ...], Len(0, PATTERNS_MAX)] = ()
    """What becomes of values that the target still cannot keep, as for startMigration."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "on_misfit", tuple(self.on_misfit))


@dataclass(frozen=True)
class ReplayRejectsHandler:
    """Loads them while the client waits, and while no migration can begin to write to the same target."""

    claims: TargetClaims
    replayer: Replayer

    async def __call__(self, command: ReplayRejects, work: Work) -> Replayed:
        """Load them and return how many.

        Raises:
            Conflict: the migration has not ended, or another one writes to its target.
        """
        rules = _rules(command.on_misfit)
        migration = await work.load(Migration, command.migration_id)
        if migration.config is None or migration.status not in _ENDED or migration.is_half_undone:
            raise Conflict(f"The migration is {migration.status.value}; rejected rows are loaded once it is complete.")
        target_id = migration.config.target_connection_id
        running = await self.claims.claim(work, target_id)
        if running is not None:
            raise Conflict(f"Migration {running} is writing to this target. Wait for its end.")
        return await self.replayer.replay(migration.id, target_id, rules)


def _rules(texts: tuple[str, ...]) -> tuple[MisfitRule, ...]:
    try:
        return tuple(parse_rule(text) for text in texts)
    except ValidationFailed as error:
        raise ValidationFailed(error.message, path=("onMisfit",)) from error
