"""Other tools that move tables, each set up as its makers say and told what a pair needs to come out right."""

from __future__ import annotations

from tests.benchmarks.peers.dlt import Dlt
from tests.benchmarks.peers.duckdb import DuckdbScanners
from tests.benchmarks.peers.dumps import MariadbDump, Pgcopydb, PgDump
from tests.benchmarks.peers.ingestr import Ingestr
from tests.benchmarks.peers.pgloader import Pgloader
from tests.benchmarks.peers.sling import Sling
from tests.benchmarks.tools import Tool

PEERS: tuple[Tool, ...] = (
    Pgloader(), PgDump(), Pgcopydb(), MariadbDump(), DuckdbScanners(), Ingestr(), Sling(), Dlt(),
)  # fmt: skip
