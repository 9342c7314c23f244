"""Builders of catalog shapes."""

from __future__ import annotations

from domain.catalog.model import Column, ForeignKey, Index, IndexPart, Key, Table, TableName
from domain.catalog.types import Integer, LogicalType, Text


def a_column(name: str, type_: LogicalType | None = None, *, native: str = "", nullable: bool = True) -> Column:
    type_ = type_ or Text()
    return Column(name, type_, native or type(type_).__name__.lower(), nullable=nullable)


def a_table(
    name: str,
    *columns: str,
    key: str = "id",
    indexes: tuple[Index, ...] = (),
    foreign_keys: tuple[ForeignKey, ...] = (),
) -> Table:
    """A table whose key is an integer and whose other columns are texts."""
    return Table(
        TableName(name),
        (a_column(key, Integer(64), nullable=False), *(a_column(column) for column in columns)),
        primary_key=Key((key,)),
        indexes=indexes,
        foreign_keys=foreign_keys,
    )


def an_index(name: str, *columns: str, unique: bool = False, predicate: str = "") -> Index:
    return Index(name, tuple(IndexPart(column) for column in columns), unique=unique, predicate=predicate)


def a_foreign_key(name: str, column: str, references: str, referenced: str = "id") -> ForeignKey:
    return ForeignKey(name, (column,), TableName(references), (referenced,))
