"""The pairs that are measured, and the ratios that Wherry is held to."""

from __future__ import annotations

from dataclasses import dataclass

from domain.connections.values import Engine

BEST_PEER = "the best peer"


@dataclass(frozen=True)
class Target:
    """At least `ratios[data set]` times as fast as `rival`: a tool's name, or the best peer of the run."""

    rival: str
    ratios: dict[str, float]


@dataclass(frozen=True)
class Pair:
    """From one engine to another.

    `of_floor_min` is the share of the speed of the target's own bulk load that a copy must reach;
    None where there is no such load.
    """

    source: Engine
    target: Engine
    targets: tuple[Target, ...]
    of_floor_min: float | None = None

    @property
    def name(self) -> str:
        """The pair as it is chosen and printed."""
        return f"{self.source.value.lower()}-{self.target.value.lower()}"


def _both(ratio: float) -> dict[str, float]:
    return {"narrow": ratio, "wide": ratio}


PAIRS = (
    Pair(
        Engine.MYSQL,
        Engine.POSTGRESQL,
        (Target(BEST_PEER, {"narrow": 1.9, "wide": 1.8}), Target("pgloader", {"narrow": 3.0, "wide": 3.5})),
        of_floor_min=0.85,
    ),
    Pair(
        Engine.POSTGRESQL,
        Engine.POSTGRESQL,
        (Target("pg_dump", _both(1.3)), Target("pgcopydb", _both(1.6))),
        of_floor_min=1.0,
    ),
    Pair(Engine.POSTGRESQL, Engine.MYSQL, (Target(BEST_PEER, _both(4.0)),), of_floor_min=0.85),
    Pair(Engine.SQLITE, Engine.POSTGRESQL, (Target(BEST_PEER, _both(1.4)),), of_floor_min=0.80),
    Pair(Engine.SQLITE, Engine.DUCKDB, (Target("duckdb", _both(1.0)),)),
    Pair(Engine.MYSQL, Engine.MYSQL, (Target("mariadb-dump", _both(1.6)),), of_floor_min=0.80),
)
