"""The CSV connector."""

from __future__ import annotations

from pathlib import Path

from domain.connections.values import CsvFormat, Engine
from domain.migrations.limits import Limit
from domain.migrations.transfer import ColumnCopy
from infra.connectors.csv.files import CsvFiles
from infra.connectors.folder_connector import FolderConnector
from infra.connectors.folder_manifest import MANIFEST, load_manifest


def files_in(folder: Path, given: CsvFormat | None) -> CsvFiles:
    """Return how the files of a folder are written: as its manifest says, or else as given."""
    if (folder / MANIFEST).is_file():
        manifest = load_manifest(folder, Engine.CSV)
        if manifest is not None and manifest.csv is not None:
            return CsvFiles(manifest.csv)
    return CsvFiles(given)


def limits(_: ColumnCopy) -> tuple[Limit, ...]:
    """Name no limit: a text file holds every value as its text."""
    return ()


CONNECTOR = FolderConnector(Engine.CSV, files_in, limits)
