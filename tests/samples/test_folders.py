"""Folders of CSV files as they are found, to databases and on to folders of ours."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

from domain.connections.values import Endpoint, Engine
from tests.samples.conftest import Load
from tests.samples.test_one_command import migrated
from tests.support.cli import url, wherry
from tests.support.samples import Samples

_MALFORMED = "freshman_lbs.csv"
"""Its header has commas within names and no quotes around them."""


def test_tpch_from_packed_files_to_sqlite_and_on_to_parquet(samples: Samples, tmp_path: Path) -> None:
    source = f"csv:///{samples.folder / 'tpch-tiny-csv'}?delimiter=%7C"
    database = Endpoint(Engine.SQLITE, path=str(tmp_path / "tpch.db"))

    first = wherry("migrate", source, url(database), "--json")
    second = migrated(database, Endpoint(Engine.PARQUET, path=str(tmp_path / "tpch")))

    assert first.exit_code == 0, first.stderr
    assert all(table["verified"] for table in first.document["tables"])
    assert first.counts == second.counts == samples.counts("tpch-tiny-csv", "*.csv.gz")


def test_chinook_by_way_of_both_kinds_of_folders_is_the_same_at_the_end(
    loaded: Load, samples: Samples, tmp_path: Path
) -> None:
    source = loaded("chinook-sqlite")
    ways = [source, *(Endpoint(kind, path=str(tmp_path / kind.value)) for kind in (Engine.CSV, Engine.PARQUET))]
    ways.append(Endpoint(Engine.SQLITE, path=str(tmp_path / "end.db")))

    for here, there in pairwise(ways):
        migrated(here, there)

    compared = wherry("verify", url(source), url(ways[-1]), "--json")
    assert compared.exit_code == 0, compared.stderr


def test_a_folder_of_feature_files_arrives_but_for_the_malformed_one_which_is_told(
    samples: Samples, tmp_path: Path
) -> None:
    folder, target = tmp_path / "dlt", tmp_path / "dlt.duckdb"
    shutil.copytree(samples.folder / "csv-features" / "dlt", folder)

    refused = wherry("migrate", f"csv:///{folder}", f"duckdb:///{target}", "--json")
    (folder / _MALFORMED).chmod(0o600)
    folder.chmod(0o700)
    (folder / _MALFORMED).unlink()
    result = wherry("migrate", f"csv:///{folder}", f"duckdb:///{target}", "--json")

    assert f"{folder / _MALFORMED}, line 2, character 1: 5 fields instead of 7" in refused.stderr
    assert result.exit_code == 0, result.stderr
    assert all(table["verified"] for table in result.document["tables"])
