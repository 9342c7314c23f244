"""Trying a database out through its connector, within a bounded time."""

from __future__ import annotations

import asyncio
import time

from domain.connections.values import Endpoint, ProbeOutcome
from domain.kernel.errors import DatabaseError, ErrorCode
from infra.connectors.registry import connector_for

TEST_TIMEOUT_S = 15.0
"""How long a test may take as a whole; most drivers give up on a silent host earlier."""


class ConnectorProbe:
    """Tests databases of every kind there is a connector for."""

    async def test(self, endpoint: Endpoint, *, writable: bool) -> ProbeOutcome:
        """Really connect, see which rights are there, and say how it went."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(TEST_TIMEOUT_S):
                probe = await connector_for(endpoint.engine).probe(endpoint, writable=writable)
        except TimeoutError:
            message = f"The database did not answer within {TEST_TIMEOUT_S:.0f} seconds. Check host, port and firewall."
            return ProbeOutcome(
                success=False, latency_ms=_since(started), code=ErrorCode.HOST_UNREACHABLE, message=message
            )
        except DatabaseError as error:
            return ProbeOutcome(success=False, latency_ms=_since(started), code=error.code, message=error.message)
        missing = [finding.name for finding in probe.findings if not finding.passed]
        return ProbeOutcome(
            success=probe.passed,
            latency_ms=_since(started),
            code=ErrorCode.PRIVILEGE_MISSING if missing else None,
            message=f"Signed in, but this is missing: {', '.join(missing)}." if missing else "",
            server_version=probe.server_version,
            findings=probe.findings,
        )


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
