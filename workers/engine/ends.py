"""Both ends of a run: the connectors, where they point, and the open sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from domain.connections.values import Endpoint
from domain.kernel.errors import ValidationFailed
from domain.migrations.transfer import Connector, Source
from workers.engine.hashing import Hashing, hashing_between
from workers.engine.patience import PatientSource, PatientTarget


@dataclass(frozen=True)
class Route:
    """From where to where: endpoints and the connectors that open them."""

    source_connector: Connector
    source_endpoint: Endpoint
    target_connector: Connector
    target_endpoint: Endpoint

    @property
    def hashing(self) -> Hashing:
        """By which hashes both ends are compared."""
        return hashing_between(self.source_connector.capabilities, self.target_connector.capabilities)

    def check(self) -> None:
        """Refuse a database as its own target.

        Raises:
            ValidationFailed: both endpoints name the same file or folder, or the same database and schema.
        """
        if _is_one_place(self.source_endpoint, self.target_endpoint):
            raise ValidationFailed(f"source and target are the same database: {self.source_endpoint.label}")


@dataclass(frozen=True)
class Ends:
    """A route with sessions open at both ends. A worker process holds one while it works on a run."""

    route: Route
    source: PatientSource
    target: PatientTarget


@asynccontextmanager
async def open_source(connector: Connector, endpoint: Endpoint, *, readers: int) -> AsyncIterator[PatientSource]:
    """Open a database for reading, and close it whatever happens.

    Raises:
        ConnectFailed: no session could be opened.
    """

    async def opened() -> Source:
        return await connector.open_source(endpoint, readers=readers)

    source = PatientSource(await opened(), opened)
    try:
        yield source
    finally:
        await source.close()


@asynccontextmanager
async def open_target(connector: Connector, endpoint: Endpoint, *, writers: int = 1) -> AsyncIterator[PatientTarget]:
    """Open a database for writing, and close it whatever happens.

    Raises:
        ConnectFailed: no session could be opened.
    """
    target = await connector.open_target(endpoint, writers=writers)
    try:
        yield PatientTarget(target)
    finally:
        await target.close()


@asynccontextmanager
async def open_ends(route: Route, *, parallel: int, readers: int = 0) -> AsyncIterator[Ends]:
    """Open source and target for up to `parallel` lanes, and close both whatever happens.

    `readers` is the number of sessions on the source, if it is to be another one.

    Raises:
        ValidationFailed: source and target are the same database.
        ConnectFailed: no session could be opened on one of them.
    """
    route.check()
    connector, endpoint = route.target_connector, route.target_endpoint
    writers = min(parallel, connector.capabilities.writers_max)
    async with (
        open_source(route.source_connector, route.source_endpoint, readers=readers or parallel) as source,
        open_target(connector, endpoint, writers=writers) as target,
    ):
        yield Ends(route, source, target)


def _is_one_place(source: Endpoint, target: Endpoint) -> bool:
    if source.engine.is_file:
        return source.engine is target.engine and _is_one_file(source.path, target.path)
    return _place(source) == _place(target)


def _is_one_file(one: str, other: str) -> bool:
    """Tell whether two paths lead to one file or folder, by whatever links."""
    try:
        return Path(one).samefile(other)
    except OSError:  # one of them is not there yet
        return Path(one).resolve() == Path(other).resolve()


def _place(endpoint: Endpoint) -> tuple[str, ...]:
    return (endpoint.engine.value, endpoint.host.lower(), str(endpoint.port), endpoint.database, endpoint.schema)
