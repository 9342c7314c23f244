"""What all jobs of one worker process work with."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from domain.connections.values import Endpoint
from domain.kernel.messages import Command, Signal
from domain.kernel.scope import Scope
from domain.migrations.assignments import Assignment
from domain.migrations.transfer import Connector
from infra.clock import SystemIds
from infra.connectors.registry import connector_for
from infra.container import Container
from infra.db import outbox
from infra.db.readers.migration_brief import Brief
from infra.db.stores.migrations.assignments import Leases
from infra.db.stores.migrations.plans import Plans
from infra.db.stores.migrations.pulse import Pulse
from workers.engine.ends import Route

A = TypeVar("A")

KEY = "workshop"
"""Where jobs find their workshop in arq's context."""


@dataclass(frozen=True)
class Workshop:
    """One worker process: its parts, its name as a holder of assignments, and those it has in hand."""

    container: Container
    holder: str
    leases: Leases
    pulse: Pulse
    plans: Plans
    in_hand: dict[Assignment, float] = field(default_factory=dict)
    """When each assignment last gave a sign of life, by the monotonic clock."""
    lanes: Counter[str] = field(default_factory=Counter)
    """How many lanes of each migration are in hand."""

    async def tell(self, fact: Command[A]) -> A:
        """Send a command as the system itself."""
        scope = Scope(principal=None, request_id=SystemIds().new().hex, system=True)
        return await self.container.mediator.send(fact, scope)

    async def publish(self, signal: Signal) -> None:
        """Wake live subscribers, if they can be reached; if not, they look by themselves."""
        try:
            await self.container.doorbell.publish(signal)
        except OSError:
            return

    async def relay(self) -> int:
        """Hand promised jobs to the queue, and return how many.

        Raises:
            OSError: the queue cannot be reached.
        """
        return await outbox.deliver(self.container.database, self.container.doorbell)

    async def target(self, brief: Brief) -> tuple[Connector, Endpoint]:
        """Return the way to a migration's target, with its password; the source may be gone.

        Raises:
            WherryError: the connection is gone, or its password cannot be opened.
        """
        endpoint = await self.container.credentials.open(brief.target_connection_id)
        return connector_for(endpoint.engine), endpoint

    async def route(self, brief: Brief) -> Route:
        """Return a migration's route, with passwords.

        Raises:
            WherryError: a connection is gone, or its password cannot be opened.
        """
        credentials = self.container.credentials
        source, target = await asyncio.gather(
            credentials.open(brief.source_connection_id), credentials.open(brief.target_connection_id)
        )
        return Route(connector_for(source.engine), source, connector_for(target.engine), target)


def open_workshop(container: Container) -> Workshop:
    """Return the workshop of this process, under a name that no other process has."""
    holder = SystemIds().new().hex
    database, lease_s = container.database, container.settings.worker_lease_s
    return Workshop(
        container=container,
        holder=holder,
        leases=Leases(database, holder, lease_s),
        pulse=Pulse(database, holder, lease_s),
        plans=Plans(database),
    )


def run_id(migration_id: UUID) -> str:
    """Return the name of a migration's run in the target's ledger."""
    return f"migration-{migration_id}"
