"""The file of rejected rows: one JSON document a line, tables first, then their rows; people may mend it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from domain.catalog.mixed import MIXED, as_carried, as_written
from domain.catalog.model import TableName
from domain.kernel.codec import from_json, to_json
from domain.kernel.errors import ValidationFailed
from domain.migrations.rejects import RejectedRow
from domain.migrations.transfer import ColumnCopy, TableCopy
from workers.engine.prepare import PreparedRun

if TYPE_CHECKING:
    from workers.engine.replay import RejectedTable

_TABLE, _ROW = "table", "row"


def default_path(run_id: str) -> Path:
    """Return where rejected rows go unless somebody names another file: into the present folder."""
    return Path(f"wherry-rejects-{run_id}.jsonl")


class RejectFile:
    """Writes a run's rejected rows to a file beside the wanted one, which takes its place at the end."""

    def __init__(self, path: Path, prepared: PreparedRun) -> None:
        self._path = path
        self._run_id = prepared.ticket.run_id
        self._tables = {copy.number: copy for copy in prepared.plan.tables}
        self._known: set[int] = set()
        self._file: TextIO | None = None

    async def keep(self, rows: tuple[RejectedRow, ...]) -> None:
        """Write some rows."""
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._beside.open("w", encoding="utf-8")
        for row in rows:
            copy = self._tables[row.table_number]
            if row.table_number not in self._known:
                self._known.add(row.table_number)
                self._file.write(_line(_table_document(self._run_id, copy)))
            self._file.write(_line(_row_document(copy, row)))

    async def close(self) -> None:
        """Make sure that the file is on the disk, and put it in its place."""
        if self._file is not None:
            _put_in_place(self._file, self._beside, self._path)

    @property
    def _beside(self) -> Path:
        return _beside(self._path)


def write_rejects(path: Path, tables: tuple[RejectedTable, ...]) -> None:
    """Write a file of rejected rows anew; the old one is there until the new one is whole."""
    file = _beside(path).open("w", encoding="utf-8")
    for table in tables:
        file.write(_line(_table_document(table.run_id, table.copy)))
        file.writelines(_line(_row_document(table.copy, row)) for row in table.rows)
    _put_in_place(file, _beside(path), path)


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _put_in_place(file: TextIO, written: Path, path: Path) -> None:
    file.flush()
    os.fsync(file.fileno())
    file.close()
    written.replace(path)


def read_rejects(path: Path) -> tuple[RejectedTable, ...]:
    """Read a file of rejected rows, mended or not.

    Raises:
        ValidationFailed: it is no such file; the message names the line.
    """
    tables: dict[int, tuple[str, TableCopy]] = {}
    rows: dict[int, list[RejectedRow]] = {}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                document = json.loads(line)
                if document["is"] == _TABLE:
                    copy = _copy_of(document)
                    tables[copy.number] = (document["run"], copy)
                else:
                    row = _row_of(document, {place: copy for place, (_, copy) in tables.items()})
                    rows.setdefault(row.table_number, []).append(row)
            except (ValueError, KeyError, TypeError, AttributeError, ValidationFailed) as error:
                raise ValidationFailed(f"{path}, line {number}, is no line of a file of rejected rows") from error
    from workers.engine.replay import RejectedTable

    return tuple(RejectedTable(run, copy, tuple(rows.get(place, ()))) for place, (run, copy) in tables.items())


def _table_document(run_id: str, copy: TableCopy) -> dict[str, Any]:
    return {
        "is": _TABLE,
        "run": run_id,
        "number": copy.number,
        "source": to_json(copy.source),
        "target": to_json(copy.target),
        "key": list(copy.key),
        "columns": [to_json(column) for column in copy.columns],
    }


def _row_document(copy: TableCopy, row: RejectedRow) -> dict[str, Any]:
    values = {
        column.source: as_written(text) if column.type == MIXED else text
        for column, text in zip(copy.columns, row.values, strict=True)
    }
    return {
        "is": _ROW,
        "table": str(copy.source),
        "number": [row.table_number, row.chunk_number, row.number],
        "key": {name: values.get(name) for name in copy.key},
        "column": row.column,
        "reason": row.reason,
        "values": values,
    }


def _copy_of(document: dict[str, Any]) -> TableCopy:
    from_source, from_target = document["source"], document["target"]
    return TableCopy(
        number=int(document["number"]),
        source=from_json(TableName, from_source),
        target=from_json(TableName, from_target),
        columns=tuple(from_json(ColumnCopy, column) for column in document["columns"]),
        key=tuple(document["key"]),
    )


def _row_of(document: dict[str, Any], tables: dict[int, TableCopy]) -> RejectedRow:
    table, chunk, number = (int(part) for part in document["number"])
    values = document["values"]
    texts = tuple(
        as_carried(values[column.source]) if column.type == MIXED else values[column.source]
        for column in tables[table].columns
    )
    if not all(text is None or isinstance(text, str) for text in texts):
        raise ValidationFailed("values are texts or null")
    return RejectedRow(table, chunk, number, str(document["column"]), str(document["reason"]), texts)


def _line(document: dict[str, Any]) -> str:
    """Spell a document readably; bytes that are no UTF-8 as JSON spells halves of surrogate pairs."""
    return f"{json.dumps(document, ensure_ascii=False)}\n".encode(errors="backslashreplace").decode()
