"""Making a table's final file: its parts are joined aside, the book says what is to be moved, then it is moved."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

from domain.catalog.model import TableName
from domain.kernel.errors import ErrorCode, ObjectMissing
from domain.migrations.transfer import Ticket
from infra.connectors.folders import book
from infra.connectors.folders.book import LEDGER, Book, Move, Part
from infra.connectors.folders.contents import Folder
from infra.connectors.folders.disk import explained, files_below, move, remove, sha256_of, sync_folder
from infra.connectors.folders.format import PRIVATE, stem_of
from infra.connectors.folders.manifest import Entry, FileEntry, save_manifest


def make_whole(folder: Folder, book_: Book, name: str, ticket: Ticket | None = None) -> None:
    """Join what a table has of parts to its file, or begin an empty one; done twice it has the effect of once.

    Raises:
        Fenced: the ticket is void.
        Conflict: the file that is there is of another form.
        DatabaseError: the disk failed; nothing was changed.
    """
    book_.settle()
    with book_.reading() as connection:
        entry = book.load_entry(connection, name) if connection is not None else None
        parts = book.parts_of(connection, name) if connection is not None else ()
    if entry is None or (entry.files and not parts):
        return
    with explained(f"Finishing {name}"):
        ready, files = _joined(folder, book_, entry, parts)
    obsolete = {file.name for file in entry.files} | {f"{PRIVATE}/{part.file}" for part in parts}
    target = folder.files.joined_name(stem_of(name), ready)
    kept = {file.name for file in files} | {target}
    with book_.writing() as connection:
        if ticket is not None:
            LEDGER.hold(connection, ticket)
        book.save_entry(connection, replace(entry, files=files))
        connection.execute("DELETE FROM part WHERE name = ?", (name,))
        source = str(ready.relative_to(folder.path))
        book.note_move(connection, Move(source, target, tuple(sorted(obsolete - kept - {source}))))
    book_.settle()


def _joined(folder: Folder, book_: Book, entry: Entry, parts: tuple[Part, ...]) -> tuple[Path, tuple[FileEntry, ...]]:
    """Make one file or folder of all that a table has; return it, and how its files are described from then on."""
    files, columns = folder.files, entry.table.columns
    paths = (*folder.stored(entry).paths, *(book_.private / part.file for part in parts))
    ready = book_.private / f"whole-{secrets.token_hex(4)}{files.suffix}"
    if not paths:
        writer = files.writer(ready, columns)
        writer.close()
    elif len(paths) == 1:
        ready = paths[0]
    else:
        files.join(paths, columns, ready)
    sync_folder(book_.private)
    target = files.joined_name(stem_of(entry.table.name.name), ready)
    rows = [file.rows for file in entry.files] + [part.rows for part in parts]
    below = files_below(ready)
    counts = rows if len(below) == len(rows) else [sum(rows)]
    return ready, tuple(
        FileEntry(target if path == ready else f"{target}/{path.name}", count, path.stat().st_size, sha256_of(path))
        for path, count in zip(below, counts, strict=True)
    )


def emptied(folder: Folder, book_: Book, table: TableName) -> None:
    """Remove all rows of a table.

    Raises:
        ObjectMissing: there is no such table.
    """
    if book_.is_active():
        with book_.writing() as connection:
            entry = book.load_entry(connection, table.name)
            if entry is not None:
                connection.execute("DELETE FROM part WHERE name = ?", (table.name,))
                book.save_entry(connection, replace(entry, files=()))
        if entry is None:
            raise _missing(table)
        make_whole(folder, book_, table.name)
        return
    manifest = folder.described()
    entry = manifest.entry(table.name)
    if entry is None:
        raise _missing(table)
    with explained(f"Emptying {table}"):
        draft = folder.path / f"{PRIVATE}-{secrets.token_hex(4)}{folder.files.suffix}"
        folder.files.writer(draft, entry.table.columns).close()
        target = folder.files.joined_name(stem_of(table.name), draft)
        made = FileEntry(target, 0, draft.stat().st_size, sha256_of(draft))
        move(draft, folder.path / target)
        for file in entry.files:
            if file.name != target:
                remove(folder.path / file.name)
    changed = replace(entry, files=(made,))
    tables = tuple(changed if each.table.name == entry.table.name else each for each in manifest.tables)
    save_manifest(folder.path, replace(manifest, tables=tables))


def _missing(table: TableName) -> ObjectMissing:
    return ObjectMissing(f"There is no table {table}.", code=ErrorCode.TABLE_NOT_FOUND)
