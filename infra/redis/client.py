"""Connections to Redis."""

from __future__ import annotations

import json
from typing import Any

from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool

from infra.redis.connection import heedful
from infra.redis.pipeline import Returning

QUEUE_NAME = "wherry:jobs"
"""The sorted set that holds our jobs; workers read it, and nothing else does."""

SOCKET_TIMEOUT_S = 5
CONNECTIONS_MAX = 50


def to_json(job: dict[str, Any]) -> bytes:
    """Serialise a queued job; arq's default, pickle, would run code that a writer of Redis chose."""
    return json.dumps(job, default=str).encode()


def from_json(data: bytes) -> dict[str, Any]:
    """Read a queued job."""
    job: dict[str, Any] = json.loads(data)
    return job


class _Client(ArqRedis):
    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Returning:  # noqa: FBT001, FBT002
        return Returning(self.connection_pool, self.response_callbacks, transaction, shard_hint)


def connect(url: str) -> ArqRedis:
    """Return a client with its own pool; nothing is dialled before the first command."""
    pool = ConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS_MAX,
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=SOCKET_TIMEOUT_S,
        health_check_interval=30,
    )
    pool.connection_class = heedful(pool.connection_class)
    return _Client(pool_or_conn=pool, job_serializer=to_json, job_deserializer=from_json, default_queue_name=QUEUE_NAME)
