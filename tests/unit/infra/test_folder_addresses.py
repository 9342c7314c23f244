"""Addresses and connections of folders: what is understood, and what is refused before anything is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.catalog.reading import parsed
from domain.catalog.spelling import spelled
from domain.catalog.types import LogicalType
from domain.connections.config import ConnectionConfigInput, CsvFormatInput, settled
from domain.connections.values import CsvFormat, Engine
from domain.kernel.errors import PathNotAllowed, ValidationFailed
from domain.kernel.values import Secret
from infra.connectors.folders.format import name_of, stem_of
from infra.connectors.strings import StrictConnectionStrings
from infra.connectors.urls import parse_url
from infra.files import DataFolder
from tests.support.awkward import AWKWARD


def test_the_options_of_a_csv_address_are_its_format(tmp_path: Path) -> None:
    endpoint = parse_url(f'csv:///{tmp_path}?delimiter=;&quote="&encoding=latin-1&header=no&null=\\N')

    assert endpoint.path == str(tmp_path)
    assert endpoint.csv == CsvFormat(delimiter=";", encoding="latin-1", header=False, null="\\N")
    assert parse_url(f"csv:///{tmp_path}?delimiter=tab&quote=none").csv == CsvFormat(delimiter="\t", quote="")
    assert parse_url(f"csv:///{tmp_path}").csv is None


@pytest.mark.parametrize(
    "options",
    [
        "delimiter=ab",
        "delimiter=é",
        "encoding=no-such",
        "encoding=zip",
        "header=maybe",
        "quote=;&delimiter=;",
        "mode=x",
    ],
)
def test_options_that_make_no_format_are_refused(tmp_path: Path, options: str) -> None:
    with pytest.raises(ValidationFailed):
        parse_url(f"csv:///{tmp_path}?{options}")


def test_a_parquet_address_takes_no_options(tmp_path: Path) -> None:
    with pytest.raises(ValidationFailed, match="no options"):
        parse_url(f"parquet:///{tmp_path}?delimiter=;")


def test_a_connection_string_and_a_config_say_the_same_format() -> None:
    said, _ = StrictConnectionStrings().read(Engine.CSV, Secret("csv:///exports?delimiter=%7C"))
    given = ConnectionConfigInput(path="exports", csv=CsvFormatInput(delimiter="|"))

    assert settled(Engine.CSV, said) == settled(Engine.CSV, given)
    with pytest.raises(ValidationFailed):
        settled(Engine.SQLITE, given)


def test_only_folders_below_the_data_folder_are_admitted(tmp_path: Path) -> None:
    data = DataFolder(tmp_path / "data")
    (tmp_path / "data" / "exports").mkdir(parents=True)
    (tmp_path / "data" / "shop.db").touch()

    assert data.admit("exports", must_exist=True, is_folder=True) == "exports"
    for path in ("../elsewhere", "shop.db"):
        with pytest.raises(PathNotAllowed):
            data.admit(path, must_exist=False, is_folder=True)
    with pytest.raises(PathNotAllowed):
        data.admit("exports", must_exist=True)


@pytest.mark.parametrize("name", ["film", "a/b", "..", ".hidden", "50% %2F", "Ünï cöde", 'q"u:o*t?e'])
def test_file_names_give_back_the_names_of_tables(name: str) -> None:
    stem = stem_of(name)

    assert name_of(stem) == name
    assert "/" not in stem
    assert not stem.startswith(".")


def test_long_names_are_cut_and_stay_apart() -> None:
    stems = {stem_of("é" * 300 + ending) for ending in ("a", "b")}

    assert len(stems) == 2
    assert max(len(stem.encode()) for stem in stems) < 200


@pytest.mark.parametrize("type_", [each.type for each in AWKWARD if each.name not in ("opaque", "enumeration")])
def test_types_are_read_as_they_are_spelled(type_: LogicalType) -> None:
    assert parsed(spelled(type_)) == type_
