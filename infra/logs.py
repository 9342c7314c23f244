"""Logging: one line per event, as JSON in production and in colour on a terminal."""

from __future__ import annotations

import asyncio
import sys

import structlog

from domain.kernel.errors import Refused, WherryError
from infra.metrics import Metrics
from infra.settings import Settings


def configure_logging(settings: Settings) -> None:
    """Set structlog up for this process. Call once, at the start of a program."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(settings.log_level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


class StructuredRequestLog:
    """Notes requests by name, id and duration, and counts them; what they carry never reaches the log."""

    def __init__(self, metrics: Metrics) -> None:
        self._log = structlog.get_logger("requests")
        self._metrics = metrics

    def done(self, name: str, request_id: str, seconds: float) -> None:
        """Note a request that was answered."""
        self._count(name, "answered", seconds)
        self._log.debug("answered", request=name, request_id=request_id, ms=round(seconds * 1000, 1))

    def failed(self, name: str, request_id: str, seconds: float, error: BaseException) -> None:
        """Note a request that failed: a refusal by its code, an unexpected failure with its trace."""
        if isinstance(error, asyncio.CancelledError):
            self._count(name, "CANCELLED", seconds)
            return  # who asked is gone, or is stopping; nothing went wrong
        self._count(name, error.code.value if isinstance(error, WherryError) else "CRASHED", seconds)
        noted = self._log.bind(request=name, request_id=request_id, ms=round(seconds * 1000, 1))
        if isinstance(error, Refused):
            noted.info("refused", code=error.code.value)
        elif isinstance(error, WherryError):
            noted.warning("failed", code=error.code.value)
        elif isinstance(error, asyncio.CancelledError):
            noted.debug("cancelled")
        else:
            noted.error("crashed", error=type(error).__name__, exc_info=error)

    def _count(self, name: str, outcome: str, seconds: float) -> None:
        self._metrics.requests.labels(name, outcome).inc()
        self._metrics.seconds.labels(name).observe(seconds)
