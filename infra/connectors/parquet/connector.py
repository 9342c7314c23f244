"""The Parquet connector."""

from __future__ import annotations

from pathlib import Path

from domain.catalog.types import Date, Decimal, Json, Opaque, Text, Timestamp
from domain.connections.values import CsvFormat, Engine
from domain.migrations.limits import Finite, Limit, RealDay, Utf8
from domain.migrations.transfer import ColumnCopy
from infra.connectors.folders.connector import FolderConnector
from infra.connectors.limiting import limits_between
from infra.connectors.parquet.files import ParquetFiles
from infra.connectors.parquet.types import meaning

_DATE_YEARS = (-5_877_640, 5_881_579)
_TIMESTAMP_YEARS = (-290_307, 294_246)
"""What the stored integers, read by DuckDB, reach."""


def files_in(_: Path, __: CsvFormat | None) -> ParquetFiles:
    """Return how the files of a folder are written: there is one way."""
    return ParquetFiles()


def limits(column: ColumnCopy) -> tuple[Limit, ...]:
    """Name the limits of a column: days are those of the calendar, and decimals are finite."""
    own = column.target_native
    match column.type:
        case Date() if own == "DATE":
            return (RealDay(*_DATE_YEARS, infinite=True),)
        case Timestamp() if own.startswith("TIMESTAMP"):
            return (RealDay(*_TIMESTAMP_YEARS, infinite=True),)
        case Decimal() if own.startswith("DECIMAL("):
            return (*limits_between(column.type, meaning(own)), Finite())
        case Text() | Json() | Opaque() if own == "VARCHAR":
            return (Utf8(),)
        case _:
            return () if own in ("VARCHAR", "BLOB") else limits_between(column.type, meaning(own))


CONNECTOR = FolderConnector(Engine.PARQUET, files_in, limits)
