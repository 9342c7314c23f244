"""The CSV connector."""

from __future__ import annotations

from pathlib import Path

from domain.catalog.types import Json, Opaque, Text
from domain.connections.values import CsvFormat, Engine
from domain.migrations.limits import Limit, Utf8
from domain.migrations.transfer import ColumnCopy
from infra.connectors.csv.files import CsvFiles
from infra.connectors.folders.connector import FolderConnector
from infra.connectors.folders.manifest import MANIFEST, load_manifest


def files_in(folder: Path, given: CsvFormat | None) -> CsvFiles:
    """Return how the files of a folder are written: as its manifest says, or else as given."""
    if (folder / MANIFEST).is_file():
        manifest = load_manifest(folder, Engine.CSV)
        if manifest is not None and manifest.csv is not None:
            return CsvFiles(manifest.csv)
    return CsvFiles(given)


def limits(column: ColumnCopy) -> tuple[Limit, ...]:
    """Name the one limit: a text file holds every value as its text, if that is one."""
    return (Utf8(),) if isinstance(column.type, Text | Json | Opaque) else ()


CONNECTOR = FolderConnector(Engine.CSV, files_in, limits)
