"""Counters for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram


class Metrics:
    """What one process counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "wherry_requests_total",
            "Messages answered, by name and outcome.",
            ["name", "outcome"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "wherry_request_seconds", "How long answering a message took.", ["name"], registry=self.registry
        )
