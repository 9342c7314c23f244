"""Everything a process of Wherry holds, made once, closed at its end. The only wiring there is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from arq.connections import ArqRedis
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError

from domain.kernel.behaviors import pipeline
from domain.kernel.errors import ValidationFailed
from domain.kernel.mediator import Mediator
from domain.migrations.ports import MappingBook
from infra.authentication import Authenticator
from infra.bindings.ports import Ports
from infra.bindings.table import bindings
from infra.clock import SystemClock, SystemIds
from infra.connectors.postgresql.failures import DRIVER_ERRORS, connect_failed
from infra.crypto.envelope import Envelope
from infra.crypto.keyring import credentials_key, signing_key
from infra.crypto.passwords import Argon2Hasher
from infra.crypto.tokens import TokenIssuer
from infra.db.database import NO_SETTINGS, Database, control_store_url
from infra.db.frozen import keep_ending_frozen
from infra.db.readers.access import SqlAccess
from infra.db.readers.mappings import SqlMappingBook
from infra.db.stores.auth import SqlSessions
from infra.db.stores.connections import SqlCredentials
from infra.db.upgrade import upgrade
from infra.db.work import SqlWorks
from infra.files import DataFolder
from infra.logs import StructuredRequestLog
from infra.metrics import Metrics
from infra.redis.cache import RedisCache
from infra.redis.client import connect
from infra.redis.doorbell import RedisDoorbell
from infra.redis.feed import RedisFeed
from infra.redis.throttle import WindowThrottle
from infra.settings import Settings
from infra.validation import PydanticValidator

CANCEL_AGAIN_S = 2.0
"""Seconds; who is cancelled may first have to give back a connection, over a line that has to be dialled anew."""


@dataclass(frozen=True)
class Container:
    """What the API and the workers share."""

    settings: Settings
    database: Database
    redis: ArqRedis
    doorbell: RedisDoorbell
    feed: RedisFeed
    authenticator: Authenticator
    mediator: Mediator
    metrics: Metrics
    credentials: SqlCredentials
    mappings: MappingBook


@asynccontextmanager
async def open_container(settings: Settings, session: Mapping[str, str] = NO_SETTINGS) -> AsyncIterator[Container]:
    """Connect, bring the control store up to date, wire everything, and close it all at the end.

    `session` holds settings for this process's sessions in the control store.

    Raises:
        ValidationFailed: the addresses of the control store and of Redis are not set.
    """
    redis_url = _required(settings.redis_url, "WHERRY_REDIS_URL")
    url = control_store_url(_required(settings.database_url, "WHERRY_DATABASE_URL"))
    database = Database(url, session)
    redis, hasher, metrics = connect(redis_url), Argon2Hasher(), Metrics()
    feed = RedisFeed(redis)
    tasks = [asyncio.create_task(feed.run()), asyncio.create_task(keep_ending_frozen(url))]
    try:
        await upgrade(database)
        doorbell = RedisDoorbell(redis)
        ports = _ports(settings, database, feed, WindowThrottle(redis), hasher)
        behaviors = pipeline(
            log=StructuredRequestLog(metrics),
            access=SqlAccess(database),
            validator=PydanticValidator(),
            cache=RedisCache(redis),
            open_work=SqlWorks(database, ports.clock, doorbell),
        )
        yield Container(
            settings=settings,
            database=database,
            redis=redis,
            doorbell=doorbell,
            feed=feed,
            authenticator=Authenticator(ports.tokens, SqlSessions(database), ports.clock),
            mediator=Mediator(bindings(ports), behaviors),
            metrics=metrics,
            credentials=SqlCredentials(database, ports.envelope, ports.files),
            mappings=ports.mappings,
        )
    finally:
        for task in tasks:
            await ended(task)
        hasher.close()
        await redis.aclose(close_connection_pool=True)
        await database.close()


def _ports(
    settings: Settings, database: Database, feed: RedisFeed, throttle: WindowThrottle, hasher: Argon2Hasher
) -> Ports:
    return Ports(
        clock=SystemClock(),
        ids=SystemIds(),
        database=database,
        hasher=hasher,
        tokens=TokenIssuer(signing_key(settings.signing_key_file)),
        throttle=throttle,
        envelope=Envelope(credentials_key(settings.credentials_key_file)),
        files=DataFolder(settings.data_dir),
        feed=feed,
        mappings=SqlMappingBook(database),
    )


async def reach_control_store(settings: Settings) -> None:
    """Open one session, so that what is wrong with the address is said in one sentence and before anything is begun.

    Raises:
        ValidationFailed: the address is not set.
        ConnectFailed: the server cannot be reached, or lets nobody in.
    """
    database = Database(control_store_url(_required(settings.database_url, "WHERRY_DATABASE_URL")))
    try:
        async with database.engine.connect():
            pass
    except (DBAPIError, *DRIVER_ERRORS) as error:
        raise connect_failed(_cause_of(error), "The control store (WHERRY_DATABASE_URL)") from error
    finally:
        await database.close()


def _cause_of(error: BaseException) -> BaseException:
    """Return what the driver said; SQLAlchemy wraps what the server says twice, and what the network says not."""
    while not isinstance(error, DRIVER_ERRORS) and error.__cause__ is not None:
        error = error.__cause__
    return error


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel a task until it ends: a cancellation that meets the answer of a server may get lost on the way."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=CANCEL_AGAIN_S)


def _required(url: SecretStr | None, variable: str) -> str:
    if url is None:
        raise ValidationFailed(f"Set {variable}, or start everything with `wherry up`, which brings its own servers.")
    return url.get_secret_value()
