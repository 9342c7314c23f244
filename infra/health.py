"""Whether this process lives, is ready, and how much it has done."""

from __future__ import annotations

import asyncio

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.container import Container

CHECK_S = 3.0


async def _live(_: Request) -> Response:
    return JSONResponse({"status": "alive"})


async def _ready(request: Request) -> Response:
    """Answer 200 when the control store and Redis answer, 503 with the names of those that do not."""
    container: Container = request.app.state.container
    database, redis = await asyncio.gather(_database(container), _redis(container))
    checks = {"database": database, "redis": redis}
    return JSONResponse(checks, status_code=200 if all(checks.values()) else 503)


async def _database(container: Container) -> bool:
    try:
        await asyncio.wait_for(container.database.rows("SELECT 1"), CHECK_S)
    except (SQLAlchemyError, OSError, TimeoutError):
        return False
    return True


async def _redis(container: Container) -> bool:
    try:
        await asyncio.wait_for(container.redis.ping(), CHECK_S)
    except (RedisError, OSError, TimeoutError):
        return False
    return True


async def _metrics(request: Request) -> Response:
    registry: CollectorRegistry = request.app.state.container.metrics.registry
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


HEALTH_ROUTES = (
    Route("/livez", _live),
    Route("/readyz", _ready),
    Route("/metrics", _metrics),
)
