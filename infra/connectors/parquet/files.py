"""What a folder of Parquet files can do (`infra.connectors.folders.format`)."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import cast

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from domain.catalog.model import Column
from domain.catalog.types import Integer, LogicalType, Opaque
from domain.connections.values import CsvFormat, Engine
from domain.kernel.codec import from_json
from domain.kernel.errors import ConnectFailed, DatabaseError, ErrorCode, SchemaDrift, ValidationFailed
from domain.kernel.values import Rows
from domain.migrations.digests import DigestColumn
from domain.migrations.transfer import ChunkScope, PhysicalRange, WholeTable
from infra.connectors.arrow import BATCH_BYTES_MAX, BATCH_ROWS_MAX
from infra.connectors.folders.digest import in_memory, schema_of
from infra.connectors.folders.disk import sync_file, sync_folder
from infra.connectors.folders.format import PartWriter, Piece, Stored, name_of
from infra.connectors.parquet.types import meaning, native
from infra.connectors.parquet.values import carried, is_as_it_crosses
from infra.connectors.parquet.writing import META_KEY, ParquetWriter

_NANOSECONDS = 1_000

_NANOSECONDS_NOTE = "A duration in nanoseconds."

_PIECES_OF_GROUP_MAX = 4
"""A row group can only be read from its beginning, so it is cut into few pieces."""


class ParquetFiles:
    """Parquet files; a table is one, or a sub-folder of them."""

    engine = Engine.PARQUET
    suffix = ".parquet"

    @property
    def csv(self) -> CsvFormat | None:
        """These are no CSV files."""
        return None

    def tables(self, folder: Path) -> Mapping[str, tuple[Path, ...]]:
        """Find the files and sub-folders of a folder; each is a table."""
        found: dict[str, tuple[Path, ...]] = {}
        for path in sorted(folder.iterdir()):
            below = tuple(sorted(path.glob(f"*{self.suffix}"))) if path.is_dir() else (path,)
            if path.name.startswith(".") or not below or below[0].suffix != self.suffix:
                continue
            name = name_of(path.name.removesuffix(self.suffix))
            if name in found:
                raise ConnectFailed(
                    f"A file and a sub-folder would both be table {name}; keep one of them.",
                    code=ErrorCode.NOT_A_DATABASE,
                )
            found[name] = below
        return found

    def native(self, type_: LogicalType) -> str:
        """Return the kind of column that holds every value of a type exactly."""
        return native(type_)

    def layout(self, paths: Sequence[Path]) -> tuple[Column, ...]:
        """Return a table's columns, as its first file says."""
        with _open(paths[0]) as file:
            schema = file.schema_arrow
        meanings = _meanings(schema)
        try:
            natives = _natives(pa.schema([field.with_type(_taken(field.type)) for field in schema]))
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise DatabaseError(f"{paths[0]} cannot be read: {reason}. Write it with other types.") from error
        columns = []
        for place, (field, spelled) in enumerate(zip(schema, natives, strict=True)):
            type_ = meanings[place] if meanings else meaning(spelled)
            columns.append(Column(field.name, type_, spelled, nullable=field.nullable))
        return tuple(columns)

    def describe(self, paths: Sequence[Path], given: Mapping[str, LogicalType]) -> tuple[tuple[Column, ...], Rows]:
        """Return a table's columns; moments and durations that use their nanoseconds are texts and numbers."""
        rows = 0
        columns = list(self.layout(paths))
        with _open(paths[0]) as file:
            first = _types(file)
        for path in paths:
            with _open(path) as file:
                _check_alike(paths[0], first, path, _types(file))
                rows += file.metadata.num_rows
                for place, column in enumerate(columns):
                    if column.native == "TIMESTAMP_NS" and _uses_nanoseconds(file, column.name):
                        columns[place] = replace(column, type=Opaque("timestamp_ns"))
                    if _is_fine_duration(file.schema_arrow, column) and _uses_nanoseconds(file, column.name):
                        columns[place] = replace(column, type=Integer(64), native="BIGINT", comment=_NANOSECONDS_NOTE)
        typed = (replace(column, type=given.get(column.name, column.type)) for column in columns)
        return tuple(typed), Rows(rows)

    def split(self, stored: Stored, rows_max: int) -> tuple[Piece, ...]:
        """Cut a table by row number, between row groups where these are small enough."""
        cuts, rows = [0], 0
        for path in stored.paths:
            with _open(path) as file:
                counts = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
            for count in counts:
                step = max(rows_max, -(-count // _PIECES_OF_GROUP_MAX))
                if rows > cuts[-1] and rows + min(step, count) - cuts[-1] > rows_max:
                    cuts.append(rows)
                cuts.extend(range(rows + step, rows + count, step))
                rows += count
        if len(cuts) == 1:
            return (Piece(WholeTable(), Rows(rows)),)
        ends: list[int | None] = [*cuts[1:], None]
        return tuple(
            Piece(PhysicalRange(first, end), Rows((rows if end is None else end) - first))
            for first, end in zip(cuts, ends, strict=True)
        )

    def scan(self, stored: Stored, columns: tuple[DigestColumn, ...], scope: ChunkScope) -> Iterator[pa.RecordBatch]:
        """Read some columns of a part of a table."""
        first, last = (scope.first, scope.last) if isinstance(scope, PhysicalRange) else (0, None)
        passed = 0
        with closing(in_memory()) as connection:
            for path in stored.paths:
                with _open(path) as file:
                    reading = _Reading(path, file, columns, connection)
                    for group in range(file.metadata.num_row_groups):
                        rows = file.metadata.row_group(group).num_rows
                        begin, end = max(first - passed, 0), rows if last is None else min(last - passed, rows)
                        passed += rows
                        if begin < end:
                            yield from reading.batches(group, begin, end)

    def writer(self, path: Path, columns: tuple[Column, ...]) -> PartWriter:
        """Begin a file."""
        return ParquetWriter(path, columns)

    def joined_name(self, stem: str, ready: Path) -> str:
        """Return the name of a table's file, or of its sub-folder."""
        return stem if ready.is_dir() else f"{stem}{self.suffix}"

    def join(self, paths: Sequence[Path], columns: tuple[Column, ...], to: Path) -> None:  # noqa: ARG002 - as they are
        """Put files together in a sub-folder; where the file system cannot link, they are copied."""
        to.mkdir()
        for number, path in enumerate(paths, 1):
            part = to / f"part-{number:05d}{self.suffix}"
            try:
                os.link(path, part)
            except OSError:
                shutil.copyfile(path, part)
                sync_file(part)
        sync_folder(to)


class _Reading:
    """One pass over some columns of a file."""

    def __init__(
        self,
        path: Path,
        file: parquet.ParquetFile,
        columns: tuple[DigestColumn, ...],
        connection: duckdb.DuckDBPyConnection,
    ) -> None:
        self._path = path
        self._file = file
        self._columns = columns
        self._connection = connection
        self._schema = schema_of(columns)
        names = file.schema_arrow.names
        missing = [column.name for column in columns if column.name not in names]
        if missing:
            raise SchemaDrift(f"{path} has no column {missing[0]}.")

    def batches(self, group: int, begin: int, end: int) -> Iterator[pa.RecordBatch]:
        """Read some rows of a row group, so many at a time as their mean size lets."""
        names = [column.name for column in self._columns]
        if not names:
            yield from _bare(end - begin)
            return
        about = self._file.metadata.row_group(group)
        mean = max(1, about.total_byte_size // max(1, about.num_rows))
        rows = max(1, min(BATCH_ROWS_MAX, BATCH_BYTES_MAX // mean))
        place = 0
        try:
            for batch in self._file.iter_batches(rows, [group], columns=names, use_threads=False):
                start, stop = max(begin - place, 0), min(end - place, batch.num_rows)
                place += batch.num_rows
                if start < stop:
                    yield self._carried(batch.slice(start, stop - start))
                if place >= end:
                    return
        except (pa.ArrowException, OSError, duckdb.Error) as error:
            raise DatabaseError(f"{self._path} cannot be read: {str(error).splitlines()[0]}") from error

    def _carried(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Turn what is stored into what crosses: widths by Arrow, all else by DuckDB."""
        columns: list[pa.Array] = []
        for place, column in enumerate(self._columns):
            values, wanted = batch.column(column.name), self._schema.field(place).type
            if is_as_it_crosses(column.native, column.type) and not pa.types.is_dictionary(values.type):
                columns.append(values.cast(wanted))
            else:
                columns.append(self._spelled(values, column).cast(wanted))
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)

    def _spelled(self, values: pa.Array, column: DigestColumn) -> pa.Array:
        self._connection.register("stored", pa.table({"value": values}))
        try:
            sql = f"SELECT {carried('value', column.native, column.type)} AS carried FROM stored"
            return self._connection.sql(sql).to_arrow_table().column(0).combine_chunks()
        finally:
            self._connection.unregister("stored")


def _bare(rows: int) -> Iterator[pa.RecordBatch]:
    yield pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))


def _open(path: Path) -> parquet.ParquetFile:
    """Open a file.

    Raises:
        SchemaDrift: it is gone.
        ConnectFailed: it is no Parquet file.
    """
    try:
        return parquet.ParquetFile(path)
    except FileNotFoundError as error:
        raise SchemaDrift(f"{path} is gone.") from error
    except (pa.ArrowException, OSError) as error:
        raise ConnectFailed(f"{path} is no Parquet file: {error}", code=ErrorCode.NOT_A_DATABASE) from error


def _types(file: parquet.ParquetFile) -> dict[str, str]:
    """Return the types of a file's columns, by their names: whole numbers are of one type, and so are texts."""

    def spelled(type_: pa.DataType) -> str:
        type_ = type_.value_type if pa.types.is_dictionary(type_) else type_
        if pa.types.is_integer(type_):
            return "integer"
        return str(type_).removeprefix("large_")

    return {field.name: spelled(field.type) for field in file.schema_arrow}


def _check_alike(one: Path, types: dict[str, str], other: Path, others: dict[str, str]) -> None:
    """Refuse files of one table of which one has columns that the other lacks, or has of another type.

    Raises:
        ConnectFailed: they differ.
    """
    for name in sorted(types.keys() | others.keys()):
        here, there = types.get(name, "not there"), others.get(name, "not there")
        if here != there:
            raise ConnectFailed(
                f"Column {name} is {here} in {one} and {there} in {other}: the files of a sub-folder are one table, "
                "of one form; write them alike, or put them into folders of their own.",
                code=ErrorCode.NOT_A_DATABASE,
            )


def _meanings(schema: pa.Schema) -> list[LogicalType] | None:
    """Return what the columns of a file of ours mean; nothing for other files."""
    said = (schema.metadata or {}).get(META_KEY)
    if said is None:
        return None
    try:
        found = [from_json(cast("type[LogicalType]", LogicalType), item) for item in json.loads(said)]
    except (ValueError, TypeError, ValidationFailed):
        return None
    return found if len(found) == len(schema) else None


def _taken(type_: pa.DataType) -> pa.DataType:
    """Return the type in which Arrow gives the same values where DuckDB does not know the stored one."""
    if pa.types.is_float16(type_):
        return pa.float32()
    return pa.large_string() if pa.types.is_decimal256(type_) else type_


def _is_fine_duration(schema: pa.Schema, column: Column) -> bool:
    """Tell whether a column holds nanoseconds that an interval of DuckDB's would lose."""
    place = schema.get_field_index(column.name)
    return column.native == "INTERVAL" and place >= 0 and schema.field(place).type == pa.duration("ns")


def _natives(schema: pa.Schema) -> list[str]:
    """Return the types of a file's columns as DuckDB calls them."""
    with closing(in_memory()) as connection:
        connection.register("stored", schema.empty_table())
        return [str(row[1]) for row in connection.execute("DESCRIBE SELECT * FROM stored").fetchall()]


def _uses_nanoseconds(file: parquet.ParquetFile, name: str) -> bool:
    for batch in file.iter_batches(columns=[name], use_threads=False):
        nanoseconds = batch.column(0).cast(pa.int64())
        rest = pc.subtract(nanoseconds, pc.multiply(pc.divide(nanoseconds, _NANOSECONDS), _NANOSECONDS))
        if pc.any(pc.not_equal(rest, 0)).as_py():
            return True
    return False
