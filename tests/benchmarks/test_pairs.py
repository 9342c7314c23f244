"""`wherry migrate` on every measured pair, beside the floor and the peers. Nothing is asserted about time."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator

import pytest

from infra.connectors.native import has_native
from tests.benchmarks.choices import FOLDER, Choices, choices
from tests.benchmarks.datasets import DATA_SETS, SEED, DataSet
from tests.benchmarks.floors import Floor
from tests.benchmarks.generation import prepared
from tests.benchmarks.ours import OURS
from tests.benchmarks.pairs import PAIRS, Pair
from tests.benchmarks.peers import PEERS
from tests.benchmarks.rounds import Rounds
from tests.benchmarks.servers import Databases, databases
from tests.benchmarks.table import OWN, Result
from tests.benchmarks.tools import Tool

pytestmark = [pytest.mark.bench, pytest.mark.timeout(0)]


@pytest.fixture(scope="module")
def chosen() -> Choices:
    """What the environment asks for."""
    return choices()


@pytest.fixture(scope="module")
def running() -> Iterator[Databases]:
    """Both servers."""
    with databases() as both:
        yield both


@pytest.fixture(scope="module")
def results(chosen: Choices) -> Iterator[list[Result]]:
    """What has been measured; printed together and written to `.bench/pairs.json` at the end."""
    measured: list[Result] = []
    yield measured
    print("\n\n" + "\n\n".join("\n".join(result.lines()) for result in measured))
    verdicts = [(result, verdict) for result in measured for verdict in result.verdicts()]
    print(
        f"\nratios and targets; Wherry's C helper was {'there' if has_native() else 'NOT BUILT: make setup builds it'}"
    )
    for result, verdict in verdicts:
        print(f"  {result.pair.name:<22} {result.prepared.data_set.name:<7} {verdict}")
    document = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "c_helper": has_native(),
        "seed": SEED,
        "rounds": chosen.rounds,
        "results": [result.document() for result in measured],
    }
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "pairs.json").write_text(json.dumps(document, indent=2))


@pytest.mark.parametrize("pair", PAIRS, ids=[pair.name for pair in PAIRS])
@pytest.mark.parametrize("data_set", DATA_SETS, ids=[data_set.name for data_set in DATA_SETS])
def test_everything_arrives(
    pair: Pair, data_set: DataSet, chosen: Choices, running: Databases, results: list[Result]
) -> None:
    if not (chosen.wants_pair(pair.name) and chosen.wants_data(data_set.name)):
        pytest.skip("not chosen by BENCH_PAIRS and BENCH_DATA")
    files = prepared(data_set, data_set.scaled(chosen.scale), FOLDER / "data")
    every: tuple[Tool, ...] = (Floor(), *OURS, *PEERS)
    tools = [tool for tool in every if chosen.wants_tool(tool.name) and tool.does(pair.source, pair.target)]

    outcomes = Rounds(running, pair, files, chosen, FOLDER / "run").run(tools)

    result = Result(pair, files, outcomes)
    results.append(result)
    print("\n" + "\n".join(result.lines()), flush=True)
    assert {name: outcomes[name].error for name in OWN if name in outcomes and outcomes[name].error} == {}
