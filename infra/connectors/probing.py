"""Trying a database out through its connector, within a bounded time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from domain.connections.values import Endpoint, ProbeFinding, ProbeOutcome
from domain.kernel.errors import DatabaseError, ErrorCode
from infra.connectors.registry import connector_for

TEST_TIMEOUT_S = 20.0
"""How long a test may take as a whole; drivers give up on a silent host earlier."""


class ConnectorProbe:
    """Tests databases of every kind there is a connector for."""

    async def test(self, endpoint: Endpoint, *, is_source: bool, is_target: bool) -> ProbeOutcome:
        """Really connect, see which of the rights needed are there, and say how it went."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(TEST_TIMEOUT_S):
                version, findings = await _look(endpoint, is_source=is_source, is_target=is_target)
        except TimeoutError:
            message = f"The database did not answer within {TEST_TIMEOUT_S:.0f} seconds. Check host, port and firewall."
            return _failed(started, ErrorCode.HOST_UNREACHABLE, message)
        except DatabaseError as error:
            return _failed(started, error.code, error.message)
        missing = [finding.name for finding in findings if not finding.passed]
        return ProbeOutcome(
            success=not missing,
            latency_ms=_since(started),
            code=ErrorCode.PRIVILEGE_MISSING if missing else None,
            message=f"Signed in, but this is not as it must be: {'; '.join(missing)}." if missing else "",
            server_version=version,
            findings=findings,
        )


async def _look(endpoint: Endpoint, *, is_source: bool, is_target: bool) -> tuple[str, tuple[ProbeFinding, ...]]:
    """Return the server's version and what was found for each use, every finding once; advice only where needed."""
    connector = connector_for(endpoint.engine)
    uses = [writable for writable, wanted in ((False, is_source), (True, is_target)) if wanted]
    probes = [await connector.probe(endpoint, writable=writable) for writable in uses]
    findings = {
        finding.name: replace(finding, advice="" if finding.passed else finding.advice)
        for probe in probes
        for finding in probe.findings
    }
    return probes[0].server_version, tuple(findings.values())


def _failed(started: float, code: ErrorCode, message: str) -> ProbeOutcome:
    return ProbeOutcome(success=False, latency_ms=_since(started), code=code, message=message)


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
