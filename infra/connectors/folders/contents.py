"""What a folder holds: by its manifest, or else by its files and what people say of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from domain.catalog.model import OtherObject, Table, TableName
from domain.kernel.errors import ConnectFailed, ErrorCode, ObjectMissing
from domain.migrations.digests import DigestColumn
from infra.connectors.folders.format import FolderFormat, Stored
from infra.connectors.folders.manifest import (
    NOTHING_GIVEN,
    Entry,
    FileEntry,
    Manifest,
    load_given,
    load_manifest,
)

_LOOKED_AT_MAX = 100_000
"""How many files are looked at to find those that no table has."""


@dataclass(frozen=True)
class Folder:
    """A folder of files of one kind."""

    path: Path
    files: FolderFormat

    def check(self, *, writable: bool) -> None:
        """Look whether the folder can be used; one that is to be written may be missing.

        Raises:
            ConnectFailed: it is missing, or is no folder.
        """
        if self.path.is_dir():
            return
        if self.path.exists():
            raise ConnectFailed(f"{self.path} is a file, not a folder.", code=ErrorCode.NOT_A_DATABASE)
        if not writable:
            raise ConnectFailed(f"There is no folder {self.path}.", code=ErrorCode.DATABASE_NOT_FOUND)
        if not self.path.parent.is_dir():
            raise ConnectFailed(
                f"The folder {self.path.parent} does not exist; create it first.", code=ErrorCode.DATABASE_NOT_FOUND
            )

    def manifest(self) -> Manifest | None:
        """Read the manifest; nothing if there is none.

        Raises:
            ConnectFailed: it cannot be used, or belongs to another kind of files.
        """
        return load_manifest(self.path, self.files.engine)

    def described(self) -> Manifest:
        """Return all that the folder holds; without a manifest, the types are found out from all rows.

        Raises:
            ConnectFailed: what describes the folder cannot be used.
            DatabaseError: a file cannot be read to its end.
        """
        return self.manifest() or self._listed()

    def _listed(self) -> Manifest:
        given = load_given(self.path) if self.path.is_dir() else {}
        found = self.files.tables(self.path) if self.path.is_dir() else {}
        entries = []
        for name, paths in found.items():
            said = given.get(name, NOTHING_GIVEN)
            columns, rows = self.files.describe(paths, said.types)
            table = said.apply(Table(TableName(name), columns))
            entries.append(Entry(table, (), tuple(self._entry(path, rows, paths) for path in paths)))
        return Manifest(self.files.engine, self.files.csv, tuple(entries))

    def _entry(self, path: Path, rows: int, paths: tuple[Path, ...]) -> FileEntry:
        """Describe a file that is not ours; how many rows it has is known of all of a table's files together."""
        size = path.stat().st_size
        return FileEntry(str(path.relative_to(self.path)), rows if path == paths[0] else 0, size, "")

    def unread(self, read: Collection[Path]) -> tuple[OtherObject, ...]:
        """Name the sub-folders with files of this kind, among so many as are looked at, that are no table's."""
        found = islice(self.path.rglob(f"*{self.files.suffix}"), _LOOKED_AT_MAX)
        beside = (path.relative_to(self.path) for path in found if path not in read and path.parent != self.path)
        names = {path.parts[0] for path in beside if not any(part.startswith(".") for part in path.parts)}
        return tuple(OtherObject("SUB-FOLDER", name) for name in sorted(names))

    def stored(self, entry: Entry) -> Stored:
        """Return where a described table lies."""
        return Stored(entry.table.columns, tuple(self.path / file.name for file in entry.files))


def known_columns(stored: Stored, name: TableName, columns: tuple[DigestColumn, ...]) -> None:
    """Make sure that a table has some columns.

    Raises:
        ObjectMissing: one is missing, by the code `COLUMN_NOT_FOUND`.
    """
    there = {column.name for column in stored.columns}
    for column in columns:
        if column.name not in there:
            raise ObjectMissing(f"Table {name} has no column {column.name}.", code=ErrorCode.COLUMN_NOT_FOUND)
