"""What a folder of files says of itself: `manifest.json`, which we write last; `schema.json`, which people write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from domain.catalog.model import DatabaseSchema, Key, Sequence, Table, TableName, View
from domain.catalog.reading import parsed
from domain.catalog.types import LogicalType
from domain.connections.values import CsvFormat, Engine
from domain.kernel.codec import from_json, to_json
from domain.kernel.errors import ConnectFailed, ErrorCode, ValidationFailed, WherryError
from domain.kernel.values import Bytes, Rows
from infra.connectors.folders.disk import replace_text

MANIFEST = "manifest.json"
SCHEMA = "schema.json"
VERSION = 1

_GIVEN_EXAMPLE = '{"tables": {"film": {"columns": {"id": "integer(32)", "title": "text(50)"}, "primary_key": ["id"]}}}'


@dataclass(frozen=True)
class FileEntry:
    """A finished file of a table, by its name in the folder."""

    name: str
    rows: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Entry:
    """A table, the native types that its columns had in the database it comes from, and its files."""

    table: Table
    natives: tuple[str, ...] = ()
    files: tuple[FileEntry, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows the files hold."""
        return sum(file.rows for file in self.files)


@dataclass(frozen=True)
class Manifest:
    """Everything in a folder of files. Keys, rules and views are information: files enforce nothing.

    `origin` is the kind of database that it was written from; empty if nobody knows.
    """

    engine: Engine
    csv: CsvFormat | None = None
    tables: tuple[Entry, ...] = ()
    views: tuple[View, ...] = ()
    sequences: tuple[Sequence, ...] = ()
    origin: str = ""
    version: int = VERSION

    def entry(self, name: str) -> Entry | None:
        """Return what there is of a table, or nothing."""
        return next((entry for entry in self.tables if entry.table.name.name == name), None)


def schema_of(manifest: Manifest, server_version: str) -> DatabaseSchema:
    """Return what a folder holds as any database would say it."""
    tables = []
    for entry in manifest.tables:
        size = sum(file.size_bytes for file in entry.files)
        tables.append(_sized(entry.table, entry.rows, size))
    return DatabaseSchema(manifest.engine, server_version, tuple(tables), manifest.sequences, manifest.views)


def _sized(table: Table, rows: int, size: int) -> Table:
    return Table(
        table.name,
        table.columns,
        table.primary_key,
        table.indexes,
        table.foreign_keys,
        table.checks,
        table.comment,
        Rows(rows),
        Bytes(size),
    )


def load_manifest(folder: Path, engine: Engine) -> Manifest | None:
    """Read a folder's manifest; nothing if it has none.

    Raises:
        ConnectFailed: the manifest cannot be used, or is one of another kind of files.
    """
    path = folder / MANIFEST
    if not path.exists():
        return None
    try:
        manifest = from_json(Manifest, json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, WherryError) as error:
        raise ConnectFailed(
            f"{path} is no manifest that this version can read; take it away to read the files without it.",
            code=ErrorCode.NOT_A_DATABASE,
        ) from error
    if manifest.engine is not engine:
        raise ConnectFailed(
            f"{folder} holds {manifest.engine.value} files; its address begins with {manifest.engine.value.lower()}://.",
            code=ErrorCode.NOT_A_DATABASE,
        )
    return manifest


def save_manifest(folder: Path, manifest: Manifest) -> None:
    """Put a folder's manifest in place; from then on its files are finished."""
    replace_text(folder / MANIFEST, json.dumps(to_json(manifest), ensure_ascii=False, indent=1) + "\n")


@dataclass(frozen=True)
class GivenTable:
    """What `schema.json` says of a table: types of columns by name, the primary key."""

    types: Mapping[str, LogicalType]
    key: tuple[str, ...] = ()

    def apply(self, table: Table) -> Table:
        """Return the table with its key."""
        if not self.key:
            return table
        return Table(TableName(table.name.name), table.columns, Key(self.key), row_estimate=table.row_estimate)


NOTHING_GIVEN = GivenTable({})


def load_given(folder: Path) -> dict[str, GivenTable]:
    """Read what people say of the types in a folder.

    `{"tables": {"film": {"columns": {"id": "integer(32)", "title": "text(50)"}, "primary_key": ["id"]}}}`; types are
    spelled as the reports spell them, and what is left out is found out from the rows.

    Raises:
        ConnectFailed: the file is not of this form.
    """
    path = folder / SCHEMA
    if not path.exists():
        return {}
    try:
        tables = json.loads(path.read_text(encoding="utf-8"))["tables"]
        return {str(name): _given(said) for name, said in tables.items()}
    except (ValueError, KeyError, TypeError, AttributeError, ValidationFailed) as error:
        raise ConnectFailed(
            f"{path} cannot be used ({error}); it looks like {_GIVEN_EXAMPLE}.", code=ErrorCode.NOT_A_DATABASE
        ) from error


def _given(said: Mapping[str, object]) -> GivenTable:
    columns, key = said.get("columns", {}), said.get("primary_key", [])
    if not isinstance(columns, dict) or not isinstance(key, list) or said.keys() - {"columns", "primary_key"}:
        raise ValidationFailed("a table has columns and a primary_key")
    return GivenTable({str(name): parsed(str(text)) for name, text in columns.items()}, tuple(map(str, key)))
